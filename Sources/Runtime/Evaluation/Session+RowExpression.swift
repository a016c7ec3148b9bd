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
    let places = Dictionary(
      uniqueKeysWithValues: table.columnNames.enumerated().map { ($1, $0) })
    var evaluator = Evaluator(
      session: self, row: Evaluator.Row(table: table, index: 0, places: places))
    do {
      let (values, undefined) = try statement.countingUndefined {
        try (0..<table.rowCount).map { index in
          // One row may look through a list as long as the table.
          try Interruption.check()
          evaluator.row?.index = index
          statement.undefinedRows?.row = index
          return try evaluator.evaluate(expression)
        }
      }
      for warning in undefined.warnings(of: table.rowCount) {
        warn(warning, at: expression.span)
      }
      return values
    } catch var failure as Failure {
      failure.help = failure.help ?? names.quotedHelp
      throw failure
    }
  }
}
