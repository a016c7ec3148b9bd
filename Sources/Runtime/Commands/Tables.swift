import Lang
import Model

// The verbs of tables: each reads its words and leaves the work to `Table`.
extension Command {
  static let `where` = Command(
    name: "where", group: .tables,
    summary: "Keep the rows, or the prompts, for which a condition is true.",
    details: "Of prompts it is a condition on the columns that they are listed with.",
    input: .any,
    parameters: [.positional("condition", .condition, "an expression of the columns")],
    examples: [
      "colosseum | dla by head | where dla > 0.5 and layer >= 21",
      #"country | where answer in [" Italy", " France"] | rank"#,
    ]
  ) { call in
    if case .prompts(var set) = call.input {
      let mask = try call.mask(overListingOf: set)
      set.prompts = zip(set.prompts, mask).filter { $0.1 == true }.map(\.0)
      guard !set.prompts.isEmpty else {
        throw call.failure("this leaves no prompts", help: "a set has at least one")
      }
      return .prompts(set)
    }
    return try call.shaping { try $0.filtered(by: try call.mask(over: $0)) }
  }

  static let take = Command(
    name: "take", group: .tables,
    summary: "Keep the first N rows or prompts, or with -N the last.",
    input: .any, parameters: [.positional("count", .number, "how many")],
    examples: ["colosseum | tokens | take 3", "colosseum | tokens | take -1"]
  ) { call in
    let count = try call.integer("count") ?? 0
    if case .prompts(var set) = call.input {
      let size = Int(clamping: count.magnitude)
      set.prompts = Array(count < 0 ? set.prompts.suffix(size) : set.prompts.prefix(size))
      guard !set.prompts.isEmpty else {
        throw call.failure("`take \(count)` leaves no prompts", help: "a set has at least one")
      }
      return .prompts(set)
    }
    return try call.shaping { (try $0.take(count), []) }
  }

  static let select = Command(
    name: "select", group: .tables, summary: "Keep some columns, in the order given.",
    input: .table, parameters: [.positional("columns", .column, list: true, "which")],
    examples: ["colosseum | dla by head | top 3 | select component, dla"]
  ) { call in
    let names = try call.columns("columns")
    return try call.shaping { (try $0.selecting(names), []) }
  }

  static let derive = Command(
    name: "derive", group: .tables, summary: "Add a column computed from the others.",
    input: .table,
    parameters: [
      Parameter(
        name: "column", form: .assignment, kind: .expression, isRequired: true,
        summary: "a name and an expression of the columns")
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

  static let join = Command(
    name: "join", group: .tables, summary: "Put a table's columns beside another's, row by row.",
    details: "Rows meet where they are equal in the columns of `on`, or in all that both have.",
    input: .table,
    parameters: [
      .positional("table", .table, "the other table"),
      .keyword("on", .column, list: true, "the columns to be equal in"),
      .word("left", ["left"], "keep rows that meet none"),
    ],
    examples: [
      "colosseum | dla by head | join (colosseum | ablate each heads@last | effect) on component | top 3"
    ]
  ) { call in
    guard case .table(let other)? = try call.value("table") else {
      throw call.failure("`join` needs another table", help: "join (… | dla by head) on component")
    }
    let names = call.has("on") ? try call.columns("on") : nil
    let input = try call.tableInput()
    let (table, warnings) = try placing(at: call.span) {
      try input.table.joined(
        with: other.table, on: names, keepingUnmatched: call.word("left") != nil)
    }
    for warning in warnings { call.warn(warning) }
    return .table(TableValue(table, origins: input.origins + other.origins))
  }

  static let append = Command(
    name: "append", group: .tables,
    summary: "Put the rows of other tables below this one's, or other prompts after these.",
    details: """
      Columns go by their names; a column that a table lacks is missing in its rows. `derive` beforehand \
      says which rows are whose. Prompts keep the numbers by which draws are made: those of another \
      set count on.
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
    all.origins += others.flatMap(\.origins)
    return .table(all)
  }

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
    let (rows, column) = (try call.columns("row"), try call.column("column") ?? "")
    let value = try call.column("value")
    return try call.shaping { (try $0.pivoted(rows: rows, column: column, value: value), []) }
  }

  static let summary = Command(
    name: "summary", group: .tables,
    summary: "Describe each column: its type, count, smallest, mean and largest.", input: .table,
    examples: ["colosseum | dla by head | summary"]
  ) { call in try call.shaping { (try $0.summary(), []) } }
}

extension Invocation {
  fileprivate func mask(overListingOf set: PromptSet) throws -> [Bool?] {
    let listing = set.listing
    return try mask(
      over: listing,
      columnsHelp:
        "prompts are listed with \(enumeration(listing.columnNames)); for other columns measure "
        + "something first: rank, dla, effect …")
  }

  /// Whether `condition` is true of each row, nil where it is missing.
  fileprivate func mask(over table: Table, columnsHelp: String? = nil) throws -> [Bool?] {
    guard let condition = expression("condition") else { return [] }
    let values = try session.column(
      condition, over: table, asks: "this condition", columnsHelp: columnsHelp)
    return try values.mapChecked { value in
      switch value {
      case .boolean(let truth): return truth
      case .missing: return nil
      case let other:
        throw Failure(
          "`where` needs a condition, and this is \(other.kind)",
          help: "compare it with something", span: condition.span)
      }
    }
  }
}
