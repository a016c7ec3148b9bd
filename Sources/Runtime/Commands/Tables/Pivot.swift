import Model

extension Command {
  static let pivot = Command(
    name: "pivot", group: .tables,
    summary: "Spread a column's values into columns: one row a ROW, one column a COLUMN.",
    input: .table,
    parameters: [
      .positional("row", .column, "whose values become rows"),
      .positional("column", .column, "whose values become columns"),
      .positional("value", .column, required: false, "what fills the cells; else the measure"),
    ],
    examples: ["colosseum | dla by head | pivot layer head | take 3"]
  ) { call in
    let (rows, column) = (try call.columns("row"), try call.column(required: "column"))
    let value = try call.column("value")
    return try call.shaping { (try $0.pivoted(rows: rows, column: column, value: value), []) }
  }
}
