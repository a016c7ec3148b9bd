extension FormatDeclaration {
  static let ndjson = FormatDeclaration(
    summary: "one object per line",
    endings: ["ndjson", "jsonl"],
    write: { table, _, sink in try renderNDJSON(table, into: &sink) },
    line: { value, number in ndjsonLine(of: value, number: number) })
}

/// An object a line. Where the table is one of several results in a stream, each ends with its number.
func renderNDJSON(_ table: Table, number: Int? = nil, into text: inout ByteSink) throws {
  let keys = table.columnNames.map { jsonString($0) + ":" }
  let ending = number.map { (keys.isEmpty ? "" : ",") + "\"\(resultKey)\":\($0)" } ?? ""
  for row in 0..<table.rowCount {
    text.append(row: row, of: table, keys: keys, ending: ending)
    try text.line()
  }
}

/// A single value as the only row of a table with the column `value`, as lists are printed.
private func ndjsonLine(of value: Value, number: Int?) -> String {
  "{\"value\":\(value.json)" + (number.map { ",\"\(resultKey)\":\($0)" } ?? "") + "}"
}

/// The key of a result's number.
let resultKey = "result"
