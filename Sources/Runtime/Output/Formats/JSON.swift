extension FormatDeclaration {
  static let json = FormatDeclaration(
    summary: "an array of objects",
    endings: ["json"],
    write: { table, _, sink in try renderJSON(table, into: &sink) },
    writeFile: { table, provenance, sink in try renderDocument(table, provenance, into: &sink) },
    line: { value, _ in value.json })
}

/// An array of objects, a row a line, keys in the order of the columns.
func renderJSON(_ table: Table, into text: inout ByteSink) throws {
  try text.append(rows: table, indent: "")
  try text.line()
}

/// The document of `save "x.json"`: a Table Schema as pandas writes it with `orient="table"`, so
/// that `pandas.read_json` opens it, and the provenance. `readTable` gives the table back, types
/// included.
func renderDocument(_ table: Table, _ provenance: Provenance, into text: inout ByteSink) throws {
  try text.line("{")
  try text.line("  \"schema\": {")
  try text.line("    \"fields\": [")
  let fields = table.columns.map { field(of: $0).text }
  for (index, field) in fields.enumerated() {
    try text.line("      " + field + (index == fields.count - 1 ? "" : ","))
  }
  try text.line("    ],")
  try text.line("    \"pandas_version\": \"1.4.0\"")
  try text.line("  },")
  try text.line("  \"provenance\": {")
  for (index, member) in provenance.members.enumerated() {
    let comma = index == provenance.members.count - 1 ? "" : ","
    try text.line("    \(jsonString(member.key)): \(member.value.text)\(comma)")
  }
  try text.line("  },")
  text.append("  \"data\": ")
  try text.append(rows: table.withExactIntegers, indent: "  ")
  try text.line()
  try text.line("}")
}

/// A field of the schema. `extDtype` names the type of pandas that holds the column exactly, where
/// the usual one of its kind does not.
private func field(of column: Column) -> JSONValue {
  let hasMissing = column.values.missingCount > 0
  let (type, dtype): (String, String?) =
    switch column.kind {
    case .integers: ("integer", hasMissing ? "Int64" : nil)
    case .singles: ("number", "float32")
    case .doubles: ("number", nil)
    case .booleans: ("boolean", hasMissing ? "boolean" : nil)
    case .texts: ("string", nil)
    }
  return .object(
    [JSONValue.Member("name", .string(column.name)), JSONValue.Member("type", .string(type))]
      + (dtype.map { [JSONValue.Member("extDtype", .string($0))] } ?? []))
}

extension Table {
  /// pandas reads a column of integers and nulls by way of doubles: such columns hold integers
  /// beyond 2^53 as texts, which it turns into exact ones.
  fileprivate var withExactIntegers: Table {
    let columns = columns.map { column in
      guard case .integers(let values) = column.values, column.values.missingCount > 0,
        values.contains(where: { ($0?.magnitude ?? 0) > 1 << 53 })
      else { return column }
      return Column(column.name, .texts(values.map { $0.map { String($0) } }))
    }
    return Table(columns: columns)
  }
}
