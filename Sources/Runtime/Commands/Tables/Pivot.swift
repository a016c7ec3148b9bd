import Model

extension Command {
  static let pivot = Command(
    name: "pivot", group: .tables,
    summary: "Spread a column's values into columns: one row per ROW, one column per COLUMN.",
    input: .table,
    parameters: [
      .positional("row", .column, "the column whose values become rows"),
      .positional("column", .column, "the column whose values become columns"),
      .positional(
        "value", .column, required: false, "the column in the cells; default: the measure"),
    ],
    examples: ["colosseum | dla by head | pivot layer head | take 3"]
  ) { call in
    let (rows, column) = (try call.columns("row"), try call.column(required: "column"))
    let value = try call.column("value")
    return try call.shaping { (try $0.pivoted(rows: rows, column: column, value: value), []) }
  }
}
