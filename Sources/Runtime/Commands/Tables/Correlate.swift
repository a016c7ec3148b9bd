extension Command {
  static let correlate = Command(
    name: "correlate", group: .tables,
    summary: "Correlate two columns: Pearson's and Spearman's correlation.",
    details: """
      One row, or one for what is alike in the columns of `by`: count, pearson, spearman (of the \
      ranks, those that tie sharing their mean), and slope, the least squares line's of the second \
      over the first. Rows in which either is missing are left out.
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
