import Lang
import Model

extension Command {
  static let lens = Command(
    name: "lens", group: .measures,
    summary: "Read the stream before each layer and after the last as if the model ended there.",
    details: """
      The logit lens: the stream goes through the final norm, at the stream's own scale, and the \
      unembedding. One row per layer for the answer, or N rows with `top N`. Layer 0 is the \
      embedding, the last one the model's output.
      """,
    input: .prompts,
    parameters: [.keyword("top", .number, "the best N tokens instead of the answer"), .at],
    examples: ["colosseum | lens | take -3", "colosseum | lens top 1"],
    run: readLens)

  private static func readLens(_ call: Invocation) throws -> Value {
    let set = try placing(at: call.span) { try call.promptInput().withoutSweep(for: "lens") }
    let most = try call.integer("top")
    if let most, most < 1 {
      throw Failure("`lens top` takes a count from 1", span: call.span(of: "top"))
    }
    if most == nil { try placing(at: call.span) { try set.requireShortAnswers(for: "lens") } }
    let readings = try Readings(call, of: set, asking: most == nil ? .answer : .everything)
    let configuration = set.model.configuration
    let sites =
      (0..<configuration.layers).map { Site(.residPre, layer: $0) }
      + [Site(.residPost, layer: configuration.layers - 1)]
    let answers = max(1, set.prompts.lazy.map(\.answers.count).max() ?? 1)
    let count = min(most ?? answers, configuration.vocabulary)
    try call.reserve(
      rows: readings.count, sites.count, count, bytes: LensRows.bytesPerRow,
      help: count > 10 ? "`lens top 10` keeps the best tokens alone" : nil)
    var rows = LensRows(set)
    for item in try call.session.cases(of: set) {
      let positions = RunRequest.Positions.some(Array(Set(readings[item].map(\.position))).sorted())
      let captures = Dictionary(uniqueKeysWithValues: sites.map { ($0, positions) })
      var results = try call.session.results(of: [item], on: set.model, label: "lens") { _ in
        Measurement(captures: captures) { $0.activations }
      }
      while let (item, activations) = try results.next() {
        let streams = sites.compactMap { activations[$0] }
        try call.statement.runner.compute {
          try rows.append(item, streams, readings[item], count: most.map { _ in count }, call)
        }
      }
    }
    return .table(TableValue(rows.table, origins: [set.origin]))
  }
}

/// The rows of `lens`: the best tokens, or the answer.
private struct LensRows {
  private var rows = TableBuilder()
  private let prompt: PromptColumns
  private let (layer, position): (TableBuilder.Key<Int>, TableBuilder.Key<Int>)
  private let token: DistributionColumns

  /// Its arrays grow as the runs go on, and one that does is there twice.
  static let bytesPerRow = 2 * (7 * 16 + 4 + 2 * 8)

  init(_ set: PromptSet) {
    prompt = PromptColumns(set, in: &rows)
    (layer, position) = (rows.integers("layer"), rows.integers("position"))
    token = DistributionColumns(in: &rows)
  }

  /// - Parameters:
  ///   - streams: of every layer, and after the last.
  ///   - count: how many of the best tokens; nil: the answer.
  mutating func append(
    _ item: Case, _ streams: [CapturedActivation], _ readings: [Reading], count: Int?,
    _ call: Invocation
  ) throws {
    // Some layers at a time: what is read of each position may be the whole vocabulary.
    let perLayer = max(1, readings.count) * max(1, count ?? 1)
    let layers = max(1, 1_000_000 / perLayer)
    for first in stride(from: 0, to: streams.count, by: layers) {
      let some = first..<min(streams.count, first + layers)
      var (vectors, queries): ([[Float]], [LogitQuery]) = ([], [])
      for (stream, reading) in some.flatMap({ l in readings.map { (streams[l], $0) } }) {
        guard let index = stream.positions.firstIndex(of: reading.position) else { continue }
        vectors.append(stream[index])
        queries.append(reading.lensQuery(count: count))
      }
      let summaries = try item.prompt.model.transformer.lens(vectors, reading: queries)
      for (i, summary) in summaries.enumerated() {
        if !summary.isFinite {
          call.session.noteNotFinite(
            RunRequest(tokens: item.prompt.tokens, edits: item.edits), on: item.prompt.model)
        }
        try append(
          item, layer: first + i / readings.count,
          position: readings[i % readings.count].position, summary)
      }
    }
  }

  private mutating func append(
    _ item: Case, layer: Int, position: Int, _ summary: LogitSummary
  ) throws {
    let chosen = summary.top.isEmpty ? summary.tokens : summary.top
    try chosen.forEachChecked { token in
      rows.addRow()
      prompt.set(item.prompt, in: &rows)
      rows[self.layer] = layer
      rows[self.position] = position
      self.token.set(token, of: summary, item.prompt.model.tokenizer, in: &rows)
    }
  }

  var table: Table { rows.table(measure: "logit") }
}

extension Reading {
  /// The answer, or the best tokens.
  fileprivate func lensQuery(count: Int?) -> LogitQuery {
    guard let count else {
      return LogitQuery(
        position: position, tokens: prompt.answers.prefix(1).map(\.token))
    }
    return LogitQuery(position: position, top: count)
  }
}
