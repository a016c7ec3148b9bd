import Lang

/// Small multiples: a plot for each value of a column, all to one scale and with one legend.
struct PlotPanels {
  private let panels: [(name: String, content: PlotContent)]
  private let scale: SharedScale
  private let plot: Plot
  private let facet: String

  private static let most = 24

  init(_ plot: Plot, by facet: String) throws {
    self.plot = plot
    self.facet = facet
    let column = try plot.table.column(facet)
    guard !plot.columns.contains(facet), plot.by != facet else {
      throw Failure(
        "`facet \(facet)` names a column that the panels show already",
        help: "name a column that tells the panels apart")
    }
    let groups = try plot.table.groups(by: [column])
    guard groups.count <= Self.most else {
      throw Failure(
        "`facet \(facet)` makes \(thousands(groups.count)) panels, and at most \(Self.most) are drawn",
        help: "keep fewer with `where`, or `top`")
    }
    let plots = try groups.map { rows in
      var part = plot
      part.facet = nil
      part.title = nil
      part.table = try plot.table.gathered(rows).dropping([facet])
      if facet == "prompt" {
        let name = column[rows[0]].description
        part.prompts = plot.prompts.filter { $0.name == name }
      }
      let title = visible(column[rows[0]].title)
      return (name: column.kind == .texts ? title : "\(escapedText(facet)) \(title)", plot: part)
    }
    // First what each reaches, then all to that scale: the counts of a histogram follow from it.
    var reach = SharedScale()
    for part in plots { reach.take(in: try part.plot.content().extent) }
    guard reach.series.count <= PlotSeries.limit else {
      throw Failure(
        "the panels have \(reach.series.count) different series: too many to tell apart",
        help: "keep at most \(PlotSeries.limit) with `where`")
    }
    if plot.kind == .histogram { reach.ranges = try plot.histogram().ranges }
    let contents = try plots.map { try $0.plot.content(scale: reach) }
    var shared = SharedScale()
    for content in contents { shared.take(in: content.extent) }
    scale = shared
    panels = zip(plots, contents).map { (name: $0.name, content: $1) }
  }

  /// One below the other.
  func text(_ settings: RenderSettings) throws -> String {
    let texts = try panels.map { panel in
      let name = panel.name.cut(
        to: settings.width ?? defaultPlotWidth, mark: Marks(unicode: settings.unicode).ellipsis)
      return Style.heading.paint(name, colour: settings.colour) + "\n"
        + (try panel.content.text(settings, scale: scale))
    }
    let isKeyed = hasLegend && !isBars
    return texts.joined(separator: "\n")
      + (isKeyed ? "\n" + PlotSeries.legend(scale.series, settings) : "")
  }

  private var hasLegend: Bool { scale.series.count > 1 }
  /// Bars name their series in a column of their own.
  private var isBars: Bool {
    switch panels.first?.content {
    case .bars, .histogram: true
    default: false
    }
  }

  private static let gap = 24.0
  /// What a page has room for.
  private static let widest = 860.0

  /// In rows of up to three.
  func drawing() throws -> SVGDrawing {
    let drawings = try panels.map { panel in
      try panel.content.drawing(size: .panel, title: panel.name, scale: scale)
    }
    let widest = drawings.map(\.width).max() ?? 0
    let fitting = Int((Self.widest + Self.gap) / (widest + Self.gap))
    let columns = max(1, min(drawings.count, drawings.count == 4 ? 2 : 3, fitting))
    let width = Double(columns) * (widest + Self.gap) - Self.gap
    var whole = SVGDrawing(
      name: plot.title ?? "\(plot.kind.rawValue) plots, one for each \(escapedText(facet))",
      summary: drawings.map { "\($0.name): \($0.summary)" }.joined(separator: " "),
      width: max(width, 240))
    var y = whole.heading(plot.title)
    for start in stride(from: 0, to: drawings.count, by: columns) {
      let row = drawings[start..<min(drawings.count, start + columns)]
      for (index, drawing) in row.enumerated() {
        whole.place(drawing, x: Double(index) * (widest + Self.gap), y: y)
      }
      y += (row.map(\.height).max() ?? 0) + Self.gap
    }
    if case .map(let grid)? = panels.first?.content {
      whole.drawScale(HeatmapScale(scale.y?.ends ?? []), named: grid.valueTitle)
    } else if case .tokens(let strips)? = panels.first?.content {
      whole.drawScale(HeatmapScale(scale.y?.ends ?? []), named: strips.valueTitle)
    }
    if hasLegend { whole.legend(scale.series) }
    return whole
  }
}
