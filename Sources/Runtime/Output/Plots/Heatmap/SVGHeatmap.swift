import Lang

extension SVGDrawing {
  private static let mostRows = 200
  private static let mostColumns = 120
  /// On a cell of this share of the strongest colour, black and white read equally well: in the dark
  /// the strong colours are the bright ones.
  private static let turningInDark = 0.64
  private static let turningInLight = 0.78

  /// A cell a number, blue above zero and red below; few columns have their numbers in them.
  init(heatmap grid: PlotGrid, title: String?, scale shared: SharedScale? = nil) {
    let layout = HeatmapLayout(grid, rows: Self.mostRows, columns: Self.mostColumns)
    let finite = grid.values.joined().filter(\.isFinite)
    let axes = [grid.rowTitle, grid.columnTitle].filter { !$0.isEmpty }
    let value = grid.valueTitle.isEmpty ? "value" : grid.valueTitle
    self.init(
      name: title ?? "\(value) by \(axes.joined(separator: " and "))",
      summary: "\(grid.rowLabels.count) rows and \(grid.columnLabels.count) columns: "
        + rangeText(value, finite) + ".",
      width: layout.width)
    let top = heading(title)

    let corner = [grid.rowTitle] + axes.dropFirst().map { "\($0) →" }
    text(
      Self.fitted(corner.joined(separator: "  "), into: width), x: 0, y: top + 12, style: "name")
    let field = top + 20 + layout.labelHeight
    drawColumnLabels(grid, layout, bottom: field - 5)
    let scale = HeatmapScale(finite + (shared?.y?.ends ?? []))
    for row in 0..<layout.rows {
      let y = field + layout.cellHeight * Double(row)
      let label = Self.fitted(grid.rowLabels[row], into: layout.labelWidth)
      text(
        label, x: layout.labelWidth, y: y + layout.cellHeight / 2 + 4, anchor: .end, style: "soft")
      for column in 0..<layout.columns {
        draw(grid, row, column, y: y, layout, scale)
      }
    }
    rectangle(
      Rectangle(
        x: layout.left, y: field, width: layout.cellWidth * Double(layout.columns),
        height: layout.cellHeight * Double(layout.rows)), style: "frame")
    if shared == nil { drawScale(scale, named: grid.valueTitle.isEmpty ? "" : value) }
    let marks = Marks(unicode: true)
    for note in rowNotes(grid.rowLabels.count - layout.rows, marks) { footnote(note) }
    let more = grid.columnLabels.count - layout.columns
    if more > 0 { footnote("… \(thousands(more)) more column\(more == 1 ? "" : "s")") }
  }

  private mutating func draw(
    _ grid: PlotGrid, _ row: Int, _ column: Int, y: Double, _ layout: HeatmapLayout,
    _ scale: HeatmapScale
  ) {
    let value = grid.values[row][column]
    let x = layout.left + layout.cellWidth * Double(column)
    let box = Rectangle(x: x, y: y, width: layout.cellWidth, height: layout.cellHeight)
    guard !value.isNaN else { return rectangle(box, style: "missing") }
    let share = scale.share(value)
    let place = [grid.rowLabels[row], grid.columnLabels[column]].joined(separator: ", ")
    let label = grid.cells?[row][column]
    rectangle(
      box, style: share < 0 ? "low" : "high", opacity: share.magnitude,
      note: "\(place): " + (label.map { "\($0), " } ?? "") + "\(value)")
    if let label {
      return text(
        Self.fitted(Self.labelText(label), into: layout.cellWidth - 6), x: x + layout.cellWidth / 2,
        y: y + layout.cellHeight / 2 + 4, anchor: .middle,
        style: Self.style(onShare: share.magnitude))
    }
    guard let numbers = layout.numbers else { return }
    text(
      numbers[row][column].trimmingSpaces(), x: x + layout.cellWidth - 5,
      y: y + layout.cellHeight / 2 + 4, anchor: .end,
      style: Self.style(onShare: share.magnitude))
  }

  /// A label's spaces are part of its token, and must be seen.
  fileprivate static func labelText(_ text: String) -> String { text.replacing(" ", with: "·") }

  /// Of a text on a cell of this share of the strongest colour.
  static func style(onShare share: Double) -> String {
    if share > turningInLight { return "inside strong" }
    return share > turningInDark ? "inside mid" : "inside"
  }

  private mutating func drawColumnLabels(_ grid: PlotGrid, _ layout: HeatmapLayout, bottom: Double)
  {
    for column in stride(from: 0, to: layout.columns, by: layout.labelStep) {
      let middle = layout.left + layout.cellWidth * (Double(column) + 0.5)
      let label =
        grid.cells == nil ? grid.columnLabels[column] : Self.labelText(grid.columnLabels[column])
      if layout.isUpright {
        let cut = label.cut(to: HeatmapLayout.tallest, mark: "…")
        text(cut, x: middle + 4, y: bottom, style: "soft", isUpright: true)
      } else {
        let cut = Self.fitted(label, into: layout.cellWidth * Double(layout.labelStep))
        text(cut, x: middle, y: bottom, anchor: .middle, style: "soft")
      }
    }
  }

