extension FormatDeclaration {
  static let csv = FormatDeclaration(
    summary: "comma-separated",
    endings: ["csv"], isLines: true,
    write: { table, _, sink in try renderCSV(table, into: &sink) })
}

/// RFC 4180, but that a line ends with a newline alone, as every reader takes it. An empty text is
/// `""`, what is missing is nothing between the commas.
func renderCSV(_ table: Table, into text: inout ByteSink) throws {
  try renderFields(table, by: ",", name: fieldOfCSV, into: &text) { cell in
    cell.isMissing ? "" : fieldOfCSV(cell.description)
  }
}

private func fieldOfCSV(_ text: String) -> String {
  // Spaces at the ends are part of a field, but some readers strip them unless it is quoted.
  let needsQuotes =
    text.isEmpty || text.first == " " || text.last == " "
    || text.utf8.contains { $0 == 0x22 || $0 == 0x2C || $0 == 0x0A || $0 == 0x0D }
  return needsQuotes ? quotedField(text) : text
}
