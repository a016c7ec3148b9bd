import Lang

/// What `plot` draws: a kind, a table, and those of its columns that were named. The terminal and
/// pages draw the same choice of rows and columns.
struct Plot {
  enum Kind: String, Choice {
    case bar, heatmap, line, scatter, attention
  }

  var kind: Kind
  var table: Table
  var columns: [String] = []
  var by: String?
  /// Stands above the plot.
  var title: String?
  /// What the rows were measured on: `attention` shows its tokens.
  var prompts: [Prompt] = []

  /// - Throws: `Failure` for a column that is named and not drawn.
  func checkColumns() throws {
    let (most, splits): (Int, Bool) =
      switch kind {
      case .bar: (.max, false)
      case .line: (.max, true)
      case .heatmap: (3, false)
      case .scatter: (2, true)
      case .attention: (1, false)
      }
    guard columns.count <= most else {
      throw Failure(
        "`plot \(kind.rawValue)` draws \(most == 1 ? "one column" : "\(most) columns"), "
          + "not \(columns.count)", help: "omit '\(excerpt(columns[most]))'")
    }
    guard by == nil || splits else {
      throw Failure(
        "`by` has no effect on `plot \(kind.rawValue)`",
        help: "`plot line` and `plot scatter` take it")
    }
  }

  private func column(_ index: Int) -> String? {
    columns.indices.contains(index) ? columns[index] : nil
  }

  /// With characters, for a terminal.
  func text(_ settings: RenderSettings) throws -> String {
    let heading = title.map {
      Style.heading.paint(escapedText($0), colour: settings.colour) + "\n"
    }
    return try (heading ?? "") + drawnText(settings)
  }

  private func drawnText(_ settings: RenderSettings) throws -> String {
    switch kind {
    case .bar:
      return try plotBar(
        table, label: Array(columns.dropLast()), value: columns.last, settings: settings)
    case .heatmap:
      return try plotHeatmap(
        table, row: column(0), column: column(1), value: column(2), settings: settings)
    case .line:
      return try plotLine(
        table, x: column(0), y: Array(columns.dropFirst()), by: by, settings: settings)
    case .scatter:
      return try plotScatter(table, x: column(0), y: column(1), by: by, settings: settings)
    case .attention:
      guard table.rowCount > 0 else { return plotNotes(["no rows to plot"], settings) }
      return heatmapText(try attentionGrid(), settings)
    }
  }

  /// As SVG; nil where there is nothing to draw.
  func drawing() throws -> SVGDrawing? {
    guard table.rowCount > 0 else { return nil }
    switch kind {
    case .bar:
      return try SVGDrawing(
        bars: table, label: Array(columns.dropLast()), value: columns.last, title: title)
    case .heatmap:
      let grid = try PlotGrid(table, row: column(0), column: column(1), value: column(2))
      return SVGDrawing(heatmap: grid, title: title)
    case .line:
      let lines = try PlottedLines(
        table, x: column(0), y: Array(columns.dropFirst()), by: by)
      return SVGDrawing(lines: lines, title: title)
    case .scatter:
      let points = try PlottedPoints(table, x: column(0), y: column(1), by: by)
      return SVGDrawing(scatter: points, title: title)
    case .attention:
      return SVGDrawing(heatmap: try attentionGrid(), title: title)
    }
  }

  private func attentionGrid() throws -> PlotGrid {
    try PlotGrid(attention: table, value: column(0), prompts: prompts)
  }
}
