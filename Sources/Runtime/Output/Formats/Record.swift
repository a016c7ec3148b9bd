import Lang

extension FormatDeclaration {
  static let record = FormatDeclaration(
    summary: "one row per block, a line per column",
    hasStyles: true, write: { try renderRecords($0, $1, into: &$2) })
}

/// Each row as a block: its number, then a line for each column. Nothing is cut.
func renderRecords(
  _ table: Table, _ settings: RenderSettings, into text: inout ByteSink
) throws {
  guard !table.columns.isEmpty, table.rowCount > 0 else {
    return try text.line(Style.faint.paint("no rows", colour: settings.colour))
  }
  let marks = Marks(unicode: settings.unicode)
  // As many blocks as the rows of the terminal have room for.
  let limit = settings.maximumRows.map { max(1, $0 / (table.columns.count + 1)) }
  let shown = shownRows(of: table.rowCount, at: limit)
  let columns = try table.columns.map {
    try PeopleColumn($0, rows: 0..<shown, marks: marks, settings)
  }
  let width = columns.map { displayWidth(of: $0.title) }.max() ?? 0
  for row in 0..<shown {
    let rule = String(repeating: marks.rule, count: 2)
    try text.line(Style.faint.paint("\(rule) \(thousands(row + 1))", colour: settings.colour))
    for column in columns {
      let cell = column.cells[row].trimmingSpaces()
      let name = Style.heading.paint(
        padded: column.title.padded(to: width + 2), colour: settings.colour)
      let value = column.styles[row]?.paint(cell, colour: settings.colour) ?? String(cell)
      try text.line(cell.isEmpty ? name.trimmingEnd() : name + value)
    }
  }
  let counts = settings.countsRows ? [rows(table.rowCount)] : []
  for note in rowNotes(table.rowCount - shown, marks, settings) + counts {
    try text.line(Style.faint.paint(note, colour: settings.colour))
  }
}
