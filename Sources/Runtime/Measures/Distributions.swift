import Model

extension Command {
  /// A row for each token of the vocabulary, or for the best of them.
  static func distribution(_ call: Invocation, measure: String) throws -> Value {
    let set = try call.followingAnswers(call.promptInput())
    let readings = try Readings(call, of: set, asking: .everything)
    let cases = try call.session.cases(of: set)
    let count = min(call.rowsWanted ?? .max, set.model.configuration.vocabulary)
    let rows = cases.reduce(0) { $0 + readings[$1].count }
    try call.reserve(
      rows: rows, count,
      bytes: DistributionColumns.bytesPerRow
        + (readings.hasSeveral ? ReadingColumns.bytesPerRow : 0),
      help: "`\(call.command.name) | top 10` keeps the best tokens alone")
    // `top N` after several prompts ranks them all together: N of each are enough.
    var table = TableBuilder(capacity: rows * count)
    let run = CaseColumns(set, readings, in: &table)
    let columns = DistributionColumns(in: &table)
    var results = try call.session.results(
      of: cases, on: set.model, label: call.command.name, mayStop: true
    ) { item in
      let queries = readings[item].map { LogitQuery(position: $0.position, top: count) }
      return Measurement(logits: .summaries(queries)) { $0.summaries }
    }
    while let (item, summaries) = try results.next() {
      for (reading, summary) in zip(readings[item], summaries) {
        try summary.top.forEachChecked { token in
          table.addRow()
          run.set(item, reading, in: &table)
          columns.set(token, of: summary, set.model.tokenizer, in: &table)
        }
      }
    }
    return .table(TableValue(table.table(measure: measure), origins: [set.origin]))
  }
}

extension Invocation {
  /// Prompts, each followed by what is fed of its answer, where one is several tokens.
  fileprivate func followingAnswers(_ set: PromptSet) throws -> PromptSet {
    let answers = set.prompts.map { prompt in
      prompt.answers.filter { $0.tokens.count > 1 }.map { Array($0.tokens.dropLast()) }
    }
    guard answers.contains(where: { !$0.isEmpty }) else { return set }
    if let several = zip(set.prompts, answers).first(where: { $0.0.answers.count > 1 })?.0 {
      throw failure(
        "`\(command.name)` follows one answer, and '\(several.name)' has several",
        help: "give one, or read the next token: omit `whole`")
    }
    return set.completed(with: answers.map { $0.isEmpty ? [[]] : $0 })
  }
}
