import Model

/// What an effect is measured by.
enum Metric: String, Choice {
  case logit
  case logitDiff = "logit_diff"
  case prob, logprob, rank, loss, kl

  var summary: String {
    switch self {
    case .logit: "the answer's logit"
    case .logitDiff: "the answer's logit less the mean of its foils'"
    case .prob: "the answer's probability"
    case .logprob: "its logarithm"
    case .rank: "the answer's rank among all tokens"
    case .loss: "−logprob of the tokens of the text: the mean, or with `at` of each"
    case .kl: "KL(base ‖ edited)"
    }
  }

  /// Whether the answer's own logit, or its and its foils', is not enough.
  var needsVocabulary: Bool {
    switch self {
    case .logit, .logitDiff: false
    case .prob, .logprob, .rank, .loss, .kl: true
    }
  }

  /// What it asks of a prompt.
  var question: Readings.Question {
    switch self {
    case .logit, .logitDiff, .prob, .logprob, .rank: .answer
    case .loss: .following
    case .kl: .everything
    }
  }

  /// What a run must give for it where it is read.
  func logits(at readings: [Reading]) -> RunRequest.Logits {
    switch self {
    case .logit, .logitDiff:
      .chosen(
        readings.map { .init(tokens: tokens(of: $0.prompt), position: $0.position) })
    case .prob, .logprob, .rank, .kl: .all(readings.map(\.position))
    case .loss:
      .summaries(
        readings.map { LogitQuery(position: $0.position, tokens: tokens(of: $0.prompt)) })
    }
  }

  /// The tokens that it looks at, where it needs no more.
  func tokens(of prompt: Prompt) -> [Int] {
    let foils = self == .loss ? [] : prompt.foils
    return (prompt.answers.prefix(1) + foils).map(\.token)
  }

  /// The metric at each reading of a run that gave what `logits` asked for; NaN where a logit is not
  /// finite.
  ///
  /// - Parameter bases: one a reading; empty for the base itself.
  func values(of run: RunResult, at readings: [Reading], bases: [Distribution]) -> [Double] {
    if self == .loss {
      return run.summaries.map { $0.tokens.first.map($0.loss) ?? .nan }
    }
    return zip(readings, run.logits).enumerated().map { i, item in
      value(of: item.1, prompt: item.0.prompt, base: bases.isEmpty ? nil : bases[i])
    }
  }

  /// The metric of one position whose logits are at hand.
  func value(of logits: [Float], prompt: Prompt, base: Distribution?) -> Double {
    let answer = prompt.answers.first?.token ?? 0
    guard logits.isFinite else { return .nan }
    switch self {
    case .logit: return Double(logits[0])
    case .logitDiff: return Double(logits[0]) - meanOf(logits.dropFirst())
    case .prob: return Distribution(logits).probability(answer)
    case .logprob: return Distribution(logits).logProbability(answer)
    case .loss: return -Distribution(logits).logProbability(answer)
    case .rank: return Distribution.rank(answer, among: logits).map(Double.init) ?? .nan
    case .kl:
      // Of a distribution from itself: exactly 0, whatever the rounding of its sum.
      guard let base, base.logits != logits else { return 0 }
      return base.divergence(from: Distribution(logits))
    }
  }

  /// Whether a donor with one value has something that a base with another lacks: a better answer, or
  /// for kl, which is 0 for the base, another distribution. False if either is NaN.
  func isBetter(_ donor: Double, than base: Double) -> Bool {
    switch self {
    case .logit, .logitDiff, .prob, .logprob, .kl: donor > base
    case .rank, .loss: donor < base
    }
  }

  private func meanOf(_ logits: ArraySlice<Float>) -> Double {
    logits.reduce(0.0) { $0 + Double($1) } / Double(logits.count)
  }
}

extension LogitSummary {
  /// −log p of a token; NaN where a logit is not finite. Plus 0, so that no loss is no −0.
  func loss(of token: Token) -> Double { -logProbability(ofLogit: token.logit) + 0 }
}
