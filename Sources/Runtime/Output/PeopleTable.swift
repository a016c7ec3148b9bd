import Lang

extension FormatDeclaration {
  static let table = FormatDeclaration(
    summary: "for reading on a terminal",
    hasStyles: true, write: { try renderForPeople($0, $1, into: &$2) })

  static let plain = FormatDeclaration(
    summary: "the same in ASCII, nothing cut",
    endings: ["txt"], write: { try renderPlain($0, digits: $1.digits, into: &$2) })
}

/// Aligned columns under a thin rule, cut to the width of the terminal: long texts first, then
/// whole columns from the right (the first and the measure stay), which a note names.
func renderForPeople(
  _ table: Table, _ settings: RenderSettings, into text: inout ByteSink
) throws {
  guard !table.columns.isEmpty else {
    return try text.line(Style.faint.paint("an empty table", colour: settings.colour))
  }
  let shown = shownRows(of: table.rowCount, at: settings.maximumRows)
  let marks = Marks(unicode: settings.unicode)
  let measure = table.measure.flatMap { name in
    table.columns.firstIndex { $0.name == name }
  }
  let places = candidates(of: table, keeping: measure, width: settings.width)
  let columns = try places.map { place in
    try PeopleColumn(table.columns[place], rows: 0..<shown, marks: marks, settings)
  }
  let layout = Layout(
    columns, width: settings.width, keeping: measure.flatMap { places.firstIndex(of: $0) })
  try layout.write(rows: shown, settings: settings, marks: marks, into: &text)

  var notes = table.rowCount == 0 ? ["no rows"] : rowNotes(table.rowCount - shown, marks, settings)
  if settings.countsRows, table.rowCount > 0 { notes.append(rows(table.rowCount)) }
  let count = table.columns.count - layout.shown.count
  if count > 0 {
    let there = Set(layout.shown.map { places[$0] })
    // No terminal is wide enough for more names than these.
    let names = table.columns.indices.lazy.filter { !there.contains($0) }.prefix(1000)
      .map { escapedText(table.columns[$0].name) }.joined(separator: ", ")
    notes.append("\(marks.ellipsis) \(count) more column\(count == 1 ? "" : "s"): \(names)")
  }
  for note in notes {
    let cut = settings.width.map { note.cut(to: $0, mark: marks.ellipsis) } ?? note
    try text.line(Style.faint.paint(cut, colour: settings.colour))
  }
}

/// The columns that may find room, with a cell each and the gap before it.
private func candidates(of table: Table, keeping measure: Int?, width: Int?) -> [Int] {
  let first = table.columns.indices.prefix(width.map { max($0, 0) + 1 } ?? .max)
  return Array(first) + (measure.map { first.contains($0) ? [] : [$0] } ?? [])
}

/// The same for a log or a mail: ASCII rules, nothing cut, nothing left out.
func renderPlain(
  _ table: Table, digits: Int = RenderSettings.usualDigits, into text: inout ByteSink
) throws {
  var settings = RenderSettings(unicode: false)
  settings.digits = digits
  try renderForPeople(table, settings, into: &text)
}

/// One row more than allowed is shown: a note would take its line.
func shownRows(of count: Int, at limit: Int?) -> Int {
  guard let limit, count > max(1, limit) + 1 else { return count }
  return max(1, limit)
}

func rowNotes(_ more: Int, _ marks: Marks, _ settings: RenderSettings? = nil) -> [String] {
  guard more > 0 else { return [] }
  let help = settings?.rowsHelp.map { ": \($0)" } ?? ""
  return ["\(marks.ellipsis) \(thousands(more)) more row\(more == 1 ? "" : "s")\(help)"]
}

/// The few signs that a terminal without Unicode writes otherwise.
struct Marks {
  var ellipsis: String
  var rule: String
  var missing: String

  init(unicode: Bool) {
    ellipsis = unicode ? "…" : "..."
    rule = unicode ? "─" : "-"
    missing = unicode ? "–" : ""
  }
}

/// Which columns are shown, and how wide.
private struct Layout {
  var columns: [PeopleColumn]
  var shown: [Int]
  var widths: [Int]

  private static let gap = 2
  /// Texts are cut down to this before a column is left out.
  private static let narrowest = 12

