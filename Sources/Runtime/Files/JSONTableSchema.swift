import Lang

/// A document with a Table Schema, `{"schema": {"fields": […]}, "data": […]}`, as `save` and pandas
/// (`orient="table"`) write it: columns have the types that the schema states. Nil where `value`
/// has another form.
func documentedTable(_ value: JSONValue, _ source: TextSource) throws -> Table? {
  guard let fields = value["schema"]?["fields"]?.array, let rows = value["data"]?.array else {
    return nil
  }
  let names = try columnNames(fields.map { $0["name"] ?? .null }, source, in: "schema")
  let indices = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
  try source.check(rows: rows.count, columns: names.count)
  var cells = names.map { _ in [JSONValue](repeating: .null, count: rows.count) }
  for (row, record) in rows.enumerated() {
    guard let members = record.members else {
      throw source.failure("record \(row + 1) of `data` is \(record.kindName), not an object")
    }
    for member in members {
      guard let index = indices[member.key] else {
        throw source.failure(
          "record \(row + 1) of `data` has `\(excerpt(member.key))`, which `schema` does not name")
      }
      cells[index][row] = member.value
    }
  }
  return Table(
    columns: try names.indices.map { index in
      do {
        return Column(names[index], try columnValues(cells[index], fields[index]))
      } catch let mismatch as Mismatch {
        throw source.failure(
          "record \(mismatch.row + 1) of `data` has \(mismatch.value.kindName) for "
            + "`\(excerpt(names[index]))`, where `schema` has \(mismatch.type)",
          help: "correct its `type` in `schema`")
      }
    })
}

/// A value that is not of its field's type.
private struct Mismatch: Error {
  var row: Int
  var value: JSONValue
  var type: String
}

/// Types of Table Schema that no column has (`datetime`, `any`, …) are told by the values.
private func columnValues(_ cells: [JSONValue], _ field: JSONValue) throws -> Values {
  let type = field["type"]?.string ?? "any"
  /// `read` gives nil where the value is of another type.
  func all<T>(_ read: (JSONValue) -> T?) throws -> [T?] {
    try cells.enumerated().map { row, cell in
      if case .null = cell { return nil }
      guard let value = read(cell) else { throw Mismatch(row: row, value: cell, type: type) }
      return value
    }
  }
  switch type {
  case "integer": return .integers(try all(\.exactInteger))
  case "number" where field["extDtype"]?.string == "float32":
    return .singles(try all(\.anyNumber).map { Float($0 ?? .nan) })
  case "number": return .doubles(try all(\.anyNumber).map { $0 ?? .nan })
  case "boolean":
    return .booleans(try all { if case .boolean(let value) = $0 { value } else { nil } })
  case "string": return .texts(try all(\.string))
  default: return try values(cells)
  }
}

extension JSONValue {
  /// An integer, also as a text: `save` writes those that pandas would round so.
  fileprivate var exactInteger: Int? {
    switch self {
    case .integer(let value): value
    case .number(let value): Int(exactly: value)
    case .string(let text): Int(text)
    case .null, .boolean, .array, .object: nil
    }
  }

  /// A number; JSON has infinities as texts only.
  fileprivate var anyNumber: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    case .string(let text): namedNumber(text)
    case .null, .boolean, .array, .object: nil
    }
  }
}
