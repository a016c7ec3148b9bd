import Lang

extension Command {
  static let metric = Command(
    name: "metric", group: .measures,
    summary: "Give a metric of your own a name.",
    details: """
      A metric is a number computed of each run: numbers, variables and + - * / of prob(TOKENS), \
      logit(TOKENS), logprob(TOKENS) and rank(TOKENS), where TOKENS are texts of one token, lists of \
      them, or the prompt's own `answer` and `foils`. max, min, sum and mean are over several tokens, \
      abs, sqrt, exp and log of a number. Without one of the four, several tokens are what they are to \
      the metric of that name: prob their sum, logit their mean, rank the best. The words of `effect of` \
      stand for themselves. The name stands wherever a metric does: effect of NAME.
      """,
    input: .none,
    parameters: [
      .assignment("metric", .value, required: true, "its name, and how it is computed")
    ],
    examples: [
      "metric gap = logit(answer) - max(logit(foils)); colosseum | ablate each L29H*@last | effect of gap | top 3"
    ]
  ) { call in
    guard let (name, value) = call.assignments.first, call.assignments.count == 1 else {
      throw call.failure(
        "`metric` names one metric", help: "metric gap = logit(answer) - max(logit(foils))")
    }
    try call.session.checkIsFreeForMetric(name)
    let expression = try call.session.metricExpression(value)
    if let model = call.session.model {
      try placing(at: value.span) {
        var named: [MetricExpression.Tokens: Int] = [:]
        try expression.addNamed(to: &named, of: model)
      }
    }
    call.session.metrics[name.text] = expression
    return .nothing
  }
}

extension Session {
  /// - Throws: `Failure` for a metric's name that means something else already.
  fileprivate func checkIsFreeForMetric(_ name: Name) throws {
    func refuse(_ what: String) -> Failure {
      Failure("'\(name.text)' is \(what)", help: "choose another name", span: name.span)
    }
    let isFree = metrics[name.text] != nil
    if !isFree { try checkIsFree(name) }
    if Metric(rawValue: name.text) != nil { throw refuse("a metric of the language") }
    if PromptTokens(rawValue: name.text) != nil { throw refuse("the prompt's own in a metric") }
    if lookUp(name.text) != nil { throw refuse("a variable") }
  }
}
