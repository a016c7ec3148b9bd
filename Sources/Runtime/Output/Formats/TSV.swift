extension FormatDeclaration {
  static let tsv = FormatDeclaration(
    summary: "tab-separated, texts in quotes",
    endings: ["tsv", "tab"], isLines: true,
    write: { table, _, sink in try renderTSV(table, into: &sink) })
}

/// What other programs read when they are given the separator alone: texts in double quotes, a
/// quote in them doubled, all else in them as it is; numbers, `true` and `false` bare, a float with
/// a point or an exponent, or `inf`. What is missing is nothing, an empty text `""`. Names are texts
/// too.
func renderTSV(_ table: Table, into text: inout ByteSink) throws {
  try renderFields(table, by: "\t", name: quotedField, into: &text) { cell in
    if case .text(let value) = cell { quotedField(value) } else { cell.description }
  }
}

/// A line of names and a line for each row, their fields apart by a separator.
func renderFields(
  _ table: Table, by separator: String, name: (String) -> String, into text: inout ByteSink,
  field: (Cell) -> String
) throws {
  try text.line(table.columnNames.map(name).joined(separator: separator))
  for row in 0..<table.rowCount {
    for (index, column) in table.columns.enumerated() {
      if index > 0 { text.append(separator) }
      text.append(field(column[row]))
    }
    try text.line()
  }
}

/// In quotes, each quote in it doubled: a field of TSV and of CSV.
func quotedField(_ text: String) -> String {
  guard text.utf8.contains(0x22) else { return "\"" + text + "\"" }
  var quoted: [UInt8] = [0x22]
  for byte in text.utf8 {
    if byte == 0x22 { quoted.append(0x22) }
    quoted.append(byte)
  }
  quoted.append(0x22)
  return String(decoding: quoted, as: UTF8.self)
}
