import Lang
import Model

extension Command {
  static let loss = Command(
    name: "loss", group: .measures,
    summary: "Measure how well the model predicts each token of a text.",
    details: """
      loss = −logprob of the token given those before it, in nats. rank is the token's rank in that \
      prediction, entropy the prediction's −Σ p log p. The first token of a text has a row only if BOS is \
      fed before it. Of a later window of `texts … stride` the rows are its last tokens, which no \
      earlier window counts.
      """,
    input: .prompts,
    examples: [
      #"prompt "The Colosseum is in Rome, and the Louvre is in Paris." | loss | top 3"#
    ]
  ) { call in
    let set = try call.promptInput()
    let readings = try Readings(call, of: set, asking: .following)
    var table = TableBuilder()
    let run = CaseColumns(set, nil, in: &table)
    let position = table.integers("position")
    let token = TokenColumns(in: &table)
    let loss = table.doubles("loss")
    let rank = table.integers("rank")
    let entropy = table.doubles("entropy")
    let cases = try call.session.cases(of: set)
    try call.reserve(
      rows: cases.reduce(0) { $0 + readings[$1].count }, bytes: 2 * (9 * 16 + 2 * 8))
    var results = try call.session.losses(of: cases, readings, on: set.model, label: "loss")
    while let (item, summaries) = try results.next() {
      for (reading, summary) in zip(readings[item], summaries) {
        guard let found = summary.tokens.first else { continue }
        table.addRow()
        run.set(item, nil, in: &table)
        table[position] = reading.position + 1
        token.set(found.id, of: set.model.tokenizer, in: &table)
        table[loss] = summary.loss(of: found)
        table[rank] = found.rank
        table[entropy] = summary.entropy
      }
    }
    return .table(TableValue(table.table(measure: "loss"), origins: [set.origin]))
  }
}

extension Session {
  /// What the model says of the token that follows wherever a text is read. No vocabulary is kept.
  func losses(
    of cases: [Case], _ readings: Readings, on model: LanguageModel, label: String
  ) throws -> Results<[LogitSummary]> {
    try results(of: cases, on: model, label: label, mayStop: true) { item in
      let queries = readings[item].map { reading in
        LogitQuery(position: reading.position, tokens: reading.prompt.answers.map(\.token))
      }
      return Measurement(logits: .summaries(queries)) { $0.summaries }
    }
  }
}
