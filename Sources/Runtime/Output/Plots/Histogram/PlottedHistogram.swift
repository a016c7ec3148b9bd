import Lang
import Model

/// How many numbers of a column fall into each of some ranges of equal width: for the terminal and
/// for pages.
struct PlottedHistogram {
  var column: Column
  var series: Series
  let ranges: Ranges
  /// The counts of a series in each range.
  var counts: [[Int]]
  /// Rows without a finite number.
  var missing: Int

  struct Ranges: Equatable {
    /// Where the first begins, and how wide each is.
    var first: Double
    var width: Double
    var count: Int
  }

  private static let fewest = 5
  private static let most = 40
  static let mostAskedFor = 200

  /// - Parameters:
  ///   - bins: how many ranges of equal width from the least number to the largest; nil: as many as
  ///     the rule of Freedman and Diaconis has, at round numbers.
  ///   - scale: what all panels have in common, their ranges among it.
  init(
    _ table: Table, column name: String?, by: String?, bins: Int? = nil, scale: SharedScale? = nil
  ) throws {
    let column = try table.numericColumn(name, for: "plot histogram")
    self.column = column
    series = try Series(table, by: by, names: scale?.series)
    let values = (0..<table.rowCount).map { row in
      column.values.number(row).flatMap { $0.isFinite ? $0 : nil }
    }
    let finite = values.compactMap { $0 }
    missing = values.count - finite.count
    guard let range = SharedScale.range(of: finite) else {
      ranges = scale?.ranges ?? Ranges(first: 0, width: 1, count: 0)
      counts = []
      return
    }
    ranges =
      scale?.ranges ?? bins.map { Self.equal($0, range) }
      ?? Self.round(finite, range, isInteger: column.kind == .integers)
    counts = [[Int]](
      repeating: [Int](repeating: 0, count: ranges.count), count: max(1, series.names.count))
    for (row, value) in values.enumerated() {
      guard let value else { continue }
      counts[series.index[row]][ranges.place(of: value)] += 1
    }
  }

  /// As many as were asked for.
  private static func equal(_ count: Int, _ range: ClosedRange<Double>) -> Ranges {
    let width = range.upperBound / Double(count) - range.lowerBound / Double(count)
    // So small a width has no half.
    guard width / 2 > 0 else {
      return Ranges(first: range.lowerBound - 0.5, width: 1 / Double(count), count: count)
    }
    return Ranges(first: range.lowerBound, width: width, count: count)
  }

  private static func round(
    _ values: [Double], _ range: ClosedRange<Double>, isInteger: Bool
  ) -> Ranges {
    let (low, high) = (range.lowerBound, range.upperBound)
    guard high > low else { return Ranges(first: low - 0.5, width: 1, count: 1) }
    // Round numbers that are as often below what is wanted as above it.
    let count = usualCount(values, range)
    var width = PlotAxis.step(low, high, count: count + count / 2)
    if isInteger { width = max(1, width.rounded()) }
    let start = (low / width).rounded(.down) * width
    let bins = ((high / 2 - start / 2) / (width / 2)).rounded(.down) + 1
    guard start.isFinite, bins.isFinite, bins <= 4 * Double(most) else {
      return equal(most, range)
    }
    // A largest number that begins a range of its own belongs to the last, but whole numbers are
    // each in a range of their own.
    let isEdge = !isInteger && bins > 1 && start + (bins - 1) * width >= high
    return Ranges(first: start, width: width, count: Int(bins) - (isEdge ? 1 : 0))
  }

  /// Freedman and Diaconis (1981): a range is twice the distance of the quartiles wide, divided by
  /// the cube root of the count. Where the quartiles are equal, Sturges (1926).
  private static func usualCount(_ values: [Double], _ range: ClosedRange<Double>) -> Int {
    let sorted = values.sorted()
    guard sorted.count > 1 else { return fewest }
    let count = Double(sorted.count)
    let distance = sorted[sorted.count * 3 / 4] / 2 - sorted[sorted.count / 4] / 2
    let span = range.upperBound / 2 - range.lowerBound / 2
    let wanted =
      distance > 0
      ? span / (2 * distance) * Numerics.power(count, 1.0 / 3)
      : Numerics.log(count) / Numerics.log(2) + 1
    return wanted < Double(most) ? max(fewest, Int(wanted.rounded(.up))) : most
  }

  var binCount: Int { counts.first?.count ?? 0 }

  /// `0.5 to 1.0`, or the whole number that is in it.
  var names: [String] {
    let (first, width) = (ranges.first, ranges.width)
    let edges = (0...binCount).map { ranges.start($0) }
    if column.kind == .integers, width == 1 { return edges.dropLast().map { whole($0) } }
    if column.kind == .integers, width == width.rounded(), first == first.rounded() {
      return edges.dropLast().map { "\(whole($0)) to \(whole($0 + width - 1))" }
    }
    let texts = shortNumbers(edges)
    return zip(texts, texts.dropFirst()).map { "\($0) to \($1)" }
  }

  private func whole(_ value: Double) -> String { DecimalText(value + 0).fixed(decimals: 0) }

  var extent: SharedScale {
    let numbers = (0..<column.count).compactMap { column.values.number($0) }
    return SharedScale(
      x: numbers, y: counts.joined().map(Double.init) + [0], series: series.names)
  }
}

extension PlottedHistogram.Ranges {
  func start(_ place: Int) -> Double { first + width * Double(place) }

  /// A range has its start, and the last one its end as well.
  fileprivate func place(of value: Double) -> Int {
    // Halved, as the difference of two large doubles may be no number.
    let exact = ((value / 2 - first / 2) / (width / 2)).rounded(.down)
    var place = Int(min(max(exact, 0), Double(count - 1)))
    // What the division rounds over an edge.
    if place > 0, value < start(place) { place -= 1 }
    if place + 1 < count, value >= start(place + 1) { place += 1 }
    return place
  }
}

/// A line a range, with a bar; with several series a bar for each of them.
func histogramText(
  _ histogram: PlottedHistogram, _ settings: RenderSettings, scale: SharedScale? = nil
) throws -> String {
  let notes = plotNotes(leftOut(histogram.missing), settings)
  guard histogram.binCount > 0 else {
    return plotNotes(["`\(histogram.column.name)` has no finite number"], settings)
  }
  let series = histogram.series.names
  let names = histogram.names
  let bins = 0..<histogram.binCount
  // The labels of ranges are read downwards like numbers; none of the table's names may recur.
  let range = histogram.column.name
  let split = range == "series" ? "by" : "series"
  var columns = [
    Column(
      range, .texts(series.isEmpty ? names : names.flatMap { name in series.map { _ in name } }))
  ]
  if series.count > 1 {
    columns.append(Column(split, .texts(bins.flatMap { _ in series })))
  }
  let counts = bins.flatMap { bin in histogram.counts.map { $0[bin] } }
  columns.append(Column(range == "count" ? "rows" : "count", .integers(counts)))
  let table = Table(columns: columns)
  let plotted = try PlottedBars(
    table, label: [range], value: columns[columns.count - 1].name,
    by: series.count > 1 ? split : nil)
  // Every range is shown: their number is small.
  var whole = settings
  whole.maximumRows = nil
  return try barText(plotted, whole, scale: scale.map { SharedScale(y: $0.y?.ends ?? []) }) + notes
}
