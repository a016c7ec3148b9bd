/// What the panels of small multiples have in common: the ranges of their axes and the order of
/// their series, so that they can be compared.
struct SharedScale: Equatable {
  /// Nil where nothing finite lies along the axis.
  var x: ClosedRange<Double>?
  /// Of values that have no axis, such as colours, the range too.
  var y: ClosedRange<Double>?
  var series: [String] = []
  /// Of histograms.
  var ranges: PlottedHistogram.Ranges?

  init(x: [Double] = [], y: [Double] = [], series: [String] = []) {
    self.x = Self.range(of: x)
    self.y = Self.range(of: y)
    self.series = series
  }

  static func range(of values: [Double]) -> ClosedRange<Double>? {
    let finite = values.filter(\.isFinite)
    guard let low = finite.min(), let high = finite.max() else { return nil }
    return low...high
  }

  mutating func take(in other: SharedScale) {
    x = Self.range(of: (x?.ends ?? []) + (other.x?.ends ?? []))
    y = Self.range(of: (y?.ends ?? []) + (other.y?.ends ?? []))
    series += other.series.filter { !series.contains($0) }
  }
}

extension ClosedRange<Double> {
  var ends: [Double] { [lowerBound, upperBound] }
}

/// The columns with the ends of each mean's interval, as `group … interval` names them.
struct IntervalColumns {
  private let low: Column
  private let high: Column

  init?(_ table: Table, of value: String) {
    guard let low = table["\(value)_low"], let high = table["\(value)_high"],
      low.kind.isNumeric, high.kind.isNumeric
    else { return nil }
    (self.low, self.high) = (low, high)
  }

  /// Nil where an end is missing or infinite, or the two are the wrong way round.
  subscript(row: Int) -> ClosedRange<Double>? {
    guard let low = low.values.number(row), let high = high.values.number(row),
      low.isFinite, high.isFinite, low <= high
    else { return nil }
    return low...high
  }
}

extension Table {
  /// Whether the column is an end of another column's interval.
  func isEndOfInterval(_ name: String) -> Bool {
    ["_low", "_high"].contains { ending in
      guard name.hasSuffix(ending) else { return false }
      let value = String(name.dropLast(ending.count))
      return self[value] != nil && IntervalColumns(self, of: value) != nil
    }
  }
}
