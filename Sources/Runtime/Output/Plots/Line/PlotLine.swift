import Lang

/// A line a series, over a column of numbers. Of a long table: `y` (default: the measure) over `x`,
/// a line for each value of `by`; those that are not named are found. Of a pivoted one: all further
/// columns of numbers over the first.
func plotLine(
  _ table: Table, x: String? = nil, y: [String] = [], by: String? = nil,
  settings: RenderSettings = RenderSettings()
) throws -> String {
  guard table.rowCount > 0 else { return plotNotes(["no rows to plot"], settings) }
  return lineText(try PlottedLines(table, x: x, y: y, by: by), settings)
}

func lineText(
  _ lines: PlottedLines, _ settings: RenderSettings, scale: SharedScale? = nil
) -> String {
  let finite = lines.series.flatMap { series in series.points.compactMap { $0 } }
  guard !finite.isEmpty else {
    return plotNotes(["no row has both a `\(lines.x.name)` and a value"], settings)
  }

  let manyNames = scale == nil && lines.series.count > 1 ? lines.series.map(\.name) : []
  let longest = manyNames.map(displayWidth(of:)).max() ?? 0
  let width = settings.width ?? defaultPlotWidth
  // Without colours, each line is named where it ends.
  let room = manyNames.isEmpty || longest > width / 4 ? 0 : longest + 2
  var frame = PlotFrame(
    x: finite.map(\.x) + (scale?.x?.ends ?? []), y: lines.reached + (scale?.y?.ends ?? []),
    xIsInteger: lines.x.kind == .integers, yIsInteger: false, room: room, settings)
  for series in lines.series {
    let owner = scale?.series.firstIndex(of: series.name) ?? series.owner
    frame.draw(series.points, owner: owner, settings)
  }
  frame.drawZeroes()

  let ends = room > 0 ? frame.ends(of: lines.series) : [:]
  let plot = frame.text(xTitle: lines.x.name, yTitle: lines.title, ends: ends) { text, owner in
    PlotSeries.paint(text, owner, colour: settings.colour)
  }
  let needsLegend = manyNames.count > ends.count
  return plot + (needsLegend ? PlotSeries.legend(manyNames, settings) : "")
    + plotNotes(leftOut(lines.missing), settings)
}

/// What lines are drawn, over which column: for the terminal and for pages.
struct PlottedLines {
  struct Point {
    var x: Double
    var y: Double
    /// Of `y`, where the table has one.
    var interval: ClosedRange<Double>?
  }

  struct Line {
    var name: String
    /// Which of the plot's series it is.
    var owner: Int
    /// In the order of x; nil where a value is missing, which breaks the line.
    var points: [Point?]
  }

  var x: Column
  var title: String
  var series: [Line] = []
  var missing = 0

  init(_ table: Table, x: String?, y: [String], by: String?) throws {
    let numbers = table.columns.filter(\.kind.isNumeric)
    let isWide = y.count > 1 || (y.isEmpty && by == nil && table.measure == nil)
    let ys =
      isWide
      ? (y.isEmpty
        ? numbers.dropFirst(x == nil ? 1 : 0).filter {
          $0.name != x && !table.isEndOfInterval($0.name)
        } : try y.map(table.column))
      : [try table.numericColumn(y.first, for: "plot line")]
    let names = ys.map(\.name)
    let across =
      try x.map { try table.numericColumn($0, for: "plot line") }
      ?? numbers.first { $0.kind == .integers && !names.contains($0.name) && $0.name == "layer" }
      ?? numbers.first { !names.contains($0.name) }
    guard let across, let first = ys.first else {
      throw Failure(
        "`plot line` needs a column of numbers to go along, and one to show",
        help: "the columns are \(enumeration(table.columnNames)); without an order among the rows, "
          + "`plot bar`")
    }
    self.x = across
    title = names.count == 1 ? first.name : ""

    let split = isWide ? nil : try table.seriesColumn(by, x: across, y: first)
    let groups = try table.groups(by: split.map { [$0] } ?? [])
    let count = max(groups.count, ys.count)
    guard count <= PlotSeries.limit else {
      throw Failure(
        "\(thousands(count)) lines are too many to tell apart",
        help: "keep at most \(PlotSeries.limit) with `where`, or `plot heatmap`")
    }
    for rows in groups {
      for column in ys {
        let name = split.map { visible($0[rows[0]].title) } ?? visible(column.name)
        append(name, column, rows, IntervalColumns(table, of: column.name))
      }
    }
  }

