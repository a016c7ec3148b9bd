import Model

extension Command {
  /// A row for each answer: how it fares.
  static func answers(_ call: Invocation, measure: String) throws -> Value {
    let set = try call.promptInput()
    let readings = try Readings(call, of: set, asking: .answer)
    let cases = try call.session.cases(of: set)
    var table = TableBuilder()
    let run = CaseColumns(set, readings, in: &table)
    let text = table.texts("answer")
    let logit = table.singles("logit")
    let (prob, logprob) = (table.doubles("prob"), table.doubles("logprob"))
    let rank = table.integers("rank")
    let difference = table.doubles("logit_diff")
    var results = try call.session.results(
      of: cases, on: set.model, label: call.command.name, mayStop: true
    ) { item in
      let queries = readings[item].map { reading in
        LogitQuery(
          position: reading.position,
          tokens: (reading.prompt.answers.prefix(1) + reading.prompt.foils).map(\.token))
      }
      return Measurement(logits: .summaries(queries)) { $0.summaries }
    }
    while let (item, summaries) = try results.next() {
      for (reading, summary) in zip(readings[item], summaries) {
        guard let answer = reading.prompt.answers.first, let found = summary.tokens.first else {
          continue
        }
        table.addRow()
        run.set(item, reading, in: &table)
        table[text] = answer.text
        table[logit] = found.finiteLogit
        table[prob] = summary.probability(ofLogit: found.logit)
        table[logprob] = summary.logProbability(ofLogit: found.logit)
        table[rank] = found.rank
        let foils = summary.tokens.dropFirst().map { Double($0.finiteLogit) }
        if foils.isEmpty { continue }
        table[difference] = Double(found.finiteLogit) - foils.reduce(0, +) / Double(foils.count)
      }
    }
    return .table(TableValue(table.table(measure: measure), origins: [set.origin]))
  }
}