  init(_ columns: [PeopleColumn], width: Int?, keeping measure: Int?) {
    self.columns = columns
    shown = Array(columns.indices)
    widths = columns.map(\.naturalWidth)
    guard let width else { return }
    shown = Layout.fitting(columns, into: width, keeping: measure)
    // Where even the columns that stay are too wide, the texts give what they can.
    widths =
      Layout.fitted(shown.map { columns[$0] }, into: width)
      ?? Layout.fitted(shown.map { columns[$0] }, into: width, narrowest: 4)
      ?? shown.map {
        columns[$0].isText ? min(4, columns[$0].naturalWidth) : columns[$0].naturalWidth
      }
  }

  /// The first column and the measure, and as many others from the left as fit at their narrowest.
  private static func fitting(
    _ columns: [PeopleColumn], into width: Int, keeping measure: Int?
  ) -> [Int] {
    func least(_ index: Int) -> Int {
      let natural = columns[index].naturalWidth
      return gap + (columns[index].isText ? min(natural, narrowest) : natural)
    }
    var shown = Set([0, measure ?? 0])
    // There is no gap after the last column.
    var room = width + gap - shown.reduce(0) { $0 + least($1) }
    for index in columns.indices where !shown.contains(index) {
      room -= least(index)
      if room < 0 { break }
      shown.insert(index)
    }
    return shown.sorted()
  }

  /// Widths that fit, the widest texts cut first; nil where nothing does.
  private static func fitted(
    _ columns: [PeopleColumn], into width: Int, narrowest: Int = Layout.narrowest
  ) -> [Int]? {
    var widths = columns.map(\.naturalWidth)
    var excess = widths.reduce(0, +) + gap * (widths.count - 1) - width
    while excess > 0 {
      let candidates = columns.indices.filter { columns[$0].isText && widths[$0] > narrowest }
      guard let widest = candidates.max(by: { widths[$0] < widths[$1] }) else { return nil }
      let next = candidates.filter { widths[$0] < widths[widest] }.map { widths[$0] }.max()
      let floor = max(narrowest, next ?? narrowest)
      let cut = min(excess, max(1, widths[widest] - floor))
      widths[widest] -= cut
      excess -= cut
    }
    return widths
  }

  func write(
    rows: Int, settings: RenderSettings, marks: Marks, into text: inout ByteSink
  ) throws {
    let heading = zip(shown, widths).map { index, width in
      let title = columns[index].title.cut(to: width, mark: marks.ellipsis)
      return (columns[index].aligned(title, width: width), Style.heading)
    }
    try text.line(joined(heading, colour: settings.colour))
    let total = widths.reduce(0, +) + Layout.gap * (widths.count - 1)
    let rule = String(repeating: marks.rule, count: total)
    try text.line(Style.faint.paint(rule, colour: settings.colour))
    for row in 0..<rows {
      let lines = zip(shown, widths).map { index, width in
        settings.wraps && columns[index].isText
          ? columns[index].cells[row].wrapped(at: width)
          : [columns[index].cell(row, width: width, mark: marks.ellipsis)]
      }
      for line in 0..<(lines.map(\.count).max() ?? 0) {
        let cells = zip(zip(shown, widths), lines).map { place, lines in
          let column = columns[place.0]
          let cell = line < lines.count ? lines[line] : ""
          return (column.aligned(cell, width: place.1), column.styles[row])
        }
        try text.line(joined(cells, colour: settings.colour))
      }
    }
  }

  /// A line without spaces at its end, the styles around the text and not the padding.
  private func joined(_ cells: [(text: String, style: Style?)], colour: Bool) -> String {
    let last = cells.lastIndex { $0.text.contains { $0 != " " } } ?? -1
    var line = ""
    for (index, cell) in cells.enumerated() where index <= last {
      if index > 0 { line += String(repeating: " ", count: Layout.gap) }
      let text = index == last ? cell.text.trimmingEnd() : cell.text
      line += cell.style.map { $0.paint(padded: text, colour: colour) } ?? text
    }
    return line
  }
}

extension String {
  /// In pieces no wider than `width`, broken at the last space of each if it has one.
  fileprivate func wrapped(at width: Int) -> [String] {
    var pieces: [String] = []
    var rest = self[...]
    while displayWidth(of: String(rest)) > max(1, width) {
      var used = 0
      var end = rest.startIndex
      var space: Index?
      while end < rest.endIndex {
        used += displayWidth(of: rest[end])
        if used > max(1, width), end > rest.startIndex { break }
        let next = rest.index(after: end)
        if rest[end] == " " { space = next }
        end = next
      }
      let cut = space ?? end
      pieces.append(String(rest[..<cut]).trimmingEnd())
      rest = rest[cut...]
    }
    return pieces + [String(rest)]
  }
}
