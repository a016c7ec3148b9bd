extension Command {
  static let select = Command(
    name: "select", group: .tables, summary: "Keep some columns, in the order given.",
    input: .table, parameters: [.positional("columns", .column, list: true, "which")],
    examples: ["colosseum | dla by head | top 3 | select component, dla"]
  ) { call in
    let names = try call.columns("columns")
    return try call.shaping { (try $0.selecting(names), []) }
  }
}