  /// What the lines and their intervals reach.
  var reached: [Double] {
    series.flatMap { $0.points.compactMap { $0 } }.flatMap { [$0.y] + ($0.interval?.ends ?? []) }
  }

  var extent: SharedScale {
    SharedScale(
      x: series.flatMap { $0.points.compactMap { $0?.x } }, y: reached, series: series.map(\.name))
  }

  private mutating func append(
    _ name: String, _ column: Column, _ rows: [Int], _ intervals: IntervalColumns?
  ) {
    var points: [(place: Double, point: Point?)] = []
    for row in rows {
      let value = column.values.number(row)
      guard let place = x.values.number(row), place.isFinite else {
        missing += 1
        continue
      }
      guard let value, value.isFinite else {
        missing += 1
        points.append((place, nil))
        continue
      }
      points.append((place, Point(x: place, y: value, interval: intervals?[row])))
    }
    points.sort { $0.place < $1.place }
    series.append(Line(name: name, owner: series.count, points: points.map(\.point)))
  }
}

extension Table {
  /// What splits the rows into lines: the column `name`, else the first that leaves one row for each
  /// place along `x`; nil where there is one row for each already.
  fileprivate func seriesColumn(_ name: String?, x: Column, y: Column) throws -> Column? {
    if let name { return try column(name) }
    guard try groups(by: [x]).count < rowCount else { return nil }
    let others = columns.filter {
      !$0.kind.isFloating && $0.name != x.name && $0.name != y.name
    }
    for column in others where try groups(by: [column, x]).count == rowCount { return column }
    throw Failure(
      "several rows have the same `\(x.name)`, and no column tells them apart",
      help: "make them one with `group by \(x.name) mean \(y.name)`, or keep some with `where`")
  }
}

extension PlotFrame {
  fileprivate mutating func draw(
    _ points: [PlottedLines.Point?], owner: Int, _ settings: RenderSettings
  ) {
    var previous: (x: Int, y: Int)?
    for point in points {
      guard let point else {
        previous = nil
        continue
      }
      let dot = dot(point.x, point.y)
      if let interval = point.interval { drawInterval(interval, x: point.x, owner, settings) }
      if settings.unicode {
        canvas.line(from: previous ?? dot, to: dot, owner: owner)
      } else {
        drawSigns(from: previous ?? dot, to: dot, owner: owner)
      }
      previous = dot
    }
  }

  /// From one end of an interval to the other, upright.
  mutating func drawInterval(
    _ interval: ClosedRange<Double>, x: Double, _ owner: Int, _ settings: RenderSettings
  ) {
    let (low, high) = (dot(x, interval.lowerBound), dot(x, interval.upperBound))
    if settings.unicode { return canvas.line(from: low, to: high, owner: owner) }
    for row in high.y / 4...max(high.y, low.y) / 4 where canvas.isEmpty(low.x / 2, row) {
      canvas.mark(low.x / 2, row, "|", owner: owner)
    }
  }

  /// The line in whole cells, without braille.
  private mutating func drawSigns(
    from one: (x: Int, y: Int), to other: (x: Int, y: Int), owner: Int
  ) {
    let steps = max(1, max(abs(other.x - one.x) / 2, abs(other.y - one.y) / 4))
    for step in 0...steps {
      let x = one.x + (other.x - one.x) * step / steps
      let y = one.y + (other.y - one.y) * step / steps
      canvas.mark(x / 2, y / 4, PlotSeries.sign(owner, unicode: false), owner: owner)
    }
  }

  /// The names of the lines at the rows where they end, those that another has taken moved by one.
  fileprivate func ends(
    of series: [PlottedLines.Line]
  ) -> [Int: (text: String, owner: Int)] {
    var ends: [Int: (text: String, owner: Int)] = [:]
    for line in series {
      guard let last = line.points.last(where: { $0 != nil }) ?? nil else { continue }
      let row = dot(last.x, last.y).y / 4
      let free = [row, row - 1, row + 1, row - 2, row + 2].first {
        $0 >= 0 && $0 < canvas.height && ends[$0] == nil
      }
      if let free { ends[free] = (line.name, line.owner) }
    }
    return ends
  }
}
