import Lang

extension SVGDrawing {
  private static let mostBars = 60
  private static let rowHeight = 20.0

  /// A bar a row: labels, value, bar, as on the terminal.
  init(bars table: Table, label: [String], value: String?, title: String?) throws {
    let measured = try table.numericColumn(value, for: "plot bar")
    let labels = try table.labelColumns(label, besides: measured.name)
    let shown = shownRows(of: table.rowCount, at: Self.mostBars)
    let marks = Marks(unicode: true)
    let texts = try labels.map { try PeopleColumn($0, rows: 0..<shown, missing: marks.missing) }
    let numbers = try PeopleColumn(measured, rows: 0..<shown, missing: marks.missing)
    let values = (0..<shown).map { measured.values.number($0) }
    let named = labels.map { escapedText($0.name) }.joined(separator: ", ")
    self.init(
      name: title ?? (named.isEmpty ? numbers.title : "\(numbers.title) by \(named)"),
      summary: "\(table.rowCount) bar\(table.rowCount == 1 ? "" : "s"): "
        + rangeText(numbers.title, values.compactMap { $0 }.filter(\.isFinite)) + ".",
      width: SVGFrame.width)
    let top = heading(title)

    // Columns of texts, then one of numbers, then the bars.
    let cell = Self.width(of: "n")
    var x = 0.0
    for (column, cells) in zip(texts, fittedLabels(texts, into: 28)) {
      text(column.title.cut(to: cells, mark: "…"), x: x, y: top + 14, style: "name")
      for row in 0..<shown {
        let label = column.cell(row, width: cells, mark: "…").trimmingSpaces()
        text(label, x: x, y: top + 14 + Self.rowHeight * Double(row + 1))
      }
      x += Double(cells) * cell + 14
    }
    x += min(140, Double(numbers.naturalWidth) * cell)
    text(Self.fitted(numbers.title, into: 140), x: x, y: top + 14, anchor: .end, style: "name")
    for row in 0..<shown {
      text(
        numbers.cells[row].trimmingSpaces(), x: x, y: top + 14 + Self.rowHeight * Double(row + 1),
        anchor: .end, style: "soft")
    }
    drawBars(values, from: x + 12, top: top + Self.rowHeight)
    for note in rowNotes(table.rowCount - shown, marks) { footnote(note) }
  }

  private mutating func drawBars(_ values: [Double?], from left: Double, top: Double) {
    let finite = values.compactMap { $0 }.filter(\.isFinite)
    let (low, high) = (min(0, finite.min() ?? 0), max(0, finite.max() ?? 0))
    let largest = max(high, -low)
    let room = width - left - 2
    // Divided before they are added: the range of two large doubles may be none.
    let span = largest == 0 ? 1 : high / largest - low / largest
    let zero = left + (largest == 0 ? 0 : room * (-low / largest) / span)
    for (row, value) in values.enumerated() {
      guard let value, value.isFinite, value != 0 else { continue }
      let length = max(0.75, room * (value.magnitude / largest) / span)
      rectangle(
        Rectangle(
          x: value < 0 ? zero - length : zero, y: top + Self.rowHeight * Double(row) + 3,
          width: length, height: Self.rowHeight - 6), style: value < 0 ? "low" : "high",
        opacity: 0.85, note: value.description)
    }
    line(zero, top, zero, top + Self.rowHeight * Double(values.count), style: "axis")
  }
}
