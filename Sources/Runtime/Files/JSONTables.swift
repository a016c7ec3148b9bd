import Lang
import Model

/// An array of objects or of single values, an object of arrays, the document that `save` writes or wrote in 0.1.0, or
/// one of the data sets that are known.
func tableFromJSON(_ source: TextSource) throws -> Table {
  let value = try parsed(source.bytes, source)
  if let table = try documentedTable(value, source) { return table }
  if let relations = try relationsTable(value, source) { return relations }
  if let graph = try graphTable(value, source) { return graph }
  if case .array(let records) = value {
    if let facts = try counterFactTable(records, source) { return facts }
    if !records.isEmpty, records.allSatisfy(\.isSingle) {
      return Table(columns: [Column("value", try values(records))])
    }
    return try table(of: records.enumerated().map { ("record \($0 + 1)", $1) }, source)
  }
  guard case .object(let members) = value else {
    throw source.failure("holds \(value.kindName), not a table", help: shapes)
  }
  if let columns = value["columns"]?.array, let rows = value["rows"]?.array {
    return try table(
      of: rows.enumerated().map { ("record \($0 + 1)", $1) }, source,
      columns: columnNames(columns, source))
  }
  return try table(ofArrays: members, source)
}

/// An object a line; empty lines are passed over.
func tableFromNDJSON(_ source: TextSource) throws -> Table {
  var records: [(place: String, value: JSONValue)] = []
  var line = 0
  for content in source.bytes.split(separator: 0x0A, omittingEmptySubsequences: false) {
    try Interruption.check()
    line += 1
    if content.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) { continue }
    records.append(("line \(line)", try parsed(content, source)))
  }
  if let facts = try counterFactTable(records.map(\.value), source) { return facts }
  return try table(of: records, source)
}

func columnNames(
  _ columns: [JSONValue], _ source: TextSource, in list: String = "columns"
) throws -> [String] {
  var known: Set<String> = []
  return try columns.enumerated().map { index, value in
    guard let name = value.string, !name.isEmpty else {
      throw source.failure("has no name for column \(index + 1) in `\(list)`")
    }
    guard known.insert(name).inserted else {
      throw source.failure("has the name `\(excerpt(name))` twice in `\(list)`")
    }
    return name
  }
}

private let shapes =
  "a table is an array of objects, `[{\"a\": 1}, …]`, or an object of arrays, `{\"a\": [1, …]}`"

private func parsed(_ bytes: ArraySlice<UInt8>, _ source: TextSource) throws -> JSONValue {
  do {
    return try JSONParser.parse(bytes)
  } catch {
    // A parse that was told to stop has no other problem.
    try Interruption.check()
    throw source.failure(error.message, line: source.line(of: error.index), help: error.help)
  }
}

/// Columns in the order in which the keys first come; a key that a record lacks is missing there.
private func table(
  of records: [(place: String, value: JSONValue)], _ source: TextSource, columns: [String] = []
) throws -> Table {
  var names = columns
  var indices = Dictionary(columns.enumerated().map { ($1, $0) }) { first, _ in first }
  var cells = [[JSONValue]](repeating: [], count: names.count)
  try source.check(rows: records.count, columns: names.count)
  for (row, record) in records.enumerated() {
    try Interruption.check()
    guard case .object(let members) = record.value else {
      throw source.failure(
        "\(record.place) is \(record.value.kindName), not an object", help: shapes)
    }
    for member in members {
      let index: Int
      if let known = indices[member.key] {
        index = known
      } else {
        index = names.count
        indices[member.key] = index
        names.append(try named(member.key, record.place, source))
        cells.append([])
        try source.check(rows: records.count, columns: names.count)
      }
      cells[index].fill(to: row)
      cells[index].append(member.value)
    }
  }
  for index in cells.indices { cells[index].fill(to: records.count) }
  return Table(columns: try zip(names, cells).map { Column($0, try values($1)) })
}

private func table(ofArrays members: [JSONValue.Member], _ source: TextSource) throws -> Table {
  var columns: [Column] = []
  for member in members {
    guard let elements = member.value.array else {
      throw source.failure(
        "is an object whose `\(excerpt(member.key))` is \(member.value.kindName), so it is not a "
          + "table",
        help: member.value.members == nil ? shapes : shapes + " (pandas: `orient=\"records\"`)")
    }
    if let first = columns.first, first.count != elements.count {
      throw source.failure(
        "has \(first.count) values for `\(excerpt(first.name))` and \(elements.count) for `"
          + "\(excerpt(member.key))`",
        help: "every column needs as many values; null where one is missing")
    }
    columns.append(Column(try named(member.key, "the object", source), try values(elements)))
  }
  return Table(columns: columns)
}

private func named(_ key: String, _ place: String, _ source: TextSource) throws -> String {
  guard !key.isEmpty else {
    throw source.failure("\(place) has an empty key", help: "a column needs a name")
  }
  return key
}

/// Null is missing; arrays and objects stay JSON, as text. Next to numbers the texts "Infinity",
/// "-Infinity" and "NaN" are numbers.
func values(_ elements: [JSONValue]) throws -> Values {
  let hasNumbers = elements.contains { element in
    switch element {
    case .integer, .number: true
    case .null, .boolean, .string, .array, .object: false
    }
  }
  let cells = try elements.mapChecked { element in
    if hasNumbers, let number = element.string.flatMap(namedNumber) { return Cell.double(number) }
    return element.cell
  }
  return Values(cells)
}

extension JSONValue {
  /// Whether it is a text, a number, a boolean or null.
  fileprivate var isSingle: Bool {
    switch self {
    case .null, .boolean, .integer, .number, .string: true
    case .array, .object: false
    }
  }

  var cell: Cell {
    switch self {
    case .null: .missing
    case .boolean(let value): .boolean(value)
    case .integer(let value): .integer(value)
    case .number(let value): .double(value)
    case .string(let text): .text(text)
    case .array, .object: .text(text)
    }
  }
}

extension [JSONValue] {
  fileprivate mutating func fill(to count: Int) {
    while self.count < count { append(.null) }
  }
}
