extension FormatDeclaration {
  static let escaped = FormatDeclaration(
    summary: "tab-separated, one line per row, no quotes",
    isLines: true, write: { table, _, sink in try renderEscaped(table, into: &sink) })
}

/// A line a row, for programs that know neither quotes nor lines in fields, such as `cut` and
/// `sort`: tab, newline, carriage return and backslash are `\t`, `\n`, `\r`, `\\`. What is missing
/// is empty, as an empty text is.
func renderEscaped(_ table: Table, into text: inout ByteSink) throws {
  try renderFields(table, by: "\t", name: escapedField, into: &text) {
    escapedField($0.description)
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
