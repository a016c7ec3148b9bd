import Lang
import Model

extension Command {
  static let lens = Command(
    name: "lens", group: .measures,
    summary: "Read the stream before each layer and after the last as if the model ended there.",
    details: """
      The logit lens: the stream goes through the final norm, at the stream's own scale, and the \
      unembedding. One row per layer for the answer, or N rows with `top N`. Several answers, and \
      those of several tokens, are taken together as `rank` does. Layer 0 is the embedding, the last \
      one the model's output.
      SITES are read instead where they are given: the stream (resid_pre, resid_mid, resid_post), or \
      what is added to it (attn_out, mlp_out, embed, a head's result), each at its own scale.
      `tuned FOLDER` is a tuned lens: an affine map for each layer comes before the final norm. It \
      reads the stream between layers. `map M` is one map for all SITES, of `lre` or in a file. `raw` \
      is the site times the unembedding and nothing else.
      `attributes` counts: the share of the best N tokens (default: 50) that are attributes of the \
      fact's subject (S) or relation (R), or tokens of the texts.
      """,
    input: .prompts,
    parameters: [
      .positional(
        "site", .selector, required: false, list: true,
        "sites as wide as the stream: L*.resid_mid, L9.attn_out@last, L9H8.result"),
      .keyword("top", .number, "the best N tokens instead of the answer"),
      .keyword("tuned", .path, "the folder of a tuned lens: config.json and params.safetensors"),
      .keyword("map", .value, "an affine map that comes first, of `lre` or in a file"),
      .keyword(
        "attributes", .tokens(or: AttributesWord.self), list: true,
        "how many of the best tokens are among these: S, R, or texts"),
      .flag("raw", "without the final norm, biases and soft cap"), .at,
    ],
    examples: [
      "colosseum | lens | take -3", "colosseum | lens top 1",
      "colosseum | lens L*.mlp_out at @subject top 1 | take 4",
    ],
    run: readLens)

  private static func readLens(_ call: Invocation) throws -> Value {
    let set = try placing(at: call.span) { try call.promptInput().withoutSweep(for: "lens") }
    let attributes = try AttributesLists(call, set)
    let most = try call.integer("top") ?? attributes.map { _ in AttributesLists.usualTop }
    if let most, most < 1 {
      throw Failure("`lens top` takes a count from 1", span: call.span(of: "top"))
    }
    let places = try LensPlaces(call, of: set)
    let readings = try Readings(
      call, of: set, asking: most == nil ? .answer : .everything, placed: places.position)
    let count = min(most ?? 1, set.model.configuration.vocabulary)
    if let attributes {
      return try call.attributesRates(of: set, attributes, places, readings, top: count)
    }
    try call.reserve(
      rows: readings.count, places.all.count, count, bytes: LensRows.bytesPerRow,
      help: count > 10 ? "`lens top 10` keeps the best tokens alone" : nil)
    var rows = LensRows(set, hasSites: places.areNamed)
    if most == nil {
      try readAnswers(of: set, readings, places, call, into: &rows)
    } else {
      func queries(of item: Case) -> [LogitQuery] {
        readings[item].map { LogitQuery(position: $0.position, top: count) }
      }
      try call.readStreams(of: set, places, asking: queries) { item, place, found in
        for (reading, summary) in zip(readings[item], found) {
          try rows.append(
            item.prompt, places.all[place], position: reading.position, summary)
        }
      }
    }
    return .table(TableValue(rows.table, origins: [set.origin]))
  }

  /// How the answers would fare if the model ended at each place: those of several tokens by their sums,
  /// each token given the ones before it.
  private static func readAnswers(
    of set: PromptSet, _ readings: Readings, _ places: LensPlaces, _ call: Invocation,
    into rows: inout LensRows
  ) throws {
    let measured = try placing(at: call.span) {
      try MeasuredMetrics(set, readings) { _ in AnswerValues.metrics }
    }
    var gatherer = CompletedSet.Gatherer<[[PromptMetrics.Part]]>(measured.completed)
    // Of the case at hand, by place.
    var parts: [[PromptMetrics.Part]] = []
    try call.readStreams(of: measured.completed.set, places, asking: measured.queries) {
      item, place, found in
      parts.append(measured.parts(of: item, found))
      guard place == places.all.count - 1 else { return }
      defer { parts = [] }
      guard let runs = gatherer.add(item, parts) else { return }
      for place in parts.indices {
        for (reading, metrics, parts) in measured.found(item, runs.map { $0[place] }) {
          rows.append(reading, places.all[place], AnswerValues(metrics.values(parts)))
        }
      }
    }
  }
}

/// The rows of `lens`: the best tokens, or the answer.
private struct LensRows {
  private var rows = TableBuilder()
  private let prompt: PromptColumns
  private let component: TableBuilder.Key<String>?
  private let (layer, position): (TableBuilder.Key<Int>, TableBuilder.Key<Int>)
  private let token: DistributionColumns

  /// Its arrays grow as the runs go on, and one that does is there twice.
  static let bytesPerRow = 2 * (8 * 16 + 4 + 2 * 8)

  init(_ set: PromptSet, hasSites: Bool) {
    prompt = PromptColumns(set, in: &rows)
    component = hasSites ? rows.texts("component") : nil
    (layer, position) = (rows.integers("layer"), rows.integers("position"))
    token = DistributionColumns(in: &rows)
  }

  /// The best tokens.
  mutating func append(
    _ prompt: Prompt, _ place: LensPlace, position: Int, _ summary: LogitSummary
  ) throws {
    try summary.top.forEachChecked { token in
      addRow(prompt, place, position: position)
      self.token.set(token, of: summary, prompt.model.tokenizer, in: &rows)
    }
  }

  /// The answer.
  mutating func append(_ reading: Reading, _ place: LensPlace, _ values: AnswerValues) {
    addRow(reading.prompt, place, position: reading.position)
    token.set(reading.prompt, values, in: &rows)
  }

  private mutating func addRow(_ prompt: Prompt, _ place: LensPlace, position: Int) {
    rows.addRow()
    self.prompt.set(prompt, in: &rows)
    rows[component] = place.label
    rows[layer] = place.layer
    rows[self.position] = position
  }

  var table: Table { rows.table(measure: "logit") }
}
