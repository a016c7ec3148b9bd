import Lang
import Model

extension Command {
  static let perplexity = Command(
    name: "perplexity", group: .measures,
    summary: "Measure how well the model predicts each text as a whole.",
    details: """
      One row for each text: how many tokens count, the mean of their losses (see `loss`), and its \
      exponential. A line on standard error states the perplexity of all tokens together.
      """,
    input: .prompts,
    examples: [
      #"prompt "The Colosseum is in Rome, and the Louvre is in Paris." | perplexity"#
    ]
  ) { call in
    let set = try call.promptInput()
    let readings = try Readings(call, of: set, asking: .following)
    var table = TableBuilder()
    let run = CaseColumns(set, nil, in: &table)
    let tokens = table.integers("tokens")
    let (loss, perplexity) = (table.doubles("loss"), table.doubles("perplexity"))
    let cases = try call.session.cases(of: set)
    try call.reserve(rows: cases.count, bytes: 2 * (6 * 16 + 2 * 8))
    var whole = (tokens: 0, loss: 0.0)
    var results = try call.session.losses(of: cases, readings, on: set.model, label: "perplexity")
    while let (item, summaries) = try results.next() {
      let losses = summaries.compactMap { summary in summary.tokens.first.map(summary.loss) }
      guard !losses.isEmpty else { continue }
      let sum = losses.reduce(0, +)
      let mean = sum / Double(losses.count)
      whole = (whole.tokens + losses.count, whole.loss + sum)
      table.addRow()
      run.set(item, nil, in: &table)
      table[tokens] = losses.count
      table[loss] = mean
      table[perplexity] = Numerics.exp(mean)
    }
    // Over the runs of a sweep it would mean nothing.
    if set.prompts.count > 1, set.sweep == nil, call.statement.runner.isHeard, whole.loss.isFinite {
      let mean = Numerics.exp(whole.loss / Double(whole.tokens))
      call.session.note(
        "perplexity: over all \(thousands(whole.tokens)) tokens "
          + DecimalText((mean * 1e4).rounded() / 1e4).fixed(decimals: 4))
    }
    return .table(TableValue(table.table(measure: "perplexity"), origins: [set.origin]))
  }
}
