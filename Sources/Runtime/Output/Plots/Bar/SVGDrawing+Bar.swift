import Lang

extension SVGDrawing {
  private static let mostBars = 60

  /// A bar a row: labels, value, bar, as on the terminal.
  init(
    bars plotted: PlottedBars, size: SVGSize = .whole, title: String?, scale: SharedScale? = nil
  ) throws {
    let count = plotted.bars.count
    let shown = shownRows(of: count, at: Self.mostBars)
    let marks = Marks(unicode: true)
    let texts = try plotted.labels.map {
      try PeopleColumn($0, rows: 0..<shown, missing: marks.missing)
    }
    let numbers = try PeopleColumn(plotted.measured, rows: 0..<shown, missing: marks.missing)
    let bars = Array(plotted.bars.prefix(shown))
    let named = plotted.labels.map { escapedText($0.name) }.joined(separator: ", ")
    self.init(
      name: title ?? (named.isEmpty ? numbers.title : "\(numbers.title) by \(named)"),
      summary: "\(count) bar\(count == 1 ? "" : "s"): "
        + rangeText(numbers.title, bars.compactMap(\.value).filter(\.isFinite)) + ".",
      width: size.width)
    let top = heading(title) + 20
    let places = Self.places(of: bars, from: top)

    // Columns of texts, then one of numbers, then the bars.
    let cell = Self.width(of: "n")
    var x = 0.0
    for (column, cells) in zip(texts, fittedLabels(texts, into: size.labelCells)) {
      text(column.title.cut(to: cells, mark: "…"), x: x, y: top - 6, style: "name")
      for (row, place) in places.enumerated() where bars[row].isFirst {
        let label = column.cell(row, width: cells, mark: "…").trimmingSpaces()
        text(label, x: x, y: place.middle + 4)
      }
      x += Double(cells) * cell + 14
    }
    x += min(140, Double(numbers.naturalWidth) * cell)
    text(Self.fitted(numbers.title, into: 140), x: x, y: top - 6, anchor: .end, style: "name")
    for (row, place) in places.enumerated() {
      text(
        numbers.cells[row].trimmingSpaces(), x: x, y: place.middle + 4, anchor: .end, style: "soft")
    }
    drawBars(bars, places, from: x + 12, range: scale?.y)
    if scale == nil, plotted.names.count > 1 { legend(plotted.names) }
    for note in rowNotes(count - shown, marks) { footnote(note) }
  }

  /// Where a bar lies, from top to bottom.
  private struct Place {
    var top: Double
    var height: Double
    var middle: Double { top + height / 2 }
  }

  /// The bars of a group are closer to each other.
  private static func places(of bars: [PlottedBars.Bar], from top: Double) -> [Place] {
    let isGrouped = bars.contains { $0.owner != nil }
    var y = top
    return bars.enumerated().map { row, bar in
      if isGrouped, bar.isFirst, row > 0 { y += 6 }
      defer { y += isGrouped ? 16 : 20 }
      return Place(top: y + (isGrouped ? 1 : 3), height: 14)
    }
  }

  private mutating func drawBars(
    _ bars: [PlottedBars.Bar], _ places: [Place], from left: Double, range: ClosedRange<Double>?
  ) {
    let finite =
      bars.compactMap(\.value).filter(\.isFinite) + bars.compactMap(\.interval).flatMap(\.ends)
      + (range?.ends ?? [])
    let (low, high) = (min(0, finite.min() ?? 0), max(0, finite.max() ?? 0))
    let largest = max(high, -low)
    let room = width - left - 2
    // Divided before they are added: the range of two large doubles may be none.
    let span = largest == 0 ? 1 : high / largest - low / largest
    let zero = left + (largest == 0 ? 0 : room * (-low / largest) / span)
    func across(_ value: Double) -> Double {
      largest == 0 ? zero : zero + room * (value / largest) / span
    }
    for (bar, place) in zip(bars, places) {
      guard let value = bar.value, value.isFinite else { continue }
      if value != 0 {
        let length = max(0.75, abs(across(value) - zero))
        rectangle(
          Rectangle(
            x: value < 0 ? zero - length : zero, y: place.top, width: length, height: place.height),
          style: bar.owner.map { "s\($0)" } ?? (value < 0 ? "low" : "high"),
          opacity: 0.85, note: note(of: bar, value))
      }
      if let interval = bar.interval {
        let ends = interval.ends.map(across)
        line(ends[0], place.middle, ends[1], place.middle, style: "error")
        for x in ends { line(x, place.middle - 4, x, place.middle + 4, style: "error") }
      }
    }
    guard let first = places.first, let last = places.last else { return }
    line(zero, first.top - 3, zero, last.top + last.height + 3, style: "axis")
  }

  private func note(of bar: PlottedBars.Bar, _ value: Double) -> String {
    guard let interval = bar.interval else { return value.description }
    return "\(value), from \(interval.lowerBound) to \(interval.upperBound)"
  }
}
