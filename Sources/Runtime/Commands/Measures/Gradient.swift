import Lang
import Model

extension Command {
  static let gradient = Command(
    name: "gradient", group: .measures,
    summary: "Return the derivatives of a metric by the numbers at a site, one row per element.",
    details: """
      The table of `activations`, with derivatives for its values: at all positions, or those of `@` \
      or `at`. The metric is read at the last position; `loss` is the mean over the text.
      Edits are part of what is differentiated: what they set passes nothing on. At an edited site \
      the derivative is by the value after the edit.
      Metrics that count (`rank`, `accuracy`, `overlap`) have no derivative, and `kl` has one only after \
      edits: where a run is its base, it is flat. Of an answer of several tokens there is that of `logit` \
      and `logprob`.
      """,
    input: .prompts,
    parameters: [
      .positional("site", .selector, list: true, "sites: L9.resid_pre@last, L9H8.z"),
      .keyword(
        "of", .metric(or: Metric.self),
        "what is differentiated; default: logit_diff where there are foils, else logit"),
      .keyword("at", .position, list: true, "the positions of the sites; default: all"),
    ],
    examples: ["colosseum | gradient L9.resid_pre@last of prob | summary"]
  ) { call in
    let set = try placing(at: call.span) {
      try call.promptInput().withoutSweep(for: "gradient")
    }
    let metric = try DifferentiatedMetric(call, of: set, isReadAt: false)
    let places = try call.places(on: set, for: "gradient") { $0.sites[0] }
    let stream = ActivationStream(
      try Inspection(call, of: metric.set, places, default: .all) { cases, wanted in
        try call.derivatives(of: metric, cases, on: set.model, wanted)
      }, of: set, for: call)
    if call.mayStream {
      // A plan goes no further than this.
      if !call.statement.runner.isHeard { try stream.drain() }
      return .stream(stream)
    }
    return .table(try stream.table())
  }
}

extension Invocation {
  /// The derivatives of a metric by each case's run. Of a text without a token that counts there are none.
  fileprivate func derivatives(
    of metric: DifferentiatedMetric, _ cases: [Case], on model: LanguageModel,
    _ wanted: (Case) -> [Site: RunRequest.Positions]
  ) throws -> Inspection.Source {
    let measured = cases.filter { !metric[ofPrompt: $0.index].isEmpty }
    let requests = measured.map { item in
      GradientRequest(
        tokens: item.prompt.tokens, edits: item.edits,
        terms: metric[ofPrompt: item.index].flatMap(\.terms), wanted: wanted(item))
    }
    var missing = MissingDerivatives()
    var runs = try statement.runner.gradients(
      of: requests, on: model, label: command.name,
      share: RunShare(count: requests.count, of: requests.count), in: session)
    return {
      guard let (index, result) = try runs.next() else {
        missing.warn(self, metric.metric)
        missing = MissingDerivatives()
        return nil
      }
      missing.add(result)
      return (measured[index], result.gradients)
    }
  }
}
