import Lang
import Model

extension Session {
  /// An expression's value for each row. What has none, as a division by zero, is missing and warned
  /// of.
  ///
  /// - Parameters:
  ///   - asks: what the expression is, where it must name a column to make sense.
  ///   - columnsHelp: which columns there are, where a list of them does not say enough.
  func column(
    _ expression: Lang.Expression, over table: Table, asks: String? = nil,
    columnsHelp: String? = nil
  ) throws -> [Value] {
    let names = try RowNames(
      expression, over: table.columnNames, in: self, columnsHelp: columnsHelp)
    if let asks {
      try placing(at: expression.span, in: source) { try names.requireColumn(for: asks) }
    }
    let outer = undefinedRows
    undefinedRows = UndefinedRows()
    defer { undefinedRows = outer }
    let places = Dictionary(
      uniqueKeysWithValues: table.columnNames.enumerated().map { ($1, $0) })
    var evaluator = Evaluator(
      session: self, row: Evaluator.Row(table: table, index: 0, places: places))
    let values: [Value]
    do {
      values = try (0..<table.rowCount).map { index in
        // One row may look through a list as long as the table.
        try Interruption.check()
        evaluator.row?.index = index
        undefinedRows?.row = index
        return try evaluator.evaluate(expression)
      }
    } catch var failure as Failure {
      failure.help = failure.help ?? names.quotedHelp
      throw failure
    }
    for warning in undefinedRows?.warnings(of: table.rowCount) ?? [] {
      warn(warning, at: expression.span)
    }
    return values
  }
}
