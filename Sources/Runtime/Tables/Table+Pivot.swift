import Model

extension Table {
  /// More cells than these are taken for a slip: nobody reads such a table.
  static let largestPivot = 50_000_000

  /// One row for each combination in `names`, one column for each value of `spread`, both in order
  /// of first appearance; the cells are from `value` (default: the measure), missing where the
  /// table has no row for them. Two rows for one cell are an error.
  func pivoted(
    rows names: [String], column spread: String, value: String? = nil
  ) throws -> Table {
    if let twice = firstRepeated(names + [spread]) {
      throw Failure("`\(twice)` cannot be both a row and a column of the pivot")
    }
    let keys = try names.map(column)
    let across = try column(spread)
    let source = try value.map(column) ?? numericColumn(nil, for: "pivot")
    if names.contains(source.name) || source.name == spread {
      throw Failure(
        "`\(source.name)` cannot be both the value and a row or column of the pivot",
        help: "name the value, as in `pivot \(names.first ?? "ROW") \(spread) VALUE`")
    }

    let lines = try groups(by: keys)
    let spreads = try groups(by: [across])
    let (cells, overflow) = lines.count.multipliedReportingOverflow(by: spreads.count)
    guard !overflow, cells <= Table.largestPivot else {
      throw Failure(
        "the pivot would have \(Runtime.rows(lines.count)) and \(thousands(spreads.count)) columns",
        help: "`where`, `top` or `group` first")
    }

    var line = [Int](repeating: 0, count: rowCount)
    for (index, rows) in lines.enumerated() { for row in rows { line[row] = index } }
    // A column by itself takes something too.
    try Memory.reserve(
      cells * source.kind.bytesPerValue + spreads.count * 256,
      for: "a pivot of \(Runtime.rows(lines.count)) and \(thousands(spreads.count)) columns")
    let firsts = lines.compactMap(\.first)
    var columns = try keys.map { Column($0.name, try $0.values.gathered(firsts)) }
    var taken = FreeNames(columns.map(\.name))
    for rows in spreads {
      try Interruption.check()
      var places = [Int?](repeating: nil, count: lines.count)
      for row in rows {
        if places[line[row]] != nil {
          throw duplicate(row, keys: keys + [across], value: source.name)
        }
        places[line[row]] = row
      }
      let name = taken.take(across[rows[0]].title)
      columns.append(Column(name, try source.values.gathered(optional: places)))
    }
    return Table(columns: columns, spread: Spread(column: spread, value: source.name))
  }

  private func duplicate(_ row: Int, keys: [Column], value: String) -> Failure {
    let place = keys.map { "\($0.name) = \($0[row].quoted)" }.joined(separator: ", ")
    let names = keys.map(\.name).joined(separator: ", ")
    return Failure(
      "the pivot has several rows for one cell: \(place)",
      help: "make them one first, as in `group by \(names) mean \(value)`, or keep one with `where`"
    )
  }
}

extension Cell {
  /// As the name of a column.
  var title: String {
    switch self {
    case .missing: "missing"
    case .text(""): "\"\""
    case .integer, .single, .double, .text, .boolean: description
    }
  }

  /// For a message: texts in quotes.
  var quoted: String {
    switch self {
    case .missing: "missing"
    case .text(let text): quotedText(text)
    case .integer, .single, .double, .boolean: description
    }
  }
}

/// Gives out names that are not taken yet.
struct FreeNames {
  private var taken: Set<String>

  init(_ names: [String]) { taken = Set(names) }

  /// `name`, or the first of `name_2`, `name_3`, … that is free; it is taken from then on.
  mutating func take(_ name: String) -> String {
    var free = name
    var number = 2
    while !taken.insert(free).inserted {
      free = "\(name)_\(number)"
      number += 1
    }
    return free
  }
}
