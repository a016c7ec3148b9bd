extension FormatDeclaration {
  static let html = FormatDeclaration(
    summary: "an HTML table",
    endings: ["html", "htm"],
    write: { table, _, sink in try renderHTML(table, into: &sink) })
}

/// A bare table for a page; numbers rounded as on the terminal, the digits that reproduce them in
/// `data-value`.
func renderHTML(_ table: Table, into text: inout ByteSink) throws {
  let columns = try table.columns.map {
    try PeopleColumn($0, rows: 0..<table.rowCount, missing: "")
  }
  try text.line("<table>")
  let heads = columns.map { "<th scope=\"col\">\(escapedForMarkup($0.title))</th>" }
  try text.line("<thead><tr>\(heads.joined())</tr></thead>")
  try text.line("<tbody>")
  for row in 0..<table.rowCount {
    let cells = zip(columns, table.columns).map { column, source in
      let shown = column.isText ? column.cells[row] : column.cells[row].trimmingSpaces()
      let cell = source[row]
      let value = cell.number == nil ? "" : " data-value=\"\(cell.description)\""
      let side = column.isRight ? " style=\"text-align:right\"" : ""
      return "<td\(value)\(side)>\(escapedForMarkup(shown))</td>"
    }
    try text.line("<tr>\(cells.joined())</tr>")
  }
  try text.line("</tbody>")
  try text.line("</table>")
}
