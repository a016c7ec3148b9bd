import Model

extension Command {
  /// A row for each token of the vocabulary, or for the best of them.
  static func distribution(_ call: Invocation, measure: String) throws -> Value {
    let set = try call.promptInput()
    let cases = try call.session.cases(of: set)
    let count = min(call.rowsWanted ?? .max, set.model.configuration.vocabulary)
    try call.reserve(
      rows: cases.count, count, bytes: DistributionColumns.bytesPerRow,
      help: "`\(call.command.name) | top 10` keeps the best tokens alone")
    // `top N` after several prompts ranks them all together: N of each are enough.
    var table = TableBuilder(capacity: cases.count * count)
    let run = CaseColumns(set, in: &table)
    let columns = DistributionColumns(in: &table)
    var results = try call.session.results(
      of: cases, on: set.model, label: call.command.name, mayStop: true
    ) { item in
      Measurement(logits: .all([item.prompt.last])) { result in
        let distribution = Distribution(result.logits[0])
        return (distribution, try distribution.ranked(count))
      }
    }
    while let (item, (distribution, tokens)) = try results.next() {
      for (token, rank) in tokens {
        table.addRow()
        run.set(item, in: &table)
        columns.set(token, of: distribution, rank: rank, set.model.tokenizer, in: &table)
      }
    }
    return .table(TableValue(table.table(measure: measure), origins: [set.origin]))
  }
}

extension Distribution {
  /// The tokens with the largest logits and their ranks, which equal logits share. Where some are
  /// not finite, no token has a rank.
  func ranked(_ count: Int) throws -> [(token: Int, rank: Int?)] {
    var rank = 0
    let order = try largest(count)
    return try order.enumerated().mapChecked { i, token in
      if i == 0 || logits[token] != logits[order[i - 1]] { rank = i + 1 }
      return (token, isFinite ? rank : nil)
    }
  }

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
