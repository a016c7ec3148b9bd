import Model

extension Command {
  /// A row for each answer: how it fares.
  static func answers(_ call: Invocation, measure: String) throws -> Value {
    let set = try call.promptInput()
    _ = try placing(at: call.span) { try set.answers(for: call.command.name) }
    let cases = try call.session.cases(of: set)
    var columns = CaseColumns(set)
    var answers: [String] = []
    var logits: [Float] = []
    var (probs, logprobs, differences): ([Double], [Double], [Double]) = ([], [], [])
    var ranks: [Int?] = []
    try call.session.run(
      cases, of: set, label: call.command.name, mayStop: true,
      wants: { ([:], .all([$0.prompt.last])) },
      consume: { item, result in
        guard let answer = item.prompt.answer else { return }
        let distribution = Distribution(result.logits[0])
        columns.append(item)
        answers.append(answer.text)
        logits.append(distribution.logit(answer.token))
        probs.append(distribution.probability(answer.token))
        logprobs.append(distribution.logProbability(answer.token))
        ranks.append(distribution.rank(answer.token))
        let foils = item.prompt.foils.map { Double(distribution.logit($0.token)) }
        differences.append(
          foils.isEmpty
            ? .nan
            : Double(distribution.logit(answer.token))
              - foils.reduce(0, +) / Double(foils.count))
      })
    return .table(
      TableValue(
        Table(
          columns: columns.columns + [
            Column("answer", .texts(answers)), Column("logit", .singles(logits)),
            Column("prob", .doubles(probs)), Column("logprob", .doubles(logprobs)),
            Column("rank", .integers(ranks)), Column("logit_diff", .doubles(differences)),
          ], measure: measure), origins: [set.origin]))
  }
}
