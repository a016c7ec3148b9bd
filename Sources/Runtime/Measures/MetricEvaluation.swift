import Model

/// An expression's value, from the scores of one case.
struct MetricEvaluation {
  let scores: [Score]
  let sets: [[MetricExpression.Tokens]: CompletionSet]
  let compared: [LogitComparison: Double]

  func value(of expression: MetricExpression) -> Double {
    switch expression {
    case .number(let value): value
    case .score(let kind, let tokens): kind.ofSet(scores(of: tokens, for: kind))
    case .accuracy: accuracy
    case .comparison(let comparison): compared[comparison] ?? .nan
    case .negated(let inner): -value(of: inner)
    case .binary(let op, let left, let right):
      op.apply(value(of: left), value(of: right))
    case .function(let function, let inner): function.apply(value(of: inner))
    case .reduction(let reduction, let parts): reduction.apply(parts.flatMap(values))
    }
  }

  /// One number for each token.
  func values(of expression: MetricExpression) -> [Double] {
    switch expression {
    case .number, .accuracy, .comparison, .reduction: return [value(of: expression)]
    case .score(let kind, let tokens): return scores(of: tokens).map(kind.of)
    case .negated(let inner): return values(of: inner).map { -$0 }
    case .function(let function, let inner): return values(of: inner).map(function.apply)
    case .binary(let op, let left, let right):
      let (a, b) = (values(of: left), values(of: right))
      return (0..<max(a.count, b.count)).map {
        op.apply(a.count == 1 ? a[0] : a[$0], b.count == 1 ? b[0] : b[$0])
      }
    }
  }

  func places(of tokens: [MetricExpression.Tokens]) -> [Int] { sets[tokens]?.all ?? [] }

  /// Those whose probabilities add up.
  func placesApart(of tokens: [MetricExpression.Tokens]) -> [Int] { sets[tokens]?.apart ?? [] }

  private func scores(of tokens: [MetricExpression.Tokens]) -> [Score] {
    places(of: tokens).map { scores[$0] }
  }

  /// Those that count for the number of a whole set.
  private func scores(of tokens: [MetricExpression.Tokens], for kind: Score.Kind) -> [Score] {
    switch kind {
    case .logit, .rank: scores(of: tokens)
    case .prob, .logprob: placesApart(of: tokens).map { scores[$0] }
    }
  }

  /// By log-probability where there are answers of several tokens, whose logits are sums.
  private var accuracy: Double {
    let (answers, foils) = (scores(of: [.answers]), scores(of: [.foils]))
    guard !foils.isEmpty else {
      let rank = Score.Kind.rank.ofSet(answers)
      return rank.isNaN ? .nan : rank == 1 ? 1 : 0
    }
    let kind: Score.Kind = answers.contains { $0.logprob.isNaN } ? .logit : .logprob
    let (ours, theirs) = (answers.map(kind.of), foils.map(kind.of))
    guard !(ours + theirs).contains(where: \.isNaN) else { return .nan }
    return ours.max() ?? 0 > theirs.max() ?? 0 ? 1 : 0
  }
}
