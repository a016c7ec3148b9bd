/// A bar a row, from zero to the right or, below zero, to the left: label, value, bar. By default the
/// value is the table's measure and the labels are what tells its rows apart. Where the table has the
/// value's interval, its ends are marked.
func plotBar(
  _ table: Table, label: [String] = [], value: String? = nil, by: String? = nil,
  settings: RenderSettings = RenderSettings()
) throws -> String {
  try barText(PlottedBars(table, label: label, value: value, by: by), settings)
}

func barText(_ plotted: PlottedBars, _ settings: RenderSettings, scale: SharedScale? = nil) throws
  -> String
{
  let count = plotted.bars.count
  let shown = shownRows(of: count, at: settings.maximumRows)
  guard shown > 0 else { return plotNotes(["no rows to plot"], settings) }

  let marks = Marks(unicode: settings.unicode)
  var texts = try plotted.labels.map {
    try PeopleColumn($0, rows: 0..<shown, missing: marks.missing)
  }
  for index in texts.indices {
    for row in 0..<shown where !plotted.bars[row].isFirst { texts[index].cells[row] = "" }
  }
  if let split = plotted.split {
    texts.append(try PeopleColumn(split, rows: 0..<shown, missing: marks.missing))
  }
  let numbers = try PeopleColumn(plotted.measured, rows: 0..<shown, missing: marks.missing)
  let width = settings.width ?? defaultPlotWidth
  let leastBar = max(8, width / 4)
  let widths = fittedLabels(texts, into: width - numbers.naturalWidth - leastBar - 5)
  let taken = widths.reduce(0) { $0 + $1 + 2 } + numbers.naturalWidth + 1
  let bars = Bars(
    Array(plotted.bars.prefix(shown)), cells: max(leastBar, width - taken - 1),
    range: scale?.y, settings)

  var plot = ""
  func line(_ cells: [(String, Style?)], _ bar: String) {
    let texts = cells.map { text, style in
      style.map { $0.paint(padded: text, colour: settings.colour) } ?? text
    }
    plot += (texts.joined(separator: "  ") + " " + bar).trimmingEnd() + "\n"
  }
  let titles = zip(texts, widths).map { column, width in
    (column.aligned(column.title.cut(to: width, mark: marks.ellipsis), width: width), Style.heading)
  }
  let title = numbers.aligned(numbers.title, width: numbers.naturalWidth)
  line(titles + [(title, Style.heading)], "")
  for row in 0..<shown {
    let cells = zip(texts, widths).map { column, width in
      let text = column.cell(row, width: width, mark: marks.ellipsis)
      return (column.aligned(text, width: width), column.styles[row])
    }
    let number = numbers.aligned(numbers.cells[row], width: numbers.naturalWidth)
    line(cells + [(number, numbers.styles[row])], bars.text(row))
  }
  return plot + plotNotes(rowNotes(count - shown, marks), settings)
}

/// Bars around one axis, to one scale.
private struct Bars {
  private let bars: [PlottedBars.Bar]
  private let left: Int
  private let right: Int
  private let largest: Double
  private let unicode: Bool
  private let colour: Bool

  /// - Parameter range: what the axis has to reach besides these bars.
  init(
    _ bars: [PlottedBars.Bar], cells: Int, range: ClosedRange<Double>?, _ settings: RenderSettings
  ) {
    self.bars = bars
    unicode = settings.unicode
    colour = settings.colour
    let values = bars.map(\.value)
    let ends = bars.compactMap(\.interval).flatMap(\.ends) + (range?.ends ?? [])
    let finite = values.compactMap { $0 }.filter(\.isFinite) + ends
    let low = min(0, finite.min() ?? 0)
    let high = max(0, finite.max() ?? 0)
    let largest = max(high, -low)
    self.largest = largest
    guard low < 0 || values.contains(where: { $0 == -.infinity }) else {
      left = 0
      right = cells
      return
    }
    guard high > 0 || values.contains(where: { $0 == .infinity }) else {
      left = cells
      right = 0
      return
    }
    // Divided before they are added: the range of two large doubles may be none.
    // Where all that is finite is 0, infinities stand on both sides.
    let share = largest == 0 ? 0.5 : (-low / largest) / (high / largest - low / largest)
    left = min(cells - 1, max(1, Int((Double(cells) * share).rounded())))
    right = cells - left
  }

