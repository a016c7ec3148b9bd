extension Table {
  /// One row a column: column, type, count (of values that are there), missing, min, mean, max (of
  /// numbers), distinct.
  func summary() throws -> Table {
    let all = [Array(0..<rowCount)]
    func each(_ function: AggregateFunction) throws -> [Cell] {
      try columns.map { column in
        guard column.kind.isNumeric || function == .count || function == .distinct else {
          return .missing
        }
        return try function.applied(to: column, groups: all)[0]
      }
    }
    return Table(columns: [
      Column("column", .texts(columnNames)),
      Column("type", .texts(columns.map(\.kind.rawValue))),
      Column("count", cells: try each(.count), fallback: .integers),
      Column("missing", .integers(columns.map(\.values.missingCount))),
      Column("min", cells: try each(.min), fallback: .doubles),
      Column("mean", cells: try each(.mean), fallback: .doubles),
      Column("max", cells: try each(.max), fallback: .doubles),
      Column("distinct", cells: try each(.distinct), fallback: .integers),
    ])
  }
}
