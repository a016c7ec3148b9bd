import Model

/// What an effect is measured by.
enum Metric: String, Choice {
  case logit
  case logitDiff = "logit_diff"
  case prob, logprob, rank, kl

  var summary: String {
    switch self {
    case .logit: "the answer's logit"
    case .logitDiff: "the answer's logit less the mean of its foils'"
    case .prob: "the answer's probability"
    case .logprob: "its logarithm"
    case .rank: "the answer's rank among all tokens"
    case .kl: "KL(base ‖ edited)"
    }
  }

  /// Whether the answer's own logit, or its and its foils', is enough.
  var needsVocabulary: Bool {
    switch self {
    case .logit, .logitDiff: false
    case .prob, .logprob, .rank, .kl: true
    }
  }

  /// What a run must give for it.
  func logits(of prompt: Prompt) -> RunRequest.Logits {
    needsVocabulary
      ? .all([prompt.last])
      : .tokens(tokens(of: prompt), position: prompt.last)
  }

  /// The tokens that it looks at, where it needs no more.
  func tokens(of prompt: Prompt) -> [Int] {
    (prompt.answers.prefix(1) + prompt.foils).map(\.token)
  }

  /// The metric of a run that gave what `logits` asked for; NaN where these are not finite.
  func value(of logits: [Float], prompt: Prompt, base: Distribution?) -> Double {
    let answer = prompt.answers.first?.token ?? 0
    guard logits.isFinite else { return .nan }
    switch self {
    case .logit: return Double(logits[0])
    case .logitDiff: return Double(logits[0]) - meanOf(logits.dropFirst())
    case .prob: return Distribution(logits).probability(answer)
    case .logprob: return Distribution(logits).logProbability(answer)
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
    case .rank: donor < base
    }
  }

  private func meanOf(_ logits: ArraySlice<Float>) -> Double {
    logits.reduce(0.0) { $0 + Double($1) } / Double(logits.count)
  }
}
