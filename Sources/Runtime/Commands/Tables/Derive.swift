import Lang
import Model

extension Command {
  static let derive = Command(
    name: "derive", group: .tables, summary: "Add a column computed from the others.",
    input: .table,
    parameters: [
      .assignment(
        "column", .expression, required: true,
        "a name and an expression of the columns")
    ],
    examples: ["colosseum | dla by head | derive share = dla / 18.759 | top 3 by share"]
  ) { call in
    try call.shaping { table in
      var table = table
      for (name, expression) in call.assignments {
        let values = try call.session.column(expression, over: table)
        let cells = try values.mapChecked { value in
          guard let cell = value.cell else {
            throw Failure("a column cannot hold \(value.kind)", span: expression.span)
          }
          return cell
        }
        // Of no rows nothing tells the type, and numbers are what goes on.
        let fallback: Values.Kind = table.rowCount == 0 ? .doubles : .texts
        table = try table.setting(Column(name.text, cells: cells, fallback: fallback))
      }
      return (table, [])
    }
  }
}
