/// What is saved next to the rows of a table, in this order: the version, the model with its file's
/// hash, the prompts, the edits.
public struct Provenance: Sendable, Equatable {
  public var members: [JSONValue.Member]

  public init(_ members: [(key: String, value: JSONValue)] = []) {
    self.members = members.map { JSONValue.Member($0.key, $0.value) }
  }
}

/// The document of `save "x.json"`: a Table Schema as pandas writes it with `orient="table"`, so
/// that `pandas.read_json` opens it, and the provenance. `readTable` gives the table back, types
/// included.
public func renderDocument(_ table: Table, _ provenance: Provenance) -> String {
  var result = ""
  // The sink throws nothing, so nothing is thrown.
  try? renderDocument(table, provenance) { result += $0 }
  return result
}

public func renderDocument(
  _ table: Table, _ provenance: Provenance, into sink: (String) throws -> Void
) throws {
  try withoutActuallyEscaping(sink) { sink in
    var text = ChunkedText(sink)
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
    try text.flush()
  }
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
