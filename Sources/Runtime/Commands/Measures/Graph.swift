import Lang
import Model

extension Command {
  static let graph = Command(
    name: "graph", group: .measures,
    summary: "Trace a prediction through features: the direct effects of transcoders' features.",
    details: """
      An attribution graph (Ameisen et al. 2025), as circuit-tracer makes it. Attention patterns and the \
      scales of norms are held at the run's values, and transcoders stand for the MLPs. What is left is \
      linear: each target's weights sum to its value. Targets are the likeliest tokens' logits, less the \
      mean over the vocabulary, and the activations of features. Sources are features, what transcoders \
      leave over (`L3.error`), MLPs without a transcoder (`L3.mlp`), embeddings, all biases together \
      (`bias`), and all active features that are not in the graph (`rest`).
      Load a transcoder for each layer with `dictionary`. Features come into the graph by their influence \
      on the logits. `save "x.json" as circuit_tracer` writes the file that circuit-tracer's page shows.
      """,
    input: .prompts,
    parameters: [
      .keyword("top", .number, "how many features; default: 100"),
      .keyword(
        "logits", .number, "how many tokens at most, up to 95 % of the probability; default: 10"),
    ],
    examples: [],
    run: traceGraph)

  private static func traceGraph(_ call: Invocation) throws -> Value {
    let (features, logits) = (try call.count("top") ?? 100, try call.count("logits") ?? 10)
    let set = try call.graphPrompt()
    let loaded = try call.graphTranscoders(of: set.model)
    let model = set.model
    let request = try placing(at: call.span) {
      try AttributionGraphRequest(
        tokens: set.prompts[0].tokens, transcoders: loaded.map(\.placed), mostFeatures: features,
        mostLogits: logits)
    }
    var rows = GraphRows(
      set.prompts[0], of: model, among: call.session.dictionaries(of: model), loaded)
    let captures = request.captures(in: model.configuration)
    var results = try call.session.results(
      of: call.session.cases(of: set), on: model, label: "graph"
    ) { _ in
      Measurement(captures: captures, logits: request.logits, isUncapped: true) { $0 }
    }
    while let (_, run) = try results.next() {
      let graph = try call.statement.runner.compute(
        model.transformer.planAttributionGraph(request, speed: try model.transformer.speed()),
        label: "backwards"
      ) {
        defer { call.host.finishProgress() }
        return try placing(at: call.span) {
          try model.transformer.attributionGraph(
            request, of: run, memory: call.session.memory,
            progress: call.session.progress("graph", of: RunShare(count: 1, of: 1)))
        }
      }
      guard let graph else { continue }
      try call.reserve(
        rows: graph.edgeCount, bytes: GraphRows.bytesPerRow,
        help: "take fewer features: `graph top 20`"
      )
      try rows.append(graph)
      call.report(graph)
    }
    return .table(TableValue(rows.table, origins: [set.origin]))
  }
}

extension Invocation {
  /// The one prompt that a graph is of, without edits.
  fileprivate func graphPrompt() throws -> PromptSet {
    let set = try placing(at: span) { try promptInput().withoutSweep(for: "graph") }
    guard set.prompts.count == 1, set.shard == nil else {
      throw failure(
        "a graph is of one prompt, and these are \(set.prompts.count)",
        help: "`take 1`, or a loop: for p in prompts { p | graph }")
    }
    guard set.edits.isEmpty else {
      throw failure("a graph is of a run without edits", help: "omit `\(set.edits[0].description)`")
    }
    return set
  }

  /// Those that are in use, one of a layer.
  fileprivate func graphTranscoders(of model: LanguageModel) throws -> [LoadedDictionary] {
    let all = session.dictionaries(of: model)
    let transcoders = all.filter(\.dictionary.isTranscoder)
    let help = "load one for each layer: dictionary PATH at L5.mlp_out as t5"
    guard !transcoders.isEmpty else {
      guard let other = all.first else {
        throw failure("`graph` needs transcoders, and none is in use", help: help)
      }
      throw failure(
        "`graph` needs transcoders, which stand for MLPs, and '\(other.name)' is an autoencoder of "
          + other.siteName, help: help)
    }
    for (i, one) in transcoders.enumerated() {
      guard let other = transcoders[..<i].first(where: { $0.layer == one.layer }) else { continue }
      throw failure(
        "'\(other.name)' and '\(one.name)' stand for the same: \(one.siteName)",
        help: "`unload` one of them")
    }
    return transcoders
  }

  fileprivate func count(_ parameter: String) throws -> Int? {
    guard let count = try integer(parameter) else { return nil }
    guard count > 0 else {
      throw Failure("`\(parameter)` takes a count from 1", span: span(of: parameter))
    }
    return count
  }

  /// What is in the graph, and that its sums close.
  fileprivate func report(_ graph: AttributionGraph) {
    let logits = graph.targets.compactMap(\.probability)
    let gap = graph.targets.reduce(0) { max($0, abs($1.gap)) }
    let size = graph.targets.reduce(0) { max($0, $1.weights.reduce(0) { $0 + abs($1) }) }
    let share = SumCheck.fixed(logits.reduce(0, +))
    session.note(
      "graph: \(thousands(graph.targets.count - logits.count)) of \(thousands(graph.activeFeatures)) "
        + "active features, \(logits.count) \(logits.count == 1 ? "token" : "tokens") with probability "
        + "\(share); each target's weights sum to its value within \(SumCheck.short(gap))")
    if gap > max(1e-2, 1e-5 * size) {
      warn(
        "the weights do not sum to the targets' values: the gap is \(SumCheck.short(gap))",
        help: "do not trust this graph; please report the model and the prompt")
    }
  }
}
