import Model

extension Command {
  /// A row for each token of the vocabulary, or for the best of them.
  static func distribution(_ call: Invocation, measure: String) throws -> Value {
    let set = try call.promptInput()
    let cases = try call.session.cases(of: set)
    let count = min(call.rowsWanted ?? .max, set.model.configuration.vocabulary)
    try call.reserve(
      rows: cases.count, count, bytes: DistributionRows.bytesPerRow,
      help: "`\(call.command.name) | top 10` keeps the best tokens alone")
    var rows = DistributionRows(set, count: cases.count * count)
    try call.session.run(
      cases, of: set, label: call.command.name, mayStop: true,
      wants: { ([:], .all([$0.prompt.last])) },
      consume: { item, result in
        // `top N` after several prompts ranks them all together: N of each are enough.
        try rows.append(item, Distribution(result.logits[0]), most: call.rowsWanted)
      })
    return .table(TableValue(rows.table(measure: measure), origins: [set.origin]))
  }
}

/// The rows of `logits` and `probs`.
private struct DistributionRows {
  private var table: TableBuilder
  private let run: CaseColumns
  private let token: DistributionColumns

  /// Of a table of several prompts with a sweep: integers and texts take 16 each.
  static let bytesPerRow = 9 * 16 + 4 + 2 * 8

  /// - Parameter count: how many rows there will be.
  init(_ set: PromptSet, count: Int) {
    table = TableBuilder(capacity: count)
    run = CaseColumns(set, in: &table)
    token = DistributionColumns(in: &table)
  }

  /// Largest first; equal logits in the order of their ids, under the same rank. Logits that are not
  /// finite are missing and last, and no token has a rank then.
  mutating func append(_ item: Case, _ distribution: Distribution, most: Int?) throws {
    let values = distribution.logits
    let order = try distribution.largest(most ?? values.count)
    var rank = 0
    try order.enumerated().forEachChecked { i, token in
      if i == 0 || values[token] != values[order[i - 1]] { rank = i + 1 }
      table.addRow()
      run.set(item, in: &table)
      self.token.set(
        token, of: distribution, rank: distribution.isFinite ? rank : nil,
        item.prompt.model.tokenizer, in: &table)
    }
  }

  func table(measure: String) -> Table { table.table(measure: measure) }
}

extension Distribution {
  /// The tokens with the largest logits, largest first; of equal ones the smaller id first. Those whose
  /// logits are not finite come last.
  func largest(_ count: Int) throws -> [Int] {
    let values = isFinite ? logits : logits.map { $0.isFinite ? $0 : -.infinity }
    // To sort a vocabulary for the few that are looked at takes longer than to compute it.
    guard count < values.count / 16 else {
      let order = try values.indices.sortedChecked {
        values[$0] != values[$1] ? values[$0] > values[$1] : $0 < $1
      }
      return Array(order.prefix(count))
    }
    var best: [Int] = []
    try values.indices.forEachChecked { token in
      if best.count == count, let last = best.last, values[token] <= values[last] { return }
      let place = best.firstIndex { values[$0] < values[token] } ?? best.count
      best.insert(token, at: place)
      if best.count > count { best.removeLast() }
    }
    return best
  }
}
