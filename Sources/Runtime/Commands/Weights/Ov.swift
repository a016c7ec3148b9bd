import Lang
import Model

extension Command {
  static let ov = Command(
    name: "ov", group: .weights,
    summary: "List the tokens that heads promote where they read a token.",
    details: """
      The token's embedding goes through the norm before attention, at its own scale, then through the \
      head's values and output, and to the unembedding: `score` is what is added to a logit but for the final \
      norm's scale. Without `on`: the tokens whose own logit the head raises most. Biases are left out.
      """,
    input: .none,
    parameters: [
      .heads, .keyword("on", .value, list: true, "tokens that are read: texts or ids"),
      .keyword("top", .number, "how many promoted tokens of each; default: 5"),
    ],
    examples: [#"ov L29H1 on " Italy", " Rome" top 2"#],
    run: list)

  private static func list(_ call: Invocation) throws -> Value {
    let selection = try HeadSelection(call)
    let read = try call.readTokens(of: selection.model)
    let count = min(
      try call.count("top", default: 5), selection.model.configuration.vocabulary)
    try call.reserve(
      rows: selection.heads.count, max(1, read.count), count, bytes: 2 * 9 * 16)
    var table = OVRows(selection.model, isOnItself: read.isEmpty)
    let transformer = selection.model.transformer
    try selection.eachHead { head, weights in
      try call.statement.runner.compute {
        if read.isEmpty {
          let scores = try transformer.ownLogits(of: weights, layer: head.layer)
          table.add(head, nil, scores, count)
          return
        }
        let scores = try transformer.readLogits(of: weights, layer: head.layer, tokens: read)
        for (token, scores) in zip(read, scores) { table.add(head, token, scores, count) }
      }
    }
    return .table(
      TableValue(table.table.table(measure: "score"), origins: [selection.origin]))
  }
}

extension Invocation {
  /// The tokens that `on` names, each once.
  func readTokens(of model: LanguageModel) throws -> [Int] {
    let reader = AnswerReader(model: model)
    func ids(_ value: Value) throws -> [Int] {
      switch value {
      case .text(let text): return [try reader.answer(text).token]
      case .integer(let id):
        try model.require(token: id)
        return [id]
      case .list(let values) where !values.isEmpty: return try values.flatMap(ids)
      case let other: throw Failure("expected a token, got \(other.kind)")
      }
    }
    var seen: Set<Int> = []
    return try expressions("on").flatMap { expression in
      try placing(at: expression.span) { try ids(try session.evaluate(expression)) }
    }.filter { seen.insert($0).inserted }
  }
}

/// The rows of `ov`.
private struct OVRows {
  var table = TableBuilder()
  private let model: LanguageModel
  private let columns: HeadColumns
  private let read: TableBuilder.Key<String>?
  private let rank: TableBuilder.Key<Int>
  private let token: TokenColumns
  private let score: TableBuilder.Key<Float>

  init(_ model: LanguageModel, isOnItself: Bool) {
    self.model = model
    columns = HeadColumns(in: &table)
    read = isOnItself ? nil : table.texts("read")
    rank = table.integers("rank")
    token = TokenColumns(in: &table)
    score = table.singles("score")
  }

  mutating func add(_ head: HeadSelection.Head, _ source: Int?, _ scores: [Float], _ count: Int) {
    for (place, id) in Distribution.largest(count, among: scores).enumerated() {
      table.addRow()
      columns.set(head, in: &table)
      if let read, let source { table[read] = model.tokenizer.text(of: source) }
      table[rank] = place + 1
      token.set(id, of: model.tokenizer, in: &table)
      table[score] = scores[id].isFinite ? scores[id] : nil
    }
  }
}
