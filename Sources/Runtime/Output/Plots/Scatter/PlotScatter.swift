import Lang

/// A point a row. By default `x` and `y` are the first two columns of numbers of a pivoted table, the
/// measure being `y` where there is one; the points farthest from the middle are named by `label`,
/// the texts that tell the rows apart. `by` gives each of its values a colour, or a sign.
func plotScatter(
  _ table: Table, x: String? = nil, y: String? = nil, by: String? = nil, label: [String] = [],
  settings: RenderSettings = RenderSettings()
) throws -> String {
  guard table.rowCount > 0 else { return plotNotes(["no rows to plot"], settings) }
  return scatterText(try PlottedPoints(table, x: x, y: y, by: by, label: label), settings)
}

func scatterText(
  _ cloud: PlottedPoints, _ settings: RenderSettings, scale: SharedScale? = nil
) -> String {
  let (across, up, series, points) = (cloud.x, cloud.y, cloud.series, cloud.points)
  guard !points.isEmpty else { return plotNotes([cloud.nothing], settings) }

  var frame = PlotFrame(
    x: cloud.extentX + (scale?.x?.ends ?? []), y: cloud.extentY + (scale?.y?.ends ?? []),
    xIsInteger: across.kind == .integers,
    yIsInteger: up.kind == .integers, settings)
  let drawsSigns = !settings.unicode || (!settings.colour && series.names.count > 1)
  for point in points {
    let dot = frame.dot(point.x, point.y)
    let owner = series.index[point.row]
    if let interval = cloud.upIntervals?[point.row] {
      frame.drawInterval(interval, x: point.x, owner, settings)
    }
    if drawsSigns {
      let sign = PlotSeries.sign(owner, unicode: settings.unicode)
      frame.canvas.mark(dot.x / 2, dot.y / 4, sign, owner: owner)
    } else {
      frame.canvas.set(dot.x, dot.y, owner: owner)
    }
  }
  if !cloud.labels.isEmpty { frame.drawLabels(cloud, settings) }
  frame.drawZeroes()

  let plot = frame.text(xTitle: across.name, yTitle: up.name) { text, owner in
    PlotSeries.paint(text, owner, colour: settings.colour)
  }
  let legend =
    scale == nil && series.names.count > 1 ? PlotSeries.legend(series.names, settings) : ""
  return plot + legend + plotNotes(leftOut(cloud.missing), settings)
}

/// What points are drawn, and how they are named: for the terminal and for pages.
struct PlottedPoints {
  var x: Column
  var y: Column
  var series: Series
  var labels: [Column]
  var points: [(x: Double, y: Double, row: Int)] = []
  /// Rows without a finite number in both columns.
  var missing: Int

  let acrossIntervals: IntervalColumns?
  let upIntervals: IntervalColumns?

  init(
    _ table: Table, x: String?, y: String?, by: String?, label: [String] = [],
    scale: SharedScale? = nil
  ) throws {
    let (across, up) = try table.scatterAxes(x, y)
    (self.x, self.y) = (across, up)
    acrossIntervals = IntervalColumns(table, of: across.name)
    upIntervals = IntervalColumns(table, of: up.name)
    series = try Series(table, by: by, names: scale?.series)
    labels = try table.labelColumns(label, besides: up.name).filter {
      $0.name != across.name && (!label.isEmpty || $0.name != by)
    }
    for row in 0..<table.rowCount {
      guard let x = across.values.number(row), let y = up.values.number(row) else { continue }
      if x.isFinite, y.isFinite { points.append((x, y, row)) }
    }
    missing = table.rowCount - points.count
  }

  /// What the points and their intervals reach.
  var extentX: [Double] {
    points.map(\.x) + points.compactMap { acrossIntervals?[$0.row] }.flatMap(\.ends)
  }
  var extentY: [Double] {
    points.map(\.y) + points.compactMap { upIntervals?[$0.row] }.flatMap(\.ends)
  }

  var extent: SharedScale { SharedScale(x: extentX, y: extentY, series: series.names) }

  var nothing: String { "no row has both a `\(x.name)` and a `\(y.name)`" }

