import Lang
import Model

extension Command {
  static let join = Command(
    name: "join", group: .tables, summary: "Add the columns of another table to matching rows.",
    details: """
      Rows match if they are equal in the columns of `on`. Default: all columns that both tables \
      have.
      """,
    input: .table,
    parameters: [
      .positional("table", .table, "the other table"),
      .keyword("on", .column, list: true, "the columns to match; default: all that both have"),
      .flag("left", "keep unmatched rows"),
    ],
    examples: [
      "colosseum | dla by head | join (colosseum | ablate each heads@last | effect) on component | top 3"
    ]
  ) { call in
    guard case .table(let other) = try call.value(required: "table") else {
      throw call.failure("`join` needs another table", help: "join (… | dla by head) on component")
    }
    let on = try call.columns("on")
    let names = on.isEmpty ? nil : on
    let input = try call.tableInput()
    let (table, warnings) = try placing(at: call.span) {
      try input.table.joined(
        with: other.table, on: names, keepingUnmatched: call.hasFlag("left"))
    }
    for warning in warnings { call.warn(warning) }
    var joined = input.with(table)
    joined.take(sourcesOf: other)
    return .table(joined)
  }
}
