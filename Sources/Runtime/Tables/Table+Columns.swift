import Model

extension Table {
  /// These columns, in this order.
  func selecting(_ names: [String]) throws -> Table {
    if let twice = firstRepeated(names) {
      throw Failure("`\(twice)` is selected twice", help: "a table has a column's name only once")
    }
    return with(try names.map(column))
  }

  /// Without these columns.
  func dropping(_ names: [String]) throws -> Table {
    let dropped = Set(try names.map(index))
    return with(columns.indices.filter { !dropped.contains($0) }.map { columns[$0] })
  }

  func renaming(_ name: String, to newName: String) throws -> Table {
    let index = try index(of: name)
    guard name == newName || self[newName] == nil else {
      throw Failure("there is a column `\(newName)` already", help: "drop it first")
    }
    var renamed = self
    renamed.columns[index].name = newName
    if measure == name { renamed.measure = newName }
    return renamed
  }

  /// With `column` in the place of the one of that name, or as the last.
  func setting(_ column: Column) throws -> Table {
    guard columns.isEmpty || column.count == rowCount else {
      throw Failure(
        "column `\(column.name)` has \(thousands(column.count)) values, the table \(rows(rowCount))"
      )
    }
    var table = self
    if let index = columns.firstIndex(where: { $0.name == column.name }) {
      table.columns[index] = column
    } else {
      table.columns.append(column)
      table.spread = nil
    }
    return table
  }

  /// The rows of all tables, one after the other; a column that a table lacks is missing there.
  static func stacked(_ tables: [Table]) throws -> Table {
    var names: [String] = []
    for table in tables {
      for name in table.columnNames where !names.contains(name) { names.append(name) }
    }
    let bytes = tables.reduce(0) { $0 + $1.rowCount * $1.bytesPerRow }
    try Memory.reserve(bytes, for: "the appended tables")
    let columns = try names.map { name in
      let parts = tables.map { ($0[name]?.values, $0.rowCount) }
      try Interruption.check()
      return Column(name, try stack(parts))
    }
    return Table(columns: columns, measure: tables.lazy.compactMap(\.measure).first)
  }

  /// The same rows with other columns; the measure stays if its column does.
  func with(_ columns: [Column]) -> Table {
    let stays = columns.contains { $0.name == measure }
    var table = Table(columns: columns, measure: stays ? measure : nil, spread: spread)
    table.units = units
    return table
  }
}

private func stack(_ parts: [(values: Values?, count: Int)]) throws -> Values {
  let kinds = parts.compactMap { part in
    part.values.flatMap { $0.missingCount == $0.count ? nil : $0.kind }
  }
  let kind =
    kinds.dropFirst().reduce(kinds.first, { .common($0 ?? $1, $1) })
    ?? parts.lazy.compactMap(\.values?.kind).first ?? .texts
  var result = Values.missing(kind, count: 0)
  for part in parts {
    let values =
      try part.values.map { try $0.converted(to: kind) } ?? .missing(kind, count: part.count)
    try result.append(values)
  }
  return result
}

extension Values {
  /// The same values in a type that holds them; what it cannot hold is missing.
  func converted(to kind: Kind) throws -> Values {
    if self.kind == kind { return self }
    let rows = 0..<count
    switch kind {
    case .integers:
      return .integers(
        try rows.mapChecked { if case .integer(let value) = self[$0] { value } else { nil } })
    case .singles: return .singles(try rows.mapChecked { Float(self[$0].number ?? .nan) })
    case .doubles: return .doubles(try rows.mapChecked { self[$0].number ?? .nan })
    case .texts:
      return .texts(try rows.mapChecked { self[$0].isMissing ? nil : self[$0].description })
    case .booleans:
      return .booleans(
        try rows.mapChecked { if case .boolean(let value) = self[$0] { value } else { nil } })
    }
  }

  mutating func append(_ other: Values) throws {
    // The array is taken out of the enum, or else it would be copied.
    switch (self, other) {
    case (.integers(var values), .integers(let more)):
      self = .integers([])
      values += more
      self = .integers(values)
    case (.singles(var values), .singles(let more)):
      self = .singles([])
      values += more
      self = .singles(values)
    case (.doubles(var values), .doubles(let more)):
      self = .doubles([])
      values += more
      self = .doubles(values)
    case (.texts(var values), .texts(let more)):
      self = .texts([])
      values += more
      self = .texts(values)
    case (.booleans(var values), .booleans(let more)):
      self = .booleans([])
      values += more
      self = .booleans(values)
    default: try append(try other.converted(to: kind))
    }
  }
}

func firstRepeated(_ names: [String]) -> String? {
  var seen: Set<String> = []
  return names.first { !seen.insert($0).inserted }
}
