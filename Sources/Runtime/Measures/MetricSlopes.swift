import Lang
import Model

/// An expression's derivatives by the scores of one case, worked out from the whole to its parts.
///
/// Where two numbers are equally large, `max` and `min` take the first. |x| has the derivative 0 at 0.
struct MetricSlopes {
  private let evaluation: MetricEvaluation
  /// By the logit and by the log probability of each completion.
  private(set) var byLogits: [Double]
  private(set) var byLogProbabilities: [Double]

  init(of expression: MetricExpression, _ evaluation: MetricEvaluation) {
    self.evaluation = evaluation
    byLogits = evaluation.scores.map { _ in 0 }
    byLogProbabilities = byLogits
    pass(1, to: expression)
  }

  private mutating func pass(_ slope: Double, to expression: MetricExpression) {
    // What counts nothing passes nothing, whatever it is itself.
    if slope == 0 { return }
    switch expression {
    case .number, .accuracy, .comparison: break
    case .score(let kind, let tokens): pass(slope, to: kind, of: tokens)
    case .negated(let inner): pass(-slope, to: inner)
    case .binary(let op, let left, let right):
      let slopes = op.slopes(evaluation.value(of: left), evaluation.value(of: right))
      pass(slope * slopes.left, to: left)
      pass(slope * slopes.right, to: right)
    case .function(let function, let inner):
      pass(slope * function.slope(evaluation.value(of: inner)), to: inner)
    case .reduction(let reduction, let parts):
      let values = parts.map(evaluation.values)
      var slopes = reduction.slopes(Array(values.joined())).map { slope * $0 }[...]
      for (part, values) in zip(parts, values) {
        pass(Array(slopes.prefix(values.count)), toEachOf: part)
        slopes = slopes.dropFirst(values.count)
      }
    }
  }

  /// The same where an expression is one number for each token.
  private mutating func pass(_ slopes: [Double], toEachOf expression: MetricExpression) {
    switch expression {
    case .number, .accuracy, .comparison, .reduction:
      pass(slopes.reduce(0, +), to: expression)
    case .score(let kind, let tokens):
      for (slope, place) in zip(slopes, evaluation.places(of: tokens)) {
        pass(slope, to: kind, at: place)
      }
    case .negated(let inner): pass(slopes.map { -$0 }, toEachOf: inner)
    case .function(let function, let inner):
      let values = evaluation.values(of: inner)
      pass(zip(slopes, values).map { $0 == 0 ? 0 : $0 * function.slope($1) }, toEachOf: inner)
    case .binary(let op, let left, let right):
      let (a, b) = (evaluation.values(of: left), evaluation.values(of: right))
      let each = slopes.indices.map { i in
        op.slopes(a.count == 1 ? a[0] : a[i], b.count == 1 ? b[0] : b[i])
      }
      let ofLeft = zip(slopes, each).map { $0 == 0 ? 0 : $0 * $1.left }
      let ofRight = zip(slopes, each).map { $0 == 0 ? 0 : $0 * $1.right }
      pass(a.count == 1 ? [ofLeft.reduce(0, +)] : ofLeft, toEachOf: left)
      pass(b.count == 1 ? [ofRight.reduce(0, +)] : ofRight, toEachOf: right)
    }
  }

  /// To the number of a whole set.
  private mutating func pass(
    _ slope: Double, to kind: Score.Kind, of tokens: [MetricExpression.Tokens]
  ) {
    switch kind {
    case .rank: break
    case .logit:
      let places = evaluation.places(of: tokens)
      for place in places { pass(slope / Double(places.count), to: kind, at: place) }
    case .prob:
      for place in evaluation.placesApart(of: tokens) { pass(slope, to: kind, at: place) }
    case .logprob:
      let places = evaluation.placesApart(of: tokens)
      let whole = kind.ofSet(places.map { evaluation.scores[$0] })
      for place in places {
        let share = Numerics.exp(evaluation.scores[place].logprob - whole)
        pass(slope * share, to: kind, at: place)
      }
    }
  }

