import Lang
import Model

extension Command {
  static let plot = Command(
    name: "plot", group: .seeing,
    summary:
      "Draw a table as bars, a heatmap, lines, points, a histogram, a circuit, or over tokens.",
    details: """
      - bar: labels and the measure; `by` groups the bars
      - heatmap: the result of `pivot`, or row, column and value; `label` puts a column's texts into \
      the cells
      - line, scatter: two numeric columns; `by` makes a series for each value of a third
      - histogram: how many values of a column are in each range
      - tokens: each token on the colour of its value
      - attention: the result of `attention` or `dla by source`
      - circuit: a circuit, or any table of edges
      Columns that are not named are chosen from the table. `facet` makes a panel for each value of \
      a column. The intervals of `group … interval` are drawn. With `to` a file is written; \
      otherwise the plot is drawn on the terminal.
      """,
    input: .table,
    parameters: [
      .positional("kind", .choice(Plot.Kind.self), "the kind of plot"),
      .positional("columns", .column, required: false, list: true, "which columns to draw"),
      .keyword("by", .column, "one series per value of this column"),
      .keyword("facet", .column, "one panel per value of this column, all to one scale"),
      .keyword("bins", .number, "how many ranges a histogram has; default: chosen"),
      .keyword(
        "label", .column, "the column that stands in the cells of a heatmap; default: the numbers"),
      .keyword("title", .text, "the title"),
      .keyword("to", .path, "write a file instead: .svg, .png or .pdf"),
    ],
    examples: [
      "colosseum | dla by head | top 5 | plot bar",
      "colosseum | dla by head | pivot layer head | plot heatmap",
    ]
  ) { call in
    let input = try call.tableInput()
    let kind = try call.choice(required: "kind", Plot.Kind.self)
    let plot = Plot(
      kind: kind, table: input.table, columns: try call.columns("columns"),
      by: try call.column("by"), facet: try call.column("facet"), bins: try call.integer("bins"),
      label: try call.column("label"), title: try call.text("title"),
      prompts: input.origins.flatMap(\.prompts))
    try placing(at: call.span) { try plot.checkColumns() }
    if let expression = call.expression("to"), let path = try call.text("to") {
      // A plan has zeros for numbers.
      guard call.statement.runner.isHeard else { return .nothing }
      let drawing = try placing(at: call.span) { try plot.drawing() }
      try placing(at: expression.span) { try write(drawing, to: path, host: call.host) }
    } else {
      try placing(at: call.span) {
        if let audience = call.session.audience {
          try audience.show(plot, line: call.session.line)
        } else {
          try call.session.show(styled: try plot.text(call.session.renderSettings))
        }
        try call.session.putOnPage(plot, origins: input.origins)
      }
    }
    return .nothing
  }

  private static func write(_ drawing: SVGDrawing?, to path: String, host: any Host) throws {
    let format = try PictureFormat(path: path)
    guard let drawing else { throw Failure("there are no rows to plot") }
    // A renderer may take a second: what would fail after it, now.
    try checkCanWrite(path, host: host)
    let picture = try format.picture(of: drawing)
    try writeFiles([NewFile(path) { try $0.write(picture) }], host: host)
  }
}
