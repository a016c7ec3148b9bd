import Lang
import Model

/// Metrics with the tokens of one prompt: what its runs must give, and what comes of them. The tokens
/// are looked up once, not for each run.
struct PromptMetrics: Sendable {
  let expressions: [MetricExpression]
  /// The token sequences that it asks about, each once.
  let completions: [[Int]]
  /// The sets that the expressions take scores of.
  let sets: [[MetricExpression.Tokens]: CompletionSet]
  private let comparisons: [LogitComparison]
  private let needs: ScoreNeeds
  /// What is fed after the prompt, a run each: all but the last token of the completions. `[[]]` where all
  /// are one token.
  let inputs: [[Int]]

  /// - Parameter named: the tokens that the expressions name themselves.
  /// - Throws: `Failure` where the prompt lacks what a metric needs.
  init(_ metrics: [ChosenMetric], of prompt: Prompt, named: [MetricExpression.Tokens: Int]) throws {
    expressions = metrics.map(\.expression)
    comparisons = expressions.flatMap(\.comparisons)
    var completions: [[Int]] = []
    var known: [[Int]: Int] = [:]
    var places: [MetricExpression.Tokens: [Int]] = [:]
    for metric in metrics {
      // Accuracy looks at foils where there are some.
      let more = metric.expression.hasAccuracy && !prompt.foils.isEmpty
      for tokens in metric.expression.tokens + (more ? [.foils] : []) where places[tokens] == nil {
        let sequences = prompt.sequences(tokens, named)
        guard !sequences.isEmpty else { throw metric.lacks(tokens, prompt) }
        places[tokens] = sequences.map { sequence in
          if let place = known[sequence] { return place }
          known[sequence] = completions.count
          completions.append(sequence)
          return completions.count - 1
        }
      }
    }
    self.completions = completions
    var sets: [[MetricExpression.Tokens]: CompletionSet] = [:]
    for tokens in expressions.flatMap(\.tokenSets) where sets[tokens] == nil {
      sets[tokens] = CompletionSet(tokens.flatMap { places[$0] ?? [] }, of: completions)
    }
    self.sets = sets
    let areOneToken = completions.allSatisfy { $0.count == 1 }
    var needs = ScoreNeeds()
    for expression in expressions {
      expression.add(to: &needs, hasFoils: !prompt.foils.isEmpty, ofOneToken: areOneToken)
    }
    self.needs = needs
    var inputs: [[Int]] = []
    for input in completions.map({ Array($0.dropLast()) }) where !inputs.contains(input) {
      inputs.append(input)
    }
    self.inputs = inputs.isEmpty ? [[]] : inputs
    for expression in expressions { try check(expression, isEach: false) }
  }

  // MARK: What the runs must give

  /// What the run that is fed an input reports of the completions: for each its place.
  struct Part {
    var scores: [(place: Int, score: Score)]
    /// How far its next token is from the base's; empty but of one run, since what follows the prompt does
    /// not change its next token.
    var compared: [Double] = []
    /// The logits of the next token, where they are kept to be compared.
    var logits: [Float]?
  }

  var comparesDistributions: Bool { !comparisons.isEmpty }

  /// Whether a few logits are enough of the run that is fed `input`.
  func needsLogitsAlone(after input: [Int]) -> Bool {
    !needs.vocabulary && !comparesDistributions && input.isEmpty
  }

  /// The tokens whose scores the run that is fed `input` gives.
  func lasts(after input: [Int]) -> [Int] {
    served(by: input).map { completions[$0][input.count] }
  }

  /// What is asked of that run, a query for each token that it predicts.
  func queries(after input: [Int], at position: Int) -> [LogitQuery] {
    (input.map { [$0] } + [lasts(after: input)]).enumerated().map { i, tokens in
      LogitQuery(
        position: position + i, tokens: tokens, ranksTokens: needs.rank,
        comparisons: i == 0 && input == inputs[0] ? comparisons : [])
    }
  }

  /// - Parameter summaries: what the queries found.
  func read(_ summaries: some Collection<LogitSummary>, after input: [Int]) -> Part {
    Part(
      scores: Array(zip(served(by: input), Score.read(summaries))),
      compared: summaries.first?.comparisons ?? [])
  }

  /// - Parameter logits: of the last tokens.
  func read(_ logits: [Float], after input: [Int]) -> Part {
    let isFinite = logits.isFinite
    return Part(
      scores: zip(served(by: input), logits).map { place, logit in
        (place, isFinite ? Score(logit: logit) : .none)
      })
  }

  /// - Parameter rows: the whole vocabulary wherever a token is predicted.
  func read(vocabularies rows: [[Float]], after input: [Int]) -> Part {
    let summaries = zip(rows, queries(after: input, at: 0)).map { LogitSummary($0, $1) }
    var part = read(summaries, after: input)
    if input == inputs[0] { part.logits = rows[0] }
    return part
  }

  private func served(by input: [Int]) -> [Int] {
    completions.indices.filter { completions[$0].dropLast().elementsEqual(input) }
  }

