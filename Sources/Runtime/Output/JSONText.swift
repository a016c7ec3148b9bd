extension ByteSink {
  mutating func append(rows table: Table, indent: String) throws {
    guard table.rowCount > 0 else { return append("[]") }
    let keys = table.columnNames.map { jsonString($0) + ":" }
    try line("[")
    for row in 0..<table.rowCount {
      append(indent + "  ")
      append(row: row, of: table, keys: keys)
      try line(row == table.rowCount - 1 ? "" : ",")
    }
    append(indent + "]")
  }

  mutating func append(
    row: Int, of table: Table, keys: [String], ending: String = ""
  ) {
    append("{")
    for (index, column) in table.columns.enumerated() {
      if index > 0 { append(",") }
      append(keys[index])
      append(column[row].json)
    }
    append(ending + "}")
  }
}

extension Cell {
  /// What is missing is null. JSON has no infinities: they are the texts "Infinity" and "-Infinity",
  /// which Python's `float` and JavaScript's `Number` take back, rather than a null that would hide
  /// them.
  var json: String {
    switch self {
    case .missing: "null"
    case .integer, .boolean: description
    case .single(let value): jsonNumber(Double(value), description)
    case .double(let value): jsonNumber(value, description)
    case .text(let text): jsonString(text)
    }
  }
}

extension Value {
  /// Of a single value; what no cell can hold is its short text.
  var json: String { (cell ?? .text(shortText ?? kind)).json }
}

extension JSONValue {
  /// Compact, on one line.
  public var text: String {
    switch self {
    case .null: "null"
    case .boolean(let value): value ? "true" : "false"
    case .integer(let value): String(value)
    case .number(let value): jsonNumber(value, value.description)
    case .string(let text): jsonString(text)
    case .array(let elements): "[" + elements.map(\.text).joined(separator: ", ") + "]"
    case .object(let members):
      "{" + members.map { "\(jsonString($0.key)): \($0.value.text)" }.joined(separator: ", ") + "}"
    }
  }
}

private func jsonNumber(_ value: Double, _ digits: String) -> String {
  if value.isNaN { return "null" }
  if value.isInfinite { return value < 0 ? "\"-Infinity\"" : "\"Infinity\"" }
  return digits
}

/// In quotes, with quotes, backslashes and control characters escaped.
func jsonString(_ text: String) -> String {
  let needsEscape = text.utf8.contains { $0 < 0x20 || $0 == 0x22 || $0 == 0x5C }
  guard needsEscape else { return "\"" + text + "\"" }
  var result = "\""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\"": result += "\\\""
    case "\\": result += "\\\\"
    case "\n": result += "\\n"
    case "\r": result += "\\r"
    case "\t": result += "\\t"
    case _ where scalar.value < 0x20:
      let digits = String(scalar.value, radix: 16)
      result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result + "\""
}
