import Lang

/// What `plot` draws: a kind, a table, and those of its columns that were named. The terminal and
/// pages draw the same choice of rows and columns.
struct Plot {
  enum Kind: String, Choice {
    case bar, heatmap, line, scatter, histogram, tokens, attention, circuit
  }

  var kind: Kind
  var table: Table
  var columns: [String] = []
  var by: String?
  /// A panel for each value of this column.
  var facet: String?
  /// Into how many ranges `histogram` divides the numbers.
  var bins: Int?
  /// The column whose texts stand in the cells of a heatmap.
  var label: String?
  /// Stands above the plot.
  var title: String?
  /// What the rows were measured on: `attention` and `tokens` show its tokens.
  var prompts: [Prompt] = []

  /// - Throws: `Failure` for what is given and has no effect.
  func checkColumns() throws {
    let (most, splits): (Int, Bool) =
      switch kind {
      case .bar: (.max, true)
      case .line: (.max, true)
      case .heatmap: (3, false)
      case .scatter: (2, true)
      case .histogram: (1, true)
      case .tokens, .attention, .circuit: (1, false)
      }
    guard columns.count <= most else {
      throw Failure(
        "`plot \(kind.rawValue)` draws \(most == 1 ? "one column" : "\(most) columns"), "
          + "not \(columns.count)", help: "omit '\(excerpt(columns[most]))'")
    }
    guard by == nil || splits else {
      throw Failure(
        "`by` has no effect on `plot \(kind.rawValue)`",
        help: "`plot bar`, `histogram`, `line` and `scatter` take it")
    }
    guard label == nil || kind == .heatmap else {
      throw Failure(
        "`label` has no effect on `plot \(kind.rawValue)`", help: "`plot heatmap` takes it")
    }
    guard let bins else { return }
    guard kind == .histogram else {
      throw Failure("`bins` has no effect on `plot \(kind.rawValue)`", help: "omit it")
    }
    guard (1...PlottedHistogram.mostAskedFor).contains(bins) else {
      throw Failure(
        "`bins` must be from 1 to \(PlottedHistogram.mostAskedFor)", help: "default: chosen")
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
    guard table.rowCount > 0 else { return plotNotes(["no rows to plot"], settings) }
    if let facet { return try PlotPanels(self, by: facet).text(settings) }
    return try content().text(settings)
  }

  /// As SVG; nil where there is nothing to draw.
  func drawing() throws -> SVGDrawing? {
    guard table.rowCount > 0 else { return nil }
    if let facet { return try PlotPanels(self, by: facet).drawing() }
    return try content().drawing(title: title)
  }

  func content(scale: SharedScale? = nil) throws -> PlotContent {
    switch kind {
    case .bar:
      return .bars(
        try PlottedBars(
          table, label: Array(columns.dropLast()), value: columns.last, by: by, scale: scale))
    case .heatmap:
      return .map(
        try PlotGrid(
          table, row: column(0), column: column(1), value: column(2), label: label,
          prompts: prompts))
    case .line:
      return .lines(
        try PlottedLines(table, x: column(0), y: Array(columns.dropFirst()), by: by))
    case .scatter:
      return .points(
        try PlottedPoints(table, x: column(0), y: column(1), by: by, scale: scale))
    case .histogram:
      return .histogram(try histogram(scale: scale))
    case .tokens: return .tokens(try TokenStrips(table, value: column(0), prompts: prompts))
    case .attention:
      return .map(try PlotGrid(attention: table, value: column(0), prompts: prompts))
    case .circuit: return .circuit(try PlottedCircuit(table, score: column(0)))
    }
  }

  func histogram(scale: SharedScale? = nil) throws -> PlottedHistogram {
    try PlottedHistogram(table, column: columns.first, by: by, bins: bins, scale: scale)
  }
}

/// What a plot shows, read from its table: the same on the terminal, in files and on pages.
enum PlotContent {
  case bars(PlottedBars)
  case map(PlotGrid)
  case lines(PlottedLines)
  case points(PlottedPoints)
  case histogram(PlottedHistogram)
  case tokens(TokenStrips)
  case circuit(PlottedCircuit)

  func text(_ settings: RenderSettings, scale: SharedScale? = nil) throws -> String {
    switch self {
    case .bars(let bars): try barText(bars, settings, scale: scale)
    case .map(let grid): heatmapText(grid, settings, scale: scale)
    case .lines(let lines): lineText(lines, settings, scale: scale)
    case .points(let points): scatterText(points, settings, scale: scale)
    case .histogram(let histogram): try histogramText(histogram, settings, scale: scale)
    case .tokens(let strips): tokensText(strips, settings, scale: scale)
    case .circuit(let circuit): circuitText(circuit, settings)
    }
  }

  func drawing(
    size: SVGSize = .whole, title: String?, scale: SharedScale? = nil
  ) throws -> SVGDrawing {
    switch self {
    case .bars(let bars): try SVGDrawing(bars: bars, size: size, title: title, scale: scale)
    case .map(let grid): SVGDrawing(heatmap: grid, title: title, scale: scale)
    case .lines(let lines): SVGDrawing(lines: lines, size: size, title: title, scale: scale)
    case .points(let points):
      SVGDrawing(scatter: points, size: size, title: title, scale: scale)
    case .histogram(let histogram):
      SVGDrawing(histogram: histogram, size: size, title: title, scale: scale)
    case .tokens(let strips): SVGDrawing(tokens: strips, size: size, title: title, scale: scale)
    case .circuit(let circuit): SVGDrawing(circuit: circuit, title: title)
    }
  }

  /// What the axes and colours reach.
  var extent: SharedScale {
    switch self {
    case .bars(let bars): bars.extent
    case .map(let grid): SharedScale(y: grid.values.flatMap { $0 })
    case .lines(let lines): lines.extent
    case .points(let points): points.extent
    case .histogram(let histogram): histogram.extent
    case .tokens(let strips): strips.extent
    case .circuit: SharedScale()
    }
  }
}
