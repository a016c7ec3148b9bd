import Model

/// What an effect is measured by. Of several answers or foils: their mean logit, the sum of their
/// probabilities, the best rank.
enum Metric: String, Choice {
  case logit
  case logitDiff = "logit_diff"
  case prob
  case probDiff = "prob_diff"
  case logprob, rank, accuracy, loss, kl, js, tv, overlap

  var summary: String {
    switch self {
    case .logit: "the answer's logit, or the mean of several answers"
    case .logitDiff: "the answer's logit less that of its foils, or their mean"
    case .prob: "the answers' probability"
    case .probDiff: "the answers' probability less that of the foils"
    case .logprob: "the logarithm of the answers' probability"
    case .rank: "the best answer's rank among all tokens"
    case .accuracy:
      "1 where an answer is above every foil, or has rank 1 if there are no foils, else 0"
    case .loss: "−logprob of the tokens of the text: the mean, or with `at` of each"
    case .kl: "KL(base ‖ edited)"
    case .js: "the Jensen-Shannon divergence of base and edited"
    case .tv: "their total variation, ½ Σ |p − q|"
    case .overlap: "the share of the `top` likeliest tokens that both have"
    }
  }

  /// How it is computed. `top`: how many tokens `overlap` compares.
  func expression(top: Int) -> MetricExpression {
    func difference(_ kind: Score.Kind) -> MetricExpression {
      .binary(.subtract, .score(kind, of: [.answers]), .score(kind, of: [.foils]))
    }
    switch self {
    case .logit: return .score(.logit, of: [.answers])
    case .logitDiff: return difference(.logit)
    case .prob: return .score(.prob, of: [.answers])
    case .probDiff: return difference(.prob)
    case .logprob: return .score(.logprob, of: [.answers])
    case .rank: return .score(.rank, of: [.answers])
    case .accuracy: return .accuracy
    // Not the negation, so that no loss is no −0.
    case .loss: return .binary(.subtract, .number(0), .score(.logprob, of: [.answers]))
    case .kl: return .comparison(.divergence)
    case .js: return .comparison(.jensenShannon)
    case .tv: return .comparison(.totalVariation)
    case .overlap: return .comparison(.overlap(top))
    }
  }

  /// How many tokens `overlap` compares where the line does not say.
  static let usualTop = 10
}

/// A metric as a line asks for it: one of the language's, or an expression.
struct ChosenMetric: Sendable {
  /// What the column `metric` shows.
  var name: String
  var expression: MetricExpression
  /// Nil for an expression.
  var known: Metric?

  init(_ metric: Metric, top: Int = Metric.usualTop) {
    name = metric.rawValue
    expression = metric.expression(top: top)
    known = metric
  }

  init(name: String, _ expression: MetricExpression) {
    self.name = name
    self.expression = expression
  }

  /// What it asks of a prompt.
  var question: Readings.Question {
    if known == .loss { return .following }
    return expression.needsAnswers ? .answer : .everything
  }

  /// Whether a donor with one value has something that a base with another lacks: a better answer, or
  /// where distributions are compared, another one. Of an expression it is not known which values are
  /// better. False if either is NaN.
  func isBetter(_ donor: Double, than base: Double) -> Bool {
    switch known {
    case .logit, .logitDiff, .prob, .probDiff, .logprob, .accuracy, .kl, .js, .tv: donor > base
    case .rank, .loss, .overlap: donor < base
    case nil: donor > base || donor < base
    }
  }
}

extension LogitSummary {
  /// −log p of a token; NaN where a logit is not finite. Plus 0, so that no loss is no −0.
  func loss(of token: Token) -> Double { -logProbability(ofLogit: token.logit) + 0 }
}