  /// The name of a row's point.
  func name(_ row: Int) -> String {
    labels.map { visible($0[row].title) }.joined(separator: " ")
  }

  /// The points' indices, those farthest from the middle of all first, as they lie between axes.
  func farthest(_ xAxis: PlotAxis, _ yAxis: PlotAxis) -> [Int] {
    let middleX = arithmeticMean(points.map { xAxis.share($0.x) })
    let middleY = arithmeticMean(points.map { yAxis.share($0.y) })
    let distances = points.map { point in
      let (across, up) = (xAxis.share(point.x) - middleX, yAxis.share(point.y) - middleY)
      return across * across + up * up
    }
    return points.indices.sorted {
      distances[$0] != distances[$1] ? distances[$0] > distances[$1] : $0 < $1
    }
  }
}

/// Which series each row belongs to.
struct Series {
  var names: [String] = []
  var index: [Int]

  /// - Parameter shared: the names that other panels have too, in their order.
  init(_ table: Table, by name: String?, names shared: [String]? = nil) throws {
    index = [Int](repeating: 0, count: table.rowCount)
    guard let name else { return }
    let column = try table.column(name)
    let groups = try table.groups(by: [column])
    guard groups.count <= PlotSeries.limit else {
      throw Failure(
        "`\(name)` has \(thousands(groups.count)) different values: too many to tell apart",
        help: "keep at most \(PlotSeries.limit) with `where`")
    }
    names = shared ?? groups.map { visible(column[$0[0]].title) }
    for (number, rows) in groups.enumerated() {
      let place = shared?.firstIndex(of: visible(column[rows[0]].title)) ?? number
      for row in rows { index[row] = place }
    }
  }
}

func leftOut(_ count: Int) -> [String] {
  count > 0 ? ["\(rows(count)) not shown: a value is missing or infinite there"] : []
}

extension Table {
  fileprivate func scatterAxes(_ x: String?, _ y: String?) throws -> (Column, Column) {
    let numbers = columns.filter(\.kind.isNumeric)
    // Measured values before counts and places: a layer is rarely one of the two.
    let floats = numbers.filter(\.kind.isFloating)
    let ordered = floats.count >= 2 ? floats : numbers
    let up =
      try y.map { try numericColumn($0, for: "plot scatter") }
      ?? measure.flatMap { name in numbers.first { $0.name == name && $0.name != x } }
      ?? ordered.filter { $0.name != x }.dropFirst(x == nil ? 1 : 0).first
    let across =
      try x.map { try numericColumn($0, for: "plot scatter") }
      ?? ordered.first { $0.name != up?.name } ?? numbers.first { $0.name != up?.name }
    guard let across, let up else {
      throw Failure(
        "`plot scatter` needs two columns of numbers",
        help: numbers.isEmpty
          ? "the columns are \(enumeration(columnNames)), none of numbers"
          : "this table has only \(enumeration(numbers.map(\.name))); `pivot` makes more")
    }
    return (across, up)
  }
}

extension PlotFrame {
  private static let mostLabels = 10

  /// Names next to the points that are farthest from the middle of all, as long as there is room; a
  /// point with a name is a mark instead of a dot.
  fileprivate mutating func drawLabels(_ cloud: PlottedPoints, _ settings: RenderSettings) {
    var drawn = 0
    for index in cloud.farthest(x, y) where drawn < PlotFrame.mostLabels {
      let point = cloud.points[index]
      let (text, owner) = (cloud.name(point.row), cloud.series.index[point.row])
      let size = displayWidth(of: text)
      // A wide character would take the place of two.
      guard size == text.count, size <= max(8, canvas.width / 3) else { continue }
      let dot = dot(point.x, point.y)
      let (column, row) = (dot.x / 2, dot.y / 4)
      let starts = [column + 2, column - 1 - size]
      guard
        let start = starts.first(where: { start in
          canvas.isFree(start..<start + size, row: row)
        })
      else { continue }
      for (offset, character) in text.enumerated() {
        canvas.mark(start + offset, row, character, owner: nil)
      }
      if canvas.hasDots(column, row) {
        canvas.mark(column, row, PlotSeries.sign(0, unicode: settings.unicode), owner: owner)
      }
      drawn += 1
    }
  }
}
