import Model

extension Table {
  /// The rows of this table next to those of `other` that are equal in the columns `names`: by
  /// default all that both have, but for the measures and other floats. In the order of this table,
  /// then of the other. What is missing is alike to what is missing. With `keepingUnmatched`, rows
  /// that have no partner stay, with missing values; else they are dropped, and a warning counts
  /// them. A further column of a name that is taken gets a suffix: `dla_2`.
  func joined(
    with other: Table, on names: [String]? = nil, keepingUnmatched: Bool = false
  ) throws -> (table: Table, warnings: [String]) {
    let names = try names ?? sharedKeys(with: other)
    if let twice = firstRepeated(names) { throw Failure("`\(twice)` is joined on twice") }
    let mine = try names.map(column)
    let theirs = try names.map(other.column)
    for (one, two) in zip(mine, theirs) where !canMatch(one.kind, two.kind) {
      throw Failure(
        "`\(one.name)` is of type \(one.kind.rawValue) in one table and "
          + "\(two.kind.rawValue) in the other: no rows can match")
    }

    let partners = try partners(of: mine, among: theirs, rows: other.rowCount)
    let count = try count(of: partners, keepingUnmatched, on: names)
    let listed = MemoryLayout<Int>.stride + MemoryLayout<Int?>.stride
    try Memory.reserve(
      count * (bytesPerRow + other.bytesPerRow + listed),
      for: "the joined table of \(Runtime.rows(count))")

    var left: [Int] = []
    var right: [Int?] = []
    left.reserveCapacity(count)
    right.reserveCapacity(count)
    let unmatched = partners.count { $0 == nil }
    try (0..<rowCount).forEachChecked { row in
      guard let alike = partners[row] else {
        if keepingUnmatched {
          left.append(row)
          right.append(nil)
        }
        return
      }
      try alike.forEachChecked { partner in
        left.append(row)
        right.append(partner)
      }
    }

    var joined = try gathered(left)
    joined.spread = nil
    var taken = FreeNames(joined.columnNames)
    for column in other.columns where !names.contains(column.name) {
      let name = taken.take(column.name)
      joined.columns.append(Column(name, try column.values.gathered(optional: right)))
    }
    let dropped = unmatched > 0 && !keepingUnmatched
    let warning =
      "\(Runtime.rows(unmatched)) of \(thousands(rowCount)) left out: no match in the other table"
    return (joined, dropped ? [warning] : [])
  }

  /// For each row those of the other table that are alike to it; nil where none is.
  private func partners(
    of mine: [Column], among theirs: [Column], rows otherCount: Int
  ) throws -> [[Int]?] {
    var rows: [[Cell]: [Int]] = [:]
    try (0..<otherCount).forEachChecked { row in
      rows[theirs.map { $0[row].joinKey }, default: []].append(row)
    }
    return try (0..<rowCount).mapChecked { row in rows[mine.map { $0[row].joinKey }] }
  }

  /// How many rows the joined table has. They are counted before they are listed: the lists alone can
  /// take more than there is.
  private func count(
    of partners: [[Int]?], _ keepingUnmatched: Bool, on names: [String]
  ) throws -> Int {
    var count = 0
    for alike in partners {
      count += alike?.count ?? (keepingUnmatched ? 1 : 0)
      guard count <= Table.largestPivot else {
        throw Failure(
          "the joined table would have more than \(Runtime.rows(Table.largestPivot))",
          help: "join on more columns: \(enumeration(names)) repeat in both tables")
      }
    }
    return count
  }

  private func sharedKeys(with other: Table) throws -> [String] {
    let shared = columns.filter { column in
      guard let partner = other[column.name] else { return false }
      return !column.kind.isFloating && !partner.kind.isFloating
        && column.name != measure && column.name != other.measure
    }
    guard !shared.isEmpty else {
      throw Failure(
        "the two tables have no column to join on",
        help: "one has \(enumeration(columnNames)), the other \(enumeration(other.columnNames)); "
          + "`derive` gives one of them a column of the other's name")
    }
    return shared.map(\.name)
  }
}

private func canMatch(_ one: Values.Kind, _ other: Values.Kind) -> Bool {
  one == other || (one.isNumeric && other.isNumeric)
}

extension Cell {
  /// Numbers are alike across types: 1 and 1.0.
  fileprivate var joinKey: Cell {
    switch self {
    case .single(let value): Int(exactly: value).map(Cell.integer) ?? .double(Double(value))
    case .double(let value): Int(exactly: value).map(Cell.integer) ?? self
    case .missing, .integer, .text, .boolean: self
    }
  }
}