  private mutating func pass(_ slope: Double, to kind: Score.Kind, at place: Int) {
    switch kind {
    case .rank: break
    case .logit: byLogits[place] += slope
    case .prob: byLogProbabilities[place] += slope * evaluation.scores[place].prob
    case .logprob: byLogProbabilities[place] += slope
    }
  }
}

extension MetricExpression.Operation {
  fileprivate func slopes(_ a: Double, _ b: Double) -> (left: Double, right: Double) {
    switch self {
    case .add: (1, 1)
    case .subtract: (1, -1)
    case .multiply: (b, a)
    case .divide: b == 0 ? (.nan, .nan) : (1 / b, -a / (b * b))
    }
  }
}

extension MetricExpression.Elementary {
  fileprivate func slope(_ x: Double) -> Double {
    switch self {
    case .abs: x > 0 ? 1 : x < 0 ? -1 : x
    case .sqrt: 0.5 / x.squareRoot()
    case .exp: Numerics.exp(x)
    case .log: x < 0 ? .nan : 1 / x
    }
  }
}

extension MetricExpression.Reduction {
  fileprivate func slopes(_ numbers: [Double]) -> [Double] {
    switch self {
    case .sum: return numbers.map { _ in 1 }
    case .mean: return numbers.map { _ in 1 / Double(numbers.count) }
    case .min, .max:
      let value = apply(numbers)
      guard let first = numbers.firstIndex(of: value) else { return numbers.map { _ in .nan } }
      return numbers.indices.map { $0 == first ? 1 : 0 }
    }
  }
}

extension MetricExpression {
  /// - Throws: `Failure` for one that has no derivative by the logits of its own run.
  func checkSlopes() throws {
    var dependsOnLogits = false
    try visit { part in
      switch part {
      case .score(.rank, _):
        throw Failure(
          "`rank` counts tokens, and has no derivative", help: "take logit, prob or logprob")
      case .accuracy:
        throw Failure(
          "`accuracy` is 0 or 1, and has no derivative", help: "take logit_diff, prob or logprob")
      case .comparison(.overlap):
        throw Failure(
          "`overlap` counts tokens, and has no derivative", help: "take logit_diff, prob or logprob"
        )
      case .comparison:
        throw Failure(
          "this compares a run with its base, and is flat where both are equal: its derivative is 0 "
            + "there",
          help: "take logit_diff, prob or logprob; `gradient of kl` is for prompts with edits, and "
            + "`effect of kl` measures it exactly")
      case .score: dependsOnLogits = true
      case .number, .negated, .binary, .function, .reduction: break
      }
    }
    guard dependsOnLogits else {
      throw Failure(
        "nothing in this metric depends on a logit", help: "write logit(answer), prob(\" token\") …"
      )
    }
  }
}

extension PromptMetrics {
  /// The first metric at one position; of an answer of several tokens at the positions that predict them.
  ///
  /// - Parameter factor: what it counts.
  func terms(at position: Int, times factor: Double = 1) -> [LogitTerm] {
    guard completions.count == 1, completions[0].count > 1 else {
      return [term(at: position, times: factor)]
    }
    return completions[0].enumerated().map { index, token in
      let weights = [LogitTerm.Weight(token, factor)]
      let isLogit = if case .score(.logit, _) = expressions[0] { true } else { false }
      return LogitTerm(
        position: position + index, isLogit ? .logits(weights) : .logProbabilities(weights))
    }
  }

  /// The same of answers that are a token each.
  private func term(at position: Int, times factor: Double) -> LogitTerm {
    let (expression, sets) = (expressions[0], sets)
    let function = LogitFunction(of: completions.map { $0[0] }) { logits, logprobs in
      let scores = zip(logits, logprobs).map { logit, logprob in
        logprob.isNaN ? Score.none : Score(logit: logit, logprob: logprob, rank: .nan)
      }
      let evaluation = MetricEvaluation(scores: scores, sets: sets, compared: [:])
      let slopes = MetricSlopes(of: expression, evaluation)
      return LogitFunction.Slopes(
        value: factor * evaluation.value(of: expression),
        byLogits: slopes.byLogits.map { factor * $0 },
        byLogProbabilities: slopes.byLogProbabilities.map { factor * $0 })
    }
    return LogitTerm(position: position, .scores(function))
  }
}
