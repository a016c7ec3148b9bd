import Lang

extension Session {
  /// The columns that an argument names: a bare word, a word in backticks, or what a text, a variable
  /// or a list of texts holds.
  ///
  /// - Parameter columns: those that there are; nil where that is not known.
  /// - Throws: `Failure` for a bare word that is also a variable which holds the name of a column.
  func columnNames(_ expression: Lang.Expression, among columns: [String]?) throws -> [String] {
    switch expression.kind {
    case .name(let name):
      if let value = lookUp(name), value.canNameColumns(among: columns) {
        if let columns, !columns.contains(name) {
          throw isVariableAlone(name, at: expression.span)
        }
        throw Failure(
          "`\(name)` can be the column or the variable of that name",
          help:
            "\(Lang.Printer.quoteColumn(name)) in backticks is the column, $\(name) the variable",
          span: expression.span)
      }
      return [name]
    case .column(let name): return [name]
    case .list(let items, _) where !items.isEmpty:
      return try items.flatMap { try columnNames($0, among: columns) }
    case .string, .variable, .pipeline, .list, .element, .conditional, .each:
      return try placing(at: expression.span) { try columnNames(try evaluate(expression)) }
    case .member(let base, _) where base.isArguments:
      return try placing(at: expression.span) { try columnNames(try evaluate(expression)) }
    case .integer, .number, .boolean, .component, .path, .at, .member, .call, .unary, .binary,
      .range:
      let text = source.text(in: expression.span)
      throw Failure(
        "expected a column's name",
        help: "a column called so stands in backticks: \(Lang.Printer.quoteColumn(text))",
        span: expression.span)
    }
  }

  /// Where a column is named: there is none of that name, only a variable.
  func isVariableAlone(_ name: String, at span: SourceSpan) -> Failure {
    Failure(
      "there is no column `\(name)`", help: "$\(name) is the variable's value", span: span)
  }

  private func columnNames(_ value: Value) throws -> [String] {
    switch value {
    case .list(let values) where values.isEmpty: throw Failure("this list is empty")
    case .list(let values): return try values.flatMap(columnNames)
    case .text, .selector, .boolean, .integer, .number:
      return [value.shortText ?? ""]
    case .nothing, .missing, .table, .stream, .prompts, .vector, .map, .circuit, .record:
      throw Failure("expected a column's name, got \(value.kind)")
    }
  }
}

extension Value {
  /// Whether a variable that holds it may be meant where columns are named.
  fileprivate func canNameColumns(among columns: [String]?) -> Bool {
    switch self {
    case .text, .selector: columns?.contains(asText ?? "") ?? true
    case .list(let values):
      !values.isEmpty && values.allSatisfy { $0.canNameColumns(among: columns) }
    case .nothing, .missing, .boolean, .integer, .number, .table, .stream, .prompts, .vector,
      .map, .circuit, .record:
      false
    }
  }
}

extension Lang.Expression {
  /// `env`, whose members are the environment's variables.
  var isEnvironment: Bool { if case .name("env") = kind { true } else { false } }

  /// `args`, whose members a script's command line gives.
  var isArguments: Bool {
    switch kind {
    case .name("args"), .variable("args"): true
    default: false
    }
  }
}
