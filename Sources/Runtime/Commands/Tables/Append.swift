import Lang
import Model

extension Command {
  static let append = Command(
    name: "append", group: .tables,
    summary: "Put the rows of other tables below this one's, or other prompts after these.",
    details: """
      Columns are matched by name. A column that a table lacks is missing in its rows. To tell \
      the rows apart later, mark them with `derive` first.
      Appended prompts continue the numbering of the set. `resample` draws by these numbers.
      """,
    input: .any,
    parameters: [.positional("tables", .table, list: true, "the other tables, or prompts")],
    examples: [
      "colosseum | rank | append (country | take 2 | rank)",
      "let cut = colosseum | ablate L29H1@last | rank; colosseum | rank | append cut",
    ]
  ) { call in
    if case .prompts = call.input {
      let others = try call.expressions("tables").map { try call.session.evaluate($0) }
      return try placing(at: call.span) {
        .prompts(try call.session.asPrompts(.list([call.input] + others)))
      }
    }
    let input = try call.tableInput()
    let others = try call.tables("tables")
    var all = input.with(try Table.stacked([input.table] + others.map(\.table)))
    for other in others { all.take(sourcesOf: other) }
    return .table(all)
  }
}
