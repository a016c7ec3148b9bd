import Lang

extension Command {
  static let rank = Command(
    name: "rank", group: .measures,
    summary: "Report the answer's logit, probability and rank.",
    details: """
      Of several answers: the mean of their logits, the sum of their probabilities, the best rank. Of an \
      answer of several tokens: the sums of logits and log-probabilities, the worst rank, each token given \
      the ones before it.
      """,
    input: .prompts,
    parameters: [
      .keyword("of", .metric(or: AnswerMetric.self), list: true, "further metrics, a column each"),
      .at,
    ],
    examples: ["colosseum | rank", "colosseum | rank of accuracy"]
  ) { call in
    let own = try call.metrics("of", AnswerMetric.self) { ChosenMetric($0.metric) }
    if let metric = own.first(where: { !$0.expression.comparisons.isEmpty }) {
      throw Failure(
        "`\(metric.name)` compares an edited run with its base",
        help: "… | effect of \(metric.name)", span: call.span(of: "of"))
    }
    return try answers(call, measure: "rank", own: own)
  }
}

/// The metrics that `rank` adds: those that it does not report in any case, and that need no base.
enum AnswerMetric: String, Choice {
  case probDiff = "prob_diff"
  case accuracy

  var metric: Metric {
    switch self {
    case .probDiff: .probDiff
    case .accuracy: .accuracy
    }
  }

  var summary: String { metric.summary }
}
