import Lang
import Model

extension Command {
  static let plot = Command(
    name: "plot", group: .seeing,
    summary: "Draw a table as bars, a heatmap, lines, points, or attention over tokens.",
    details: """
      - bar: labels and the measure
      - heatmap: the result of `pivot`, or row, column and value
      - line, scatter: two numeric columns; `by` makes a series for each value of a third
      - attention: the result of `attention` or `dla by source`
      Columns that are not named are chosen from the table. With `to` an SVG file is written; \
      otherwise the plot is drawn on the terminal.
      """,
    input: .table,
    parameters: [
      .positional("kind", .choice(Plot.Kind.self), "the kind of plot"),
      .positional("columns", .column, required: false, list: true, "which columns to draw"),
      .keyword("by", .column, "one series per value of this column"),
      .keyword("title", .text, "the title"),
      .keyword("to", .path, "write an SVG file instead"),
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
      by: try call.column("by"), title: try call.text("title"),
      prompts: input.origins.flatMap(\.prompts))
    try placing(at: call.span) { try plot.checkColumns() }
    if let expression = call.expression("to"), let path = try call.text("to") {
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
    guard path.hasSuffix(".svg") else {
      let ending = path.split(separator: "/").last.flatMap { name in
        name.lastIndex(of: ".").map { name[$0...] }
      }
      throw Failure(
        ending.map { "plots are written as .svg, not \(excerpt(String($0), limit: 80))" }
          ?? "plots are written as .svg, and '\(excerpt(path, limit: 80))' has no ending",
        help: "end it in .svg; `rsvg-convert -f pdf` and browsers convert such files"
      )
    }
    guard let drawing else { throw Failure("there are no rows to plot") }
    try writeFiles([NewFile(path, text: drawing.document)], host: host)
  }
}
