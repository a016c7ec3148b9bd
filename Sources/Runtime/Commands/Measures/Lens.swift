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
    let readings = try Readings(call, of: set, asking: most == nil ? .answer : .everything)
    let count = min(most ?? 1, set.model.configuration.vocabulary)
    try call.reserve(
      rows: readings.count, set.model.configuration.layers + 1, count, bytes: LensRows.bytesPerRow,
      help: count > 10 ? "`lens top 10` keeps the best tokens alone" : nil)
    var rows = LensRows(set)
    if most == nil {
      try readAnswers(of: set, readings, call, into: &rows)
    } else {
      func queries(of item: Case) -> [LogitQuery] {
        readings[item].map { LogitQuery(position: $0.position, top: count) }
      }
      try call.readStreams(of: set, asking: queries) { item, layer, found in
        for (reading, summary) in zip(readings[item], found) {
          try rows.append(item.prompt, layer: layer, position: reading.position, summary)
        }
      }
    }
    return .table(TableValue(rows.table, origins: [set.origin]))
  }

  /// How the answers would fare if the model ended at each layer: those of several tokens by their sums,
  /// each token given the ones before it.
  private static func readAnswers(
    of set: PromptSet, _ readings: Readings, _ call: Invocation, into rows: inout LensRows
  ) throws {
    let measured = try placing(at: call.span) {
      try MeasuredMetrics(set, readings) { _ in AnswerValues.metrics }
    }
    var gatherer = CompletedSet.Gatherer<[[PromptMetrics.Part]]>(measured.completed)
    // Of the case at hand, by layer.
    var layers: [[PromptMetrics.Part]] = []
    let last = set.model.configuration.layers
    try call.readStreams(of: measured.completed.set, asking: measured.queries) {
      item, layer, found in
      layers.append(measured.parts(of: item, found))
      guard layer == last else { return }
      defer { layers = [] }
      guard let runs = gatherer.add(item, layers) else { return }
      for layer in layers.indices {
        for (reading, metrics, parts) in measured.found(item, runs.map { $0[layer] }) {
          rows.append(reading, layer: layer, AnswerValues(metrics.values(parts)))
        }
      }
    }
  }
}

extension Invocation {
  /// Reads the stream of each prompt's run before each layer, and after the last, as if the model ended
  /// there.
  ///
  /// - Parameters:
  ///   - queries: what is asked of a case; never nothing.
  ///   - body: takes what they find at one layer. The layers of a case come in their order, one case after
  ///     the other.
  fileprivate func readStreams(
    of set: PromptSet, asking queries: (Case) -> [LogitQuery],
    _ body: (Case, _ layer: Int, [LogitSummary]) throws -> Void
  ) throws {
    let layers = set.model.configuration.layers
    let sites =
      (0..<layers).map { Site(.residPre, layer: $0) } + [Site(.residPost, layer: layers - 1)]
    let cases = try session.cases(of: set)
    var asked = [[LogitQuery]](repeating: [], count: set.prompts.count)
    try cases.forEachChecked { asked[$0.index] = queries($0) }
    var results = try session.results(of: cases, on: set.model, label: command.name) { item in
      let positions = Set(asked[item.index].map(\.position)).sorted()
      return Measurement(
        captures: Dictionary(uniqueKeysWithValues: sites.map { ($0, .some(positions)) })
      ) { $0.activations }
    }
    var waiting = WaitingStreams()
    func read() throws {
      try statement.runner.compute { try waiting.read(for: self, body) }
      waiting = WaitingStreams()
    }
    while let (item, activations) = try results.next() {
      for (layer, site) in sites.enumerated() {
        guard let stream = activations[site] else { continue }
        waiting.append(item, layer, stream, asked[item.index])
        if waiting.isEnough { try read() }
      }
    }
    try read()
  }
}

/// Vectors of the stream whose logits are yet to be computed: many at a time, whichever prompts they are
/// of, so that the unembedding is read seldom.
private struct WaitingStreams {
  private var parts: [(item: Case, layer: Int, count: Int)] = []
  private var vectors: [[Float]] = []
  private var queries: [LogitQuery] = []
  private var tokens = 0

  /// What is read of one vector may be the whole vocabulary.
  var isEnough: Bool { vectors.count >= 192 || tokens >= 1_000_000 }

  mutating func append(
    _ item: Case, _ layer: Int, _ stream: CapturedActivation, _ asked: [LogitQuery]
  ) {
    let places = Dictionary(
      uniqueKeysWithValues: stream.positions.enumerated().map { ($1, $0) })
    parts.append((item, layer, asked.count))
    vectors += asked.map { stream[places[$0.position] ?? 0] }
    queries += asked
    tokens += asked.reduce(0) { $0 + max(1, $1.top) }
  }

  func read(
    for call: Invocation, _ body: (Case, _ layer: Int, [LogitSummary]) throws -> Void
  ) throws {
    guard let model = parts.first?.item.prompt.model else { return }
    var left = try model.transformer.lens(vectors, reading: queries)[...]
    for (item, layer, count) in parts {
      let found = Array(left.prefix(count))
      left = left.dropFirst(count)
      if found.contains(where: { !$0.isFinite }) {
        call.session.noteNotFinite(
          RunRequest(tokens: item.prompt.tokens, edits: item.edits), on: model)
      }
      try body(item, layer, found)
    }
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

  /// The best tokens.
  mutating func append(_ prompt: Prompt, layer: Int, position: Int, _ summary: LogitSummary) throws
  {
    try summary.top.forEachChecked { token in
      addRow(prompt, layer: layer, position: position)
      self.token.set(token, of: summary, prompt.model.tokenizer, in: &rows)
    }
  }

  /// The answer.
  mutating func append(_ reading: Reading, layer: Int, _ values: AnswerValues) {
    addRow(reading.prompt, layer: layer, position: reading.position)
    token.set(reading.prompt, values, in: &rows)
  }

  private mutating func addRow(_ prompt: Prompt, layer: Int, position: Int) {
    rows.addRow()
    self.prompt.set(prompt, in: &rows)
    rows[self.layer] = layer
    rows[self.position] = position
  }

  var table: Table { rows.table(measure: "logit") }
}
