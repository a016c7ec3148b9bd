import Model

extension Table {
  /// The `count` rows with the largest values in `name` (signed: -3 is less than 1), largest first;
  /// without a name, by the table's measure, else by its last column of numbers.
  public func top(_ count: Int, by name: String? = nil) throws -> Table {
    guard count >= 0 else {
      throw Failure(
        "`top` takes a count, not \(count)",
        help: "for the smallest values, `sort COLUMN | take \(count.magnitude)`")
    }
    let ranked = try numericColumn(name, for: "top")
    guard count < rowCount / 8 else {
      return try sorted(by: [SortKey(ranked.name, descending: true)]).take(count)
    }
    return try gathered(try ranked.values.largest(count))
  }

  /// The first `count` rows, or the last where it is negative.
  public func take(_ count: Int) throws -> Table {
    if count >= 0 { return try gathered(Array(0..<min(count, rowCount))) }
    let taken = Int(min(count.magnitude, UInt(rowCount)))
    return try gathered(Array(rowCount - taken..<rowCount))
  }

  /// The rows where `mask` is true. A row whose condition is missing is dropped, and counted.
  public func filtered(by mask: [Bool?]) throws -> (table: Table, warnings: [String]) {
    guard mask.count == rowCount else {
      throw Failure("the condition has \(mask.count) values, the table \(rows(rowCount))")
    }
    let undecided = mask.count { $0 == nil }
    let kept = try gathered(try mask.indices.filterChecked { mask[$0] == true })
    guard undecided > 0 else { return (kept, []) }
    return (kept, ["\(rows(undecided)) left out: the condition is missing there"])
  }

  /// The column `name`, which must be numbers; without a name the measure, else the last column of
  /// numbers.
  func numericColumn(_ name: String?, for purpose: String) throws -> Column {
    guard let name = name ?? measure ?? columns.last(where: { $0.kind.isNumeric })?.name else {
      throw Failure(
        "`\(purpose)` needs a column of numbers, and this table has none",
        help: "the columns are \(enumeration(columnNames))")
    }
    let column = try column(name)
    guard column.kind.isNumeric else {
      let numeric = columns.filter(\.kind.isNumeric).map(\.name)
      throw Failure(
        "`\(name)` is a column of type \(column.kind.rawValue), and `\(purpose)` needs numbers",
        help: numeric.isEmpty
          ? "this table has no column of numbers"
          : "columns of numbers: \(enumeration(numeric))")
    }
    return column
  }
}

extension Values {
  /// The rows of the `count` largest numbers, largest first, earlier rows before later ones that are
  /// alike: a few of a whole vocabulary, without sorting all of it. What is missing comes last.
  fileprivate func largest(_ count: Int) throws -> [Int] {
    guard count > 0 else { return [] }
    var best: [(number: Double, row: Int)] = []
    var missing: [Int] = []
    try (0..<self.count).forEachChecked { row in
      guard let number = number(row) else {
        if missing.count < count { missing.append(row) }
        return
      }
      if best.count == count {
        guard number > best[count - 1].number else { return }
        best.removeLast()
      }
      var low = 0
      var high = best.count
      while low < high {
        let middle = (low + high) / 2
        if best[middle].number >= number { low = middle + 1 } else { high = middle }
      }
      best.insert((number, row), at: low)
    }
    return best.map(\.row) + missing.prefix(count - best.count)
  }
}

/// `1 row`, `3 rows`, `49,132 rows`.
func rows(_ count: Int) -> String { count == 1 ? "1 row" : "\(thousands(count)) rows" }

/// The number with a comma between thousands.
func thousands(_ count: Int) -> String {
  var text = ""
  for (place, digit) in String(count.magnitude).reversed().enumerated() {
    if place > 0, place % 3 == 0 { text.append(",") }
    text.append(digit)
  }
  return (count < 0 ? "-" : "") + String(text.reversed())
}

/// `98.4 MB`, `524 MB`, `1.2 GB`.
func sizeText(_ bytes: Int) -> String {
  for (unit, size) in [("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1000)] where bytes >= size {
    let tenths = bytes / (size / 10) + (bytes % (size / 10) >= size / 20 ? 1 : 0)
    return tenths >= 1000 ? "\(tenths / 10) \(unit)" : "\(tenths / 10).\(tenths % 10) \(unit)"
  }
  return "\(bytes) bytes"
}
