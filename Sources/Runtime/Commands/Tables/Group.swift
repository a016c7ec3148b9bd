import Lang

extension Command {
  static let group = Command(
    name: "group", group: .tables,
    summary: "Collapse rows with equal values in the given columns into one.",
    details: """
      Missing values are left out, with a warning. Without an aggregate, rows are counted.
      `interval` adds the ends of a bootstrap interval (default: 95%) to each mean x: x_low and \
      x_high. If the table has a column `prompt` that it is not grouped by, whole prompts are \
      resampled, else rows.
      """,
    input: .table,
    parameters: [
      .keyword("by", .column, required: true, list: true, "the columns with equal values"),
      .keywords("aggregate", AggregateFunction.self, .column, "columns to aggregate"),
    ] + intervalParameters,
    examples: [
      "colosseum | dla by head | group by layer sum dla | top 3",
      "colosseum | dla by head, span | group by component, span mean dla | top 3",
      "country | take 8 | dla by span | group by span mean dla interval 90%",
    ]
  ) { call in
    let names = try call.columns("by")
    let aggregates = try AggregateFunction.allCases.flatMap { function in
      try call.columns("aggregate", after: function.rawValue).map { Aggregate(function, $0) }
    }
    let bootstrap = try bootstrap(call)
    return try call.shaping { try $0.grouped(by: names, aggregates, bootstrap: bootstrap) }
  }

  private static let intervalParameters: [Parameter] = [
    .flag("interval", "the bootstrap interval of each mean"),
    .positional("level", .number, required: false, "the level of the interval; default: 95%"),
    .keyword("seed", .number, "the seed of the resampling; default: 0"),
    .keyword("resamples", .number, "the number of resamples; default: 2000"),
  ]

  private static func bootstrap(_ call: Invocation) throws -> Bootstrap? {
    guard call.hasFlag("interval") else {
      if let stray = ["level", "seed", "resamples"].lazy.compactMap(call.expression).first {
        throw Failure(
          "this needs `interval` before it", help: "as in `mean dla interval`",
          span: stray.span)
      }
      return nil
    }
    var bootstrap = Bootstrap()
    bootstrap.level = try call.number("level") ?? bootstrap.level
    guard bootstrap.level > 0, bootstrap.level < 1 else {
      throw Failure(
        "the level of an interval must be between 0 and 1", help: "write 0.95, or 95%",
        span: call.span(of: "level"))
    }
    bootstrap.seed = try call.seed()
    bootstrap.resamples = try call.integer("resamples") ?? bootstrap.resamples
    guard (1...1_000_000).contains(bootstrap.resamples) else {
      throw Failure(
        "resamples are 1 to 1,000,000", span: call.span(of: "resamples"))
    }
    return bootstrap
  }
}
