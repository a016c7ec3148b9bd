import Lang
import Model

/// A named column.
struct Column: Sendable, Equatable {
  var name: String
  var values: Values

  init(_ name: String, _ values: Values) {
    self.name = name
    self.values = values
  }

  /// `cells` in the narrowest type that holds them all.
  init(_ name: String, cells: [Cell], fallback: Values.Kind = .texts) {
    self.init(name, Values(cells, fallback: fallback))
  }

  var count: Int { values.count }
  var kind: Values.Kind { values.kind }
  subscript(row: Int) -> Cell { values[row] }
}

/// Rows under named columns, stored by column. All columns have the same count and different names.
struct Table: Sendable, Equatable {
  var columns: [Column]
  /// The column that `top N` without `by` ranks by.
  var measure: String?
  /// Where `pivot` made the table.
  var spread: Spread?
  /// Of a shard's rows, what each is of among the units that shards divide: `merge` puts them in the
  /// whole's order by it.
  var units: [Int]?

  /// What became of a long table's columns: the values of `column` are columns now, the numbers
  /// in them are those of `value`.
  struct Spread: Sendable, Equatable {
    var column: String
    var value: String
  }

  init(columns: [Column], measure: String? = nil, spread: Spread? = nil) {
    precondition(
      columns.allSatisfy { $0.count == columns[0].count }, "columns of different lengths")
    self.columns = columns
    self.measure = measure
    self.spread = spread
  }

  var rowCount: Int { columns.first?.count ?? 0 }
  var columnNames: [String] { columns.map(\.name) }

  subscript(name: String) -> Column? { columns.first { $0.name == name } }

  func row(_ row: Int) -> [Cell] { columns.map { $0[row] } }

  /// The column, or a failure that names those that are there.
  func column(_ name: String) throws -> Column { columns[try index(of: name)] }

  /// The rows at `rows`, in that order.
  func gathered(_ rows: [Int]) throws -> Table {
    try Memory.reserve(rows.count * bytesPerRow, for: "a table of \(Runtime.rows(rows.count))")
    var table = Table(
      columns: try columns.map { Column($0.name, try $0.values.gathered(rows)) },
      measure: measure, spread: spread)
    table.units = try units.map { units in try rows.mapChecked { units[$0] } }
    return table
  }

  /// What one row takes, without its texts: those are shared with the table that they come from.
  var bytesPerRow: Int { columns.reduce(0) { $0 + $1.kind.bytesPerValue } }

  func index(of name: String) throws -> Int {
    if let index = columns.firstIndex(where: { $0.name == name }) { return index }
    throw unknownColumn(name)
  }

  func unknownColumn(_ name: String) -> Failure {
    guard !columns.isEmpty else {
      return Failure("there is no column `\(name)`: the table has no columns")
    }
    let names = columnNames
    let there = "the columns are " + enumeration(names)
    let help = suggestion(for: name, among: names).map { "did you mean `\($0)`? " + there } ?? there
    return Failure("there is no column `\(name)`", help: help)
  }
}

/// `a, b and c`, cut after twelve names.
func enumeration(_ names: [String], limit: Int = 12) -> String {
  let quoted = names.map { "`\(excerpt($0))`" }
  guard let last = quoted.last else { return "none" }
  if names.count > limit {
    return quoted.prefix(limit).joined(separator: ", ") + " and \(names.count - limit) more"
  }
  return names.count == 1 ? last : quoted.dropLast().joined(separator: ", ") + " and " + last
}
