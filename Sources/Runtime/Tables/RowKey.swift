import Lang

/// What rows are ordered by.
struct RowKey {
  enum Source {
    case column(String)
    case computed(Column)
  }

  var source: Source
  /// `-` stands before it.
  var isDescending = false

  func column(of table: Table) throws -> Column {
    switch source {
    case .column(let name): try table.column(name)
    case .computed(let column): column
    }
  }

  /// The rows with the largest numbers, or with `-` the smallest.
  func largest(_ count: Int, of table: Table) throws -> [Int] {
    let column: Column
    switch source {
    case .column(let name): column = try table.numericColumn(name, for: "top")
    case .computed(let computed):
      guard computed.kind.isNumeric else {
        throw Failure("`top` needs numbers, and this is \(computed.kind.rawValue)")
      }
      column = computed
    }
    let ranked = Table(columns: [column, .rows(of: table, besides: [column])])
    guard isDescending else { return try ranked.top(count, by: column.name).rowNumbers }
    // For the complaint about a negative count.
    _ = try ranked.top(Swift.min(count, 0), by: column.name)
    return try ranked.sorted(by: [SortKey(column.name)]).take(count).rowNumbers
  }
}

extension [RowKey] {
  /// The table's rows, ordered.
  func order(of table: Table) throws -> [Int] {
    var columns: [Column] = []
    for (place, key) in enumerated() {
      columns.append(Column("key \(place)", try key.column(of: table).values))
    }
    columns.append(.rows(of: table, besides: columns))
    let keys = enumerated().map { SortKey("key \($0)", descending: $1.isDescending) }
    return try Table(columns: columns).sorted(by: keys).rowNumbers
  }
}

extension Column {
  /// The numbers of the table's rows, under a name that none of the others has.
  fileprivate static func rows(of table: Table, besides others: [Column]) -> Column {
    let name = others.map(\.name).joined() + " row"
    return Column(name, .integers(Array(0..<table.rowCount)))
  }
}

extension Table {
  /// The numbers in the last column.
  fileprivate var rowNumbers: [Int] {
    guard case .integers(let rows)? = columns.last?.values else { return [] }
    return rows.compactMap(\.self)
  }
}

extension Invocation {
  /// A key of `sort` or `top by`: a column by its name, or an expression, either with `-` before it.
  /// A text by itself is a column's name, since rows cannot be ordered by what is the same for all.
  func rowKey(_ expression: Lang.Expression, over table: Table) throws -> RowKey {
    if case .unary(.negate, let operand) = expression.kind {
      var key = try rowKey(operand, over: table)
      key.isDescending.toggle()
      return key
    }
    if let name = try columnKey(expression, over: table) { return RowKey(source: .column(name)) }
    let values = try session.column(expression, over: table, asks: "this")
    let cells = try values.mapChecked { value in
      guard let cell = value.cell else {
        throw Failure("rows cannot be ordered by \(value.kind)", span: expression.span)
      }
      return cell
    }
    let name = session.source.text(in: expression.span)
    return RowKey(source: .computed(Column(name, cells: cells, fallback: .doubles)))
  }

  /// The column that an expression names by itself.
  private func columnKey(_ expression: Lang.Expression, over table: Table) throws -> String? {
    switch expression.kind {
    case .name(let name) where session.lookUp(name) == nil || table[name] == nil:
      // A variable that is not a column can only be meant by its value.
      guard session.lookUp(name) == nil else {
        throw session.isVariableAlone(name, at: expression.span)
      }
      _ = try placing(at: expression.span) { try table.column(name) }
      return name
    case .column(let name):
      _ = try placing(at: expression.span) { try table.column(name) }
      return name
    case .string, .variable:
      guard case .text(let name) = try session.evaluate(expression) else { return nil }
      _ = try placing(at: expression.span) { try table.column(name) }
      return name
    case .pipeline(let pipeline):
      guard pipeline.stages.count == 1, case .expression(let inner) = pipeline.stages[0].kind else {
        return nil
      }
      return try columnKey(inner, over: table)
    default: return nil
    }
  }
}
