extension Command {
  static let top = Command(
    name: "top", group: .tables,
    summary: "Keep the N rows with the largest values of the table's measure, largest first.",
    input: .table,
    parameters: [
      .positional("count", .number, "how many rows"),
      .keyword("by", .expression, "another column, or an expression of columns"),
    ],
    examples: [
      "colosseum | dla by head | top 5", "colosseum | logits | top 5 by prob",
      "colosseum | dla by head | top 3 by abs(dla)",
    ], rowLimit: "count"
  ) { call in
    let count = try call.integer(required: "count")
    let input = try call.tableInput()
    guard let by = call.expression("by") else {
      return try call.shaping { (try $0.top(count), []) }
    }
    let key = try call.rowKey(by, over: input.table)
    return try call.shaping { table in
      if case .column(let name) = key.source, !key.isDescending {
        return (try table.top(count, by: name), [])
      }
      return (try table.gathered(try key.largest(count, of: table)), [])
    }
  }
}
