/// What other programs read when they are given the separator alone: texts in double quotes, a
/// quote in them doubled, all else in them as it is; numbers, `true` and `false` bare, a float with
/// a point or an exponent, or `inf`. What is missing is nothing, an empty text `""`. Names are texts
/// too.
func renderTSV(_ table: Table, into text: inout ChunkedText) throws {
  try text.line(table.columnNames.map(quotedField).joined(separator: "\t"))
  for row in 0..<table.rowCount {
    for (index, column) in table.columns.enumerated() {
      if index > 0 { text.append("\t") }
      switch column[row] {
      case .text(let value): text.append(quotedField(value))
      case let cell: text.append(cell.description)
      }
    }
    try text.line()
  }
}

/// A line a row, for programs that know neither quotes nor lines in fields, such as `cut` and
/// `sort`: tab, newline, carriage return and backslash are `\t`, `\n`, `\r`, `\\`. What is missing
/// is empty, as an empty text is.
func renderEscaped(_ table: Table, into text: inout ChunkedText) throws {
  try text.line(table.columnNames.map(escapedField).joined(separator: "\t"))
  for row in 0..<table.rowCount {
    for (index, column) in table.columns.enumerated() {
      if index > 0 { text.append("\t") }
      text.append(escapedField(column[row].description))
    }
    try text.line()
  }
}

private func escapedField(_ text: String) -> String {
  let needsEscape = text.utf8.contains { $0 == 0x09 || $0 == 0x0A || $0 == 0x0D || $0 == 0x5C }
  guard needsEscape else { return text }
  var bytes: [UInt8] = []
  for byte in text.utf8 {
    switch byte {
    case 0x09: bytes += [0x5C, UInt8(ascii: "t")]
    case 0x0A: bytes += [0x5C, UInt8(ascii: "n")]
    case 0x0D: bytes += [0x5C, UInt8(ascii: "r")]
    case 0x5C: bytes += [0x5C, 0x5C]
    default: bytes.append(byte)
    }
  }
  return String(decoding: bytes, as: UTF8.self)
}

/// RFC 4180, but that a line ends with a newline alone, as every reader takes it. An empty text is
/// `""`, what is missing is nothing between the commas.
func renderCSV(_ table: Table, into text: inout ChunkedText) throws {
  try text.line(table.columnNames.map(fieldOfCSV).joined(separator: ","))
  for row in 0..<table.rowCount {
    for (index, column) in table.columns.enumerated() {
      if index > 0 { text.append(",") }
      let cell = column[row]
      text.append(cell.isMissing ? "" : fieldOfCSV(cell.description))
    }
    try text.line()
  }
}

private func fieldOfCSV(_ text: String) -> String {
  // Spaces at the ends are part of a field, but some readers strip them unless it is quoted.
  let needsQuotes =
    text.isEmpty || text.first == " " || text.last == " "
    || text.utf8.contains { $0 == 0x22 || $0 == 0x2C || $0 == 0x0A || $0 == 0x0D }
  return needsQuotes ? quotedField(text) : text
}

private func quotedField(_ text: String) -> String {
  guard text.utf8.contains(0x22) else { return "\"" + text + "\"" }
  var quoted: [UInt8] = [0x22]
  for byte in text.utf8 {
    if byte == 0x22 { quoted.append(0x22) }
    quoted.append(byte)
  }
  quoted.append(0x22)
  return String(decoding: quoted, as: UTF8.self)
}
