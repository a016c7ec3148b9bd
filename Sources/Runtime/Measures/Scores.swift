import Model

/// How an answer fares: of several tokens their sum, teacher-forced, each token given the ones before
/// it.
struct Score {
  /// Of several tokens the sum.
  var logit: Double
  /// The log-probability; of several tokens the sum. NaN unless it was asked for.
  var logprob: Double
  /// Among all tokens; of several tokens the worst. NaN unless it was asked for.
  var rank: Double

  static let none = Score(logit: .nan, logprob: .nan, rank: .nan)

  var prob: Double { Numerics.exp(logprob) }

  enum Kind: String, CaseIterable { case logit, prob, logprob, rank }
}

/// Which numbers of the answers are needed.
struct ScoreNeeds {
  var logprob = false
  var rank = false

  /// Whether the logits of the answers themselves are not enough.
  var vocabulary: Bool { logprob || rank }

  mutating func need(_ kind: Score.Kind) {
    switch kind {
    case .logit: break
    case .prob, .logprob: logprob = true
    case .rank: rank = true
    }
  }
}

extension Score {
  /// Of a token that was asked for; but for its logit NaN where a logit of the vocabulary is not finite.
  init(_ token: LogitSummary.Token, of summary: LogitSummary) {
    logit = Double(token.finiteLogit)
    logprob = summary.logProbability(ofLogit: token.logit)
    rank = token.rank.map(Double.init) ?? .nan
  }

  /// Of a logit alone.
  init(logit: Float) {
    self.init(logit: logit.isFinite ? Double(logit) : .nan, logprob: .nan, rank: .nan)
  }

  /// The scores of answers that begin alike and differ in their last token.
  ///
  /// - Parameter summaries: one for each token that was fed, of that token, then one of all last tokens.
  static func read(_ summaries: some Collection<LogitSummary>) -> [Score] {
    guard let last = summaries.suffix(1).first else { return [] }
    let scores = last.tokens.map { Score($0, of: last) }
    let before = summaries.dropLast().compactMap { summary in
      summary.tokens.first.map { Score($0, of: summary) }
    }
    guard let first = before.first else { return scores }
    let shared = before.dropFirst().reduce(first) { $0.followed(by: $1) }
    return scores.map(shared.followed)
  }

  private func followed(by next: Score) -> Score {
    Score(
      logit: logit + next.logit, logprob: logprob + next.logprob,
      rank: rank.isNaN || next.rank.isNaN ? .nan : max(rank, next.rank))
  }
}

extension Score.Kind {
  /// The number of a set of answers: the probabilities add up, logits are averaged, the best rank
  /// counts.
  func ofSet(_ scores: [Score]) -> Double {
    if scores.count == 1 { return of(scores[0]) }
    let numbers = scores.map(of)
    switch self {
    case .logit: return numbers.reduce(0, +) / Double(numbers.count)
    case .prob: return numbers.reduce(0, +)
    case .rank: return numbers.contains(where: \.isNaN) ? .nan : numbers.min() ?? .nan
    case .logprob:
      // So that small probabilities do not vanish before they are added.
      let largest = numbers.max() ?? .nan
      guard largest > -.infinity, !numbers.contains(where: \.isNaN) else { return .nan }
      return largest + Numerics.log(numbers.reduce(0) { $0 + Numerics.exp($1 - largest) })
    }
  }

  func of(_ score: Score) -> Double {
    switch self {
    case .logit: score.logit
    case .prob: score.prob
    case .logprob: score.logprob
    case .rank: score.rank
    }
  }
}
