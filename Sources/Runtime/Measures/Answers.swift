import Model

extension Command {
  /// A row for each answer: how it fares.
  static func answers(_ call: Invocation, measure: String) throws -> Value {
    let set = try call.promptInput()
    _ = try placing(at: call.span) { try set.answers(for: call.command.name) }
    let cases = try call.session.cases(of: set)
    var table = TableBuilder()
    let run = CaseColumns(set, in: &table)
    let text = table.texts("answer")
    let logit = table.singles("logit")
    let (prob, logprob) = (table.doubles("prob"), table.doubles("logprob"))
    let rank = table.integers("rank")
    let difference = table.doubles("logit_diff")
    var results = try call.session.results(
      of: cases, on: set.model, label: call.command.name, mayStop: true
    ) { item in
      Measurement(logits: .all([item.prompt.last])) { Distribution($0.logits[0]) }
    }
    while let (item, distribution) = try results.next() {
      guard let answer = item.prompt.answers.first else { continue }
      table.addRow()
      run.set(item, in: &table)
      table[text] = answer.text
      table[logit] = distribution.logit(answer.token)
      table[prob] = distribution.probability(answer.token)
      table[logprob] = distribution.logProbability(answer.token)
      table[rank] = distribution.rank(answer.token)
      let foils = item.prompt.foils.map { Double(distribution.logit($0.token)) }
      if foils.isEmpty { continue }
      table[difference] =
        Double(distribution.logit(answer.token)) - foils.reduce(0, +) / Double(foils.count)
    }
    return .table(TableValue(table.table(measure: measure), origins: [set.origin]))
  }
}