  /// The parts of a donor's runs, compared with the base's. The vocabularies of both were kept.
  func compared(_ donor: [Part], with base: [Part]) -> [Part] {
    guard comparesDistributions, let logits = base.first?.logits else { return donor }
    let distribution = Distribution(logits)
    return donor.enumerated().map { i, part in
      guard i == 0, let logits = part.logits else { return part }
      var part = part
      let other = Distribution(logits)
      part.compared = comparisons.map { distribution.compared($0, with: other) }
      return part
    }
  }

  /// The value of each metric, from a part for each of `inputs`. NaN where a number is not finite.
  func values(_ parts: [Part]) -> [Double] {
    var scores = [Score](repeating: .none, count: completions.count)
    for (place, score) in parts.lazy.flatMap(\.scores) { scores[place] = score }
    let compared = parts.first.map { zip(comparisons, $0.compared) } ?? zip([], [])
    let evaluation = MetricEvaluation(
      scores: scores, sets: sets,
      compared: Dictionary(compared, uniquingKeysWith: { first, _ in first }))
    return expressions.map(evaluation.value)
  }

  /// Whether a value is missing although the run's numbers are all there: a division by zero, a root or a
  /// logarithm of a negative number.
  func isUndefined(_ value: Double, of parts: [Part]) -> Bool {
    value.isNaN
      && parts.allSatisfy { part in
        part.logits?.isFinite != false && !part.compared.contains(where: \.isNaN)
          && !part.scores.contains { $0.score.logit.isNaN }
      }
  }

  /// The completions of a set, each once.
  func places(of tokens: [MetricExpression.Tokens]) -> [Int] { sets[tokens]?.all ?? [] }

  // MARK: Whether it can be computed

  /// - Returns: how many numbers it is.
  @discardableResult
  private func check(_ expression: MetricExpression, isEach: Bool) throws -> Int {
    switch expression {
    case .number, .accuracy, .comparison: return 1
    case .score(_, let tokens):
      return isEach ? places(of: tokens).count : 1
    case .negated(let inner), .function(_, let inner): return try check(inner, isEach: isEach)
    case .binary(_, let left, let right):
      let counts = (try check(left, isEach: isEach), try check(right, isEach: isEach))
      guard counts.0 == counts.1 || counts.0 == 1 || counts.1 == 1 else {
        throw Failure(
          "\(counts.0) numbers and \(counts.1) cannot be paired one by one",
          help: "reduce each by itself: max(…) - max(…)")
      }
      return max(counts.0, counts.1)
    case .reduction(_, let parts):
      for part in parts { try check(part, isEach: true) }
      return 1
    }
  }
}

extension MetricExpression {
  fileprivate var hasAccuracy: Bool {
    var found = false
    visit { if case .accuracy = $0 { found = true } }
    return found
  }

  fileprivate func add(to needs: inout ScoreNeeds, hasFoils: Bool, ofOneToken: Bool) {
    visit { part in
      switch part {
      case .score(let kind, _): needs.need(kind)
      case .accuracy: needs.need(!hasFoils ? .rank : ofOneToken ? .logit : .logprob)
      default: break
      }
    }
  }
}

extension ChosenMetric {
  fileprivate func lacks(_ tokens: MetricExpression.Tokens, _ prompt: Prompt) -> Failure {
    let isFoils = tokens == .foils
    return Failure(
      "\(name) needs \(isFoils ? "foils" : "an answer"), and '\(prompt.name)' has none",
      help: isFoils
        ? "give some: prompt \"…\" -> \" answer\" vs \" foil\""
        : "give one: prompt \"…\" -> \" answer\"")
  }

}

extension Prompt {
  /// The token sequences of a set that a metric names.
  fileprivate func sequences(
    _ tokens: MetricExpression.Tokens, _ named: [MetricExpression.Tokens: Int]
  ) -> [[Int]] {
    switch tokens {
    case .answers: answers.map(\.tokens)
    case .foils: foils.map(\.tokens)
    case .text, .id: named[tokens].map { [[$0]] } ?? []
    }
  }

  /// Whether an answer or a foil is several tokens.
  var hasLongAnswer: Bool { (answers + foils).contains { $0.tokens.count > 1 } }
}

extension MetricExpression {
  /// The tokens that it names itself.
  ///
  /// - Throws: `Failure` for a text that is not one token.
  func addNamed(to named: inout [Tokens: Int], of model: LanguageModel) throws {
    for tokens in tokens where named[tokens] == nil {
      switch tokens {
      case .answers, .foils: continue
      case .text(let text):
        do {
          named[tokens] = try AnswerReader(model: model).answer(text).token
        } catch var failure as Failure {
          failure.help =
            "a metric names single tokens; logprob(answer) is of all tokens of an answer given as "
            + "`whole`"
          throw failure
        }
      case .id(let id):
        try model.require(token: id)
        named[tokens] = id
      }
    }
  }
}