  func text(_ row: Int) -> String {
    let bar = bars[row]
    let value = bar.value ?? 0
    if bar.interval != nil || (bar.owner != nil && value < 0) { return wholeCells(bar) }
    let axis = Style.faint.paint(unicode ? "│" : "|", colour: colour)
    let negative = String(repeating: " ", count: left)
    if value > 0 { return negative + axis + paint(rightward(value), bar) }
    return value < 0 ? leftward(value) + axis : negative + axis
  }

  private func paint(_ text: String, _ bar: PlottedBars.Bar) -> String {
    if let owner = bar.owner { return PlotSeries.paint(text, owner, colour: colour) }
    let style: Style = (bar.value ?? 0) < 0 ? .negative : .positive
    return style.paint(text, colour: colour)
  }

  /// A bar in cells that are full or empty, with the ends of its interval: `███├─┼─┤`.
  private func wholeCells(_ bar: PlottedBars.Bar) -> String {
    let value = bar.value ?? 0
    let signs: [Character] = unicode ? ["├", "─", "┤", "┼"] : ["[", "-", "]", "+"]
    let axis: Character = unicode ? "│" : "|"
    var cells = [Character](repeating: " ", count: left + 1 + right)
    cells[left] = axis
    let end = cell(value)
    let filled = value > 0 ? left + 1..<end + 1 : end..<left
    for place in filled { cells[place] = unicode ? "█" : value > 0 ? "#" : "=" }
    if let interval = bar.interval {
      let (low, high) = (cell(interval.lowerBound), cell(interval.upperBound))
      for place in low...high { cells[place] = signs[1] }
      (cells[low], cells[high], cells[end]) = (signs[0], signs[2], signs[3])
    }
    let text = String(cells).trimmingEnd()
    let start = text.prefix { $0 == " " }
    return start + paint(String(text.dropFirst(start.count)), bar)
  }

  /// Which cell a number lies in: `left` is the axis.
  private func cell(_ value: Double) -> Int {
    guard value != 0, largest > 0 else { return left }
    let cells = max(1, Int((Double(scaled) * min(1, value.magnitude / largest)).rounded()))
    return value > 0 ? left + min(right, cells) : left - min(left, cells)
  }

  /// In eighths of a cell; what is not zero shows at least one.
  private func eighths(_ value: Double) -> Int {
    let cells = largest == 0 ? 0 : Double(scaled) * min(1, value.magnitude / largest)
    return max(1, Int((cells * 8).rounded()))
  }

  /// The cells of the largest value: both sides have one scale.
  private var scaled: Int { max(left, right) }

  private func rightward(_ value: Double) -> String {
    let eighths = min(right * 8, eighths(value))
    guard unicode else { return String(repeating: "#", count: max(1, (eighths + 4) / 8)) }
    let full = String(repeating: "█", count: eighths / 8)
    return eighths % 8 == 0 ? full : full + [" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8]
  }

  /// Blocks grow from the left only: towards the left, in colour, the rest of the cell is drawn in
  /// the background's colour; without colour there are halves.
  private func leftward(_ value: Double) -> String {
    let eighths = min(left * 8, eighths(value))
    func filled(_ cells: Int) -> String { String(repeating: unicode ? "█" : "=", count: cells) }
    func spaces(_ cells: Int) -> String { String(repeating: " ", count: left - cells) }
    guard unicode else {
      let cells = max(1, (eighths + 4) / 8)
      return spaces(cells) + filled(cells)
    }
    let rest = eighths % 8
    guard rest > 0 else {
      return spaces(eighths / 8) + Style.negative.paint(filled(eighths / 8), colour: colour)
    }
    let cells = eighths / 8 + 1
    guard colour else {
      return spaces(cells) + (rest < 3 ? "▕" : rest < 7 ? "▐" : "█") + filled(cells - 1)
    }
    let block = ["█", "▉", "▊", "▋", "▌", "▍", "▎", "▏"][rest]
    return spaces(cells) + Style.negative.paint(block, colour: true, reversed: true)
      + Style.negative.paint(filled(cells - 1), colour: true)
  }
}

extension StringProtocol {
  /// Without spaces at its ends.
  func trimmingSpaces() -> String {
    String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
  }
}
