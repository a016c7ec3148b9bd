extension Command {
  static let correlate = Command(
    name: "correlate", group: .tables,
    summary: "Correlate two columns: Pearson's and Spearman's correlation.",
    details: """
      Returns count, pearson, spearman (of the ranks; ties share their mean) and slope (of the \
      least-squares line of Y over X): one row, or one for each group of rows with equal values \
      in the columns of `by`. Rows with a missing value in either column are left out.
      """,
    input: .table,
    parameters: [
      .positional("x", .column, "one column"), .positional("y", .column, "the other"),
      .keyword("by", .column, list: true, "one row for each combination of their values"),
    ],
    examples: [
      "let effects = colosseum | ablate each heads@last | effect\n"
        + "colosseum | dla by head | join effects on component | correlate dla effect"
    ]
  ) { call in
    let (x, y) = (try call.column(required: "x"), try call.column(required: "y"))
    let names = try call.columns("by")
    return try call.shaping { try $0.correlated(x, y, by: names) }
  }
}
