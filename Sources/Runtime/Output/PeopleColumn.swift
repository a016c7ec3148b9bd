import Lang
import Model

/// A column laid out for people: each cell as text, not yet padded.
struct PeopleColumn {
  var title: String
  var cells: [String]
  var isRight: Bool
  /// Whether a cell may be cut: texts may, numbers never.
  var isText: Bool
  /// Whether the texts stand in quotes, all of them, because one has spaces at its ends, nothing in
  /// it, or what cannot be seen: the token " Italy" must show its space.
  var isQuoted: Bool
  var styles: [Style?]
  var naturalWidth: Int

  init(
    _ column: Column, rows: Range<Int>, missing: String,
    digits: Int = RenderSettings.usualDigits
  ) throws {
    title = escapedText(column.name)
    isText = column.kind == .texts
    isRight = column.kind.isNumeric
    let texts = try peopleTexts(column.values, rows: rows, significant: digits)
    let isQuoted = isText && texts.contains { $0.map(needsQuotes) ?? false }
    self.isQuoted = isQuoted
    cells = try texts.mapChecked { $0.map { isQuoted ? quotedText($0) : $0 } ?? missing }
    styles = try rows.mapChecked { row in
      if column.values.isMissing(row) { return .faint }
      return column.values.number(row).map { $0 < 0 } == true ? .negative : nil
    }
    naturalWidth = 0
    try measure()
  }

  /// As the settings have it.
  init(_ column: Column, rows: Range<Int>, marks: Marks, _ settings: RenderSettings) throws {
    let plain = try PeopleColumn(
      column, rows: rows, missing: settings.missing ?? marks.missing, digits: settings.digits)
    self = settings.groupsThousands ? try plain.grouped() : plain
  }

  /// With every text changed.
  func mapped(_ change: (String) -> String) throws -> PeopleColumn {
    var changed = self
    changed.title = change(title)
    if isText { changed.cells = try cells.mapChecked(change) }
    try changed.measure()
    return changed
  }

  /// `text` with spaces up to `width`, on the side that the column asks for.
  func aligned(_ text: String, width: Int) -> String {
    isRight ? text.padded(left: width) : text.padded(to: width)
  }

  /// The cell in at most `width` cells of the terminal. What ends a quoted text that is cut stands
  /// outside its quotes, so that it is not taken for a part of it.
  func cell(_ row: Int, width: Int, mark: String) -> String {
    guard isText, displayWidth(of: cells[row]) > width else { return cells[row] }
    guard isQuoted, styles[row] == nil, width > displayWidth(of: mark) + 2 else {
      return cells[row].cut(to: width, mark: mark)
    }
    return cells[row].prefix(cells: width - displayWidth(of: mark) - 1) + "\"" + mark
  }

  /// With commas between the thousands of numbers.
  func grouped() throws -> PeopleColumn {
    guard isRight else { return self }
    var changed = self
    changed.cells = try cells.mapChecked(Self.grouped)
    try changed.measure()
    return changed
  }

  private static func grouped(_ cell: String) -> String {
    let start = cell.prefix { $0 == " " || $0 == "-" }
    let whole = cell.dropFirst(start.count).prefix { $0.isASCII && $0.isNumber }
    let rest = cell.dropFirst(start.count + whole.count)
    guard whole.count > 3, !rest.contains("e") else { return cell }
    var text = ""
    for (place, digit) in whole.enumerated() {
      if place > 0, (whole.count - place) % 3 == 0 { text.append(",") }
      text.append(digit)
    }
    return start + text + rest
  }

  private mutating func measure() throws {
    var widest = displayWidth(of: title)
    try cells.forEachChecked { widest = max(widest, displayWidth(of: $0)) }
    naturalWidth = widest
  }
}

func needsQuotes(_ text: String) -> Bool {
  text.isEmpty || text.first?.isWhitespace == true || text.last?.isWhitespace == true
    || text.unicodeScalars.contains(where: isInvisible)
}