  /// From the smallest to the largest colour, with their numbers.
  mutating func drawScale(_ scale: HeatmapScale, named name: String) {
    let y = height + 12
    let texts = shortNumbers([scale.low, scale.high]).map { Double($0) == 0 ? "0" : $0 }
    guard scale.limit > 0 else { return footnote("all are zero") }
    text(texts[0], x: 0, y: y + 10, style: "soft")
    let left = Self.width(of: texts[0]) + 6
    let steps = 32
    for step in 0..<steps {
      let part = (Double(step) + 0.5) / Double(steps)
      let share = scale.share(scale.low + (scale.high - scale.low) * part)
      rectangle(
        Rectangle(x: left + Double(step) * 3, y: y, width: 3, height: 12),
        style: share < 0 ? "low" : "high", opacity: share.magnitude)
    }
    let right = left + Double(steps) * 3 + 6
    text(texts[1], x: right, y: y + 10, style: "soft")
    let rest = right + Self.width(of: texts[1]) + 12
    text(Self.fitted(name, into: max(20, width - rest)), x: rest, y: y + 10, style: "name")
  }
}

/// What the colours mean: symmetric around zero where there are both signs.
struct HeatmapScale {
  let limit: Double
  let low: Double
  let high: Double

  init(_ finite: [Double]) {
    let (lowest, highest) = (finite.min() ?? 0, finite.max() ?? 0)
    limit = max(highest.magnitude, lowest.magnitude)
    low = lowest < 0 ? -limit : 0
    high = highest > 0 ? limit : 0
  }

  func share(_ value: Double) -> Double {
    guard value.isFinite else { return value > 0 ? 1 : -1 }
    return limit == 0 ? 0 : value / limit
  }
}

/// Where the cells of a heatmap are, and how large.
private struct HeatmapLayout {
  let rows: Int
  let columns: Int
  let labelWidth: Double
  let cellWidth: Double
  let cellHeight: Double
  /// One column in `labelStep` has its label.
  let labelStep: Int
  let isUpright: Bool
  let labelHeight: Double
  /// What stands in the cells, where there is room.
  let numbers: [[String]]?

  /// Characters of a label that is read upwards.
  static let tallest = 14
  private static let widest = 560.0
  private static let narrowest = 320.0

  var left: Double { labelWidth + 8 }
  var width: Double {
    max(Self.narrowest, left + cellWidth * Double(columns) + 2)
  }

  init(_ grid: PlotGrid, rows most: Int, columns mostColumns: Int) {
    rows = shownRows(of: grid.rowLabels.count, at: most)
    columns = min(grid.columnLabels.count, mostColumns)
    let shownLabels = grid.columnLabels.prefix(columns)
    let longest = grid.rowLabels.prefix(rows).map { SVGDrawing.width(of: $0) }.max() ?? 0
    labelWidth = min(170, longest)
    let room = Self.widest - labelWidth - 10
    let titles = shownLabels.map { SVGDrawing.width(of: $0) + 8 }.max() ?? 0

    if let cells = grid.cells {
      let widest = cells.joined().map { SVGDrawing.width(of: $0, size: 11) }.max() ?? 0
      (numbers, cellHeight) = (nil, 22)
      cellWidth = min(84, max(30, widest + 12))
      (labelStep, isUpright, labelHeight) = (1, false, 16)
      return
    }
    let texts = [3, 2].map { grid.plainNumbers(digits: $0) ?? grid.numbers(digits: $0) }
    let fitting = texts.first { texts in
      let widest = texts.joined().map { SVGDrawing.width(of: $0, size: 11) }.max() ?? 0
      return (widest + 10) * Double(grid.columnLabels.count) <= room
    }
    numbers = fitting
    if let fitting {
      let widest = fitting.joined().map { SVGDrawing.width(of: $0, size: 11) }.max() ?? 0
      cellWidth = max(widest + 10, min(titles, room / Double(max(1, columns)), 90))
      cellHeight = 22
    } else {
      cellWidth = max(12, min(28, room / Double(max(1, columns))))
      cellHeight = max(16, min(22, cellWidth))
    }
    let areNumbers = shownLabels.allSatisfy { Int($0) != nil }
    labelStep = areNumbers ? max(1, Int((titles / cellWidth).rounded(.up))) : 1
    isUpright = !areNumbers && titles > cellWidth
    let cells = shownLabels.map(displayWidth(of:)).max() ?? 0
    labelHeight =
      isUpright
      ? SVGDrawing.width(of: String(repeating: "n", count: min(cells, Self.tallest))) + 6 : 16
  }
}
