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
    parameters: [
      .keyword("top", .number, "the best N tokens instead of the answer"),
      .keyword("at", .selector, "a position: @subject, @3; default: the last"),
    ],
    examples: ["colosseum | lens | take -3", "colosseum | lens top 1"],
    run: readLens)

  private static func readLens(_ call: Invocation) throws -> Value {
    let set = try placing(at: call.span) { try call.promptInput().withoutSweep(for: "lens") }
    let most = try call.integer("top")
    if let most, most < 1 {
      throw Failure("`lens top` takes a count from 1", span: call.span(of: "top"))
    }
    if most == nil { _ = try placing(at: call.span) { try set.answers(for: "lens") } }
    let (kind, place) = try position(call)
    let transformer = set.model.transformer
    var rows = LensRows(set)
    let sites =
      (0..<set.model.configuration.layers).map { Site(.residPre, layer: $0) }
      + [Site(.residPost, layer: set.model.configuration.layers - 1)]
    let cases = try call.session.cases(of: set)
    let places = try cases.map { item in
      try placing(at: place) { try item.prompt.positions(kind) }
    }
    let vocabulary = set.model.configuration.vocabulary
    let count = min(most ?? 1, vocabulary)
    try call.reserve(
      rows: places.reduce(0) { $0 + $1.count }, sites.count, count, bytes: LensRows.bytesPerRow,
      help: count > 10 ? "`lens top 10` keeps the best tokens alone" : nil)
    for (item, places) in zip(cases, places) {
      let captures = Dictionary(
        uniqueKeysWithValues: sites.map { ($0, RunRequest.Positions.some(places)) })
      var results = try call.session.results(of: [item], on: set.model, label: "lens") { _ in
        Measurement(captures: captures) { result in
          sites.map { result.activations[$0]?.rows ?? [] }
        }
      }
      while let (item, streams) = try results.next() {
        for (layer, stream) in streams.enumerated() {
          // A few at a time: whole vocabularies are large.
          for start in stride(from: 0, to: stream.count, by: 16) {
            let part = start..<min(start + 16, stream.count)
            for (place, logits) in zip(part, try transformer.lens(Array(stream[part]))) {
              let distribution = Distribution(logits)
              if !distribution.isFinite {
                call.session.noteNotFinite(
                  RunRequest(tokens: item.prompt.tokens, edits: item.edits), on: set.model)
              }
              try rows.append(
                item, layer: layer, position: places[place], distribution, most: most)
            }
          }
        }
      }
    }
    return .table(TableValue(rows.table, origins: [set.origin]))
  }

  /// The position that `at` names, and where to place errors about it.
  private static func position(_ call: Invocation) throws -> (Position.Kind, SourceSpan) {
    let selectors = try call.selectors("at")
    guard let selector = selectors.first else { return (.name("last"), call.span) }
    guard selectors.count == 1 else {
      throw Failure(
        "`lens at` takes one selector, not \(selectors.count)",
        help: "several positions: @{0,last}", span: selector.span)
    }
    guard selector.selector.isPosition else {
      throw Failure(
        "`lens at` takes a position, not '\(selector.selector.text)'",
        help: "lens reads every layer; name a position: @last, @subject, @3..5", span: selector.span
      )
    }
    return (selector.selector.position ?? .name("last"), selector.span)
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

  mutating func append(
    _ item: Case, layer: Int, position: Int, _ distribution: Distribution, most: Int?
  ) throws {
    let answer = item.prompt.answers.first?.token ?? 0
    let chosen = try most.map(distribution.ranked) ?? [(answer, distribution.rank(answer))]
    try chosen.forEachChecked { token, rank in
      rows.addRow()
      prompt.set(item.prompt, in: &rows)
      rows[self.layer] = layer
      rows[self.position] = position
      self.token.set(
        token, of: distribution, rank: rank, item.prompt.model.tokenizer, in: &rows)
    }
  }

  var table: Table { rows.table(measure: "logit") }
}
