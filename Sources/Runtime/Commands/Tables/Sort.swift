extension Command {
  static let sort = Command(
    name: "sort", group: .tables,
    summary: "Order the rows by columns or expressions of them; `-` before one: largest first.",
    input: .table,
    parameters: [.positional("keys", .expression, list: true, "columns, or expressions of them")],
    examples: [
      "colosseum | dla by head | sort -dla | take 3",
      "colosseum | dla by head | sort layer, -abs(dla) | take 3",
    ]
  ) { call in
    let input = try call.tableInput()
    let keys = try call.expressions("keys").map { try call.rowKey($0, over: input.table) }
    return try call.shaping { table in (try table.gathered(try keys.order(of: table)), []) }
  }
}
