import Lang
import Model

/// Expressions, evaluated against names: those of the session, or of a table's row.
struct Evaluator {
  let session: Session
  /// Names that come first: a row's columns.
  var row: Row?

  /// The columns of one row.
  struct Row {
    let table: Table
    var index: Int
    /// Where a name stands among the columns.
    let places: [String: Int]
  }

  func evaluate(_ expression: Lang.Expression) throws -> Value {
    try session.checkStack(at: expression.span)
    return try placing(at: expression.span, in: session.source) { try value(of: expression) }
  }

  private func value(of expression: Lang.Expression) throws -> Value {
    switch expression.kind {
    case .integer(let value): return .integer(value)
    case .number(let value, _): return .number(value)
    case .boolean(let value): return .boolean(value)
    case .string(let literal): return .text(try text(literal))
    case .name(let name): return try named(name, expression)
    case .column(let name): return try column(name)
    case .variable(let name): return try session.requireVariable(name)
    case .component, .at, .path: return try selector(expression)
    case .list(let elements, _):
      let values = try elements.mapChecked(evaluate)
      try Self.checkSize(ofList: values)
      return .list(values)
    case .pipeline(let pipeline): return try parenthesised(pipeline)
    case .member(let base, let name): return try member(base, name, of: expression)
    case .element(let base, let index): return try element(base, index)
    case .call(let name, let arguments): return try call(name, arguments)
    case .unary(let op, let operand): return try unary(op, try evaluate(operand))
    case .binary(let op, let left, let right):
      return try binary(op, left, right, at: expression.span)
    case .range(let low, let high): return try range(try evaluate(low), try evaluate(high))
    case .conditional(let condition, let then, let otherwise):
      return try conditional(condition, then, otherwise)
    case .each(let name, let list, let body): return try each(name, in: list, body)
    }
  }

  /// What stands in parentheses sees a row's columns too, unless it is a pipeline of its own.
  func parenthesised(_ pipeline: Pipeline) throws -> Value {
    guard row != nil, pipeline.stages.count == 1,
      case .expression(let inner) = pipeline.stages[0].kind
    else { return try session.run(pipeline) }
    return try evaluate(inner)
  }

  // MARK: Names

  /// `` `name` ``: the row's column, whatever else has that name.
  private func column(_ name: String) throws -> Value {
    guard let row else {
      throw Failure(
        "there is no table here with a column `\(name)`",
        help: "columns are read in `where`, `derive`, `sort` and the like; a column of a table is "
          + "TABLE.\(Lang.Printer.quoteColumn(name))")
    }
    guard let place = row.places[name] else { throw row.table.unknownColumn(name) }
    return Value(row.table.columns[place][row.index])
  }

  /// `RowNames` has refused a name that is a column and a variable.
  private func named(_ name: String, _ expression: Lang.Expression) throws -> Value {
    if let row, let place = row.places[name] {
      return Value(row.table.columns[place][row.index])
    }
    if let value = session.lookUp(name) { return value }
    if let selector = Selector(expression) { return .selector(selector) }
    if Catalogue.command(named: name) != nil {
      return try session.call(Name(text: name, span: expression.span), [], input: .nothing)
    }
    if name == "missing" { return .missing }
    throw Failure(
      "there is no variable or command '\(name)'",
      help: session.helpForUnknown(name))
  }

  private func selector(_ expression: Lang.Expression) throws -> Value {
    if let selector = Selector(expression) { return .selector(selector) }
    if case .path(let nodes) = expression.kind {
      return .list(try session.paths(nodes).map(Value.selector))
    }
    // `(best.component)@last`: a position for every selector of a list.
    guard case .at(let base?, let position) = expression.kind else {
      throw Failure("this is not a selector")
    }
    return .list(
      try session.selectors(base).map { selector in
        guard selector.position == nil else {
          throw Failure("'\(selector.text)' has a position already")
        }
        var placed = selector
        placed.position = position.kind
        placed.text += "@\(position.kind.text)"
        return .selector(placed)
      })
  }

  private func member(_ base: Lang.Expression, _ name: Name, of expression: Lang.Expression) throws
    -> Value
  {
    if let selector = Selector(expression) { return .selector(selector) }
    if base.isEnvironment, session.lookUp("env") == nil, row?.places["env"] == nil {
      guard let value = session.host.environmentVariable(name.text) else {
        throw Failure(
          "the environment variable '\(name.text)' is not set",
          help: "set it before `summand` starts: \(name.text)=VALUE summand …", span: name.span)
      }
      return .text(value)
    }
    switch try evaluate(base) {
    case .table(let value):
      try placing(at: name.span) { try value.checkIsWhole("`.\(name.text)`") }
      let column = try placing(at: name.span) { try value.table.column(name.text) }
      try Memory.reserve(
        column.count * MemoryLayout<Value>.stride,
        for: "a list of \(thousands(column.count)) values")
      return .list(try (0..<column.count).mapChecked { Value(column[$0]) })
    case .circuit(let circuit): return try placing(at: name.span) { try circuit.member(name.text) }
    case .vector(let vector):
      let card = name.text == "value" ? vector.listing.table : vector.card
      let column = try placing(at: name.span) { try card.column(name.text) }
      if name.text == "value" { return .list((0..<column.count).map { Value(column[$0]) }) }
      return Value(column[0])
    case .map(let map):
      return Value(try placing(at: name.span) { try map.card.column(name.text) }[0])
    case .record(let members):
      if let value = members[name.text] { return value }
      throw Failure(
        "there is no argument '\(name.text)'",
        help: "declare it in the script: arguments \(name.text)=DEFAULT", span: name.span)
    case let other:
      throw Failure(
        "\(other.kind) has no members", help: "a table has its columns", span: name.span)
    }
  }

  private func element(_ base: Lang.Expression, _ index: Lang.Expression) throws -> Value {
    let value = try evaluate(base)
    guard case .integer(let wanted) = try evaluate(index) else {
      throw Failure("an index is a whole number", span: index.span)
    }
    let values: [Value]
    switch value {
    case .list(let list): values = list
    case .vector(let vector): values = vector.elements.map(Value.number)
    default: throw Failure("\(value.kind) has no elements", span: base.span)
    }
    let place = wanted < 0 ? values.count + wanted : wanted
    guard values.indices.contains(place) else {
      throw Failure(
        "\(value.kind == "a list" ? "the list" : "the vector") has \(values.count) elements, and no element \(wanted)",
        span: index.span)
    }
    return values[place]
  }

  private func call(_ name: Name, _ arguments: [Argument]) throws -> Value {
    if let function = Function(rawValue: name.text) {
      let (values, seed) = try operands(of: function, arguments)
      return try placing(at: name.span) {
        try function.apply(values, seed: seed) { try session.undefined($0, at: name.span) }
      }
    }
    // What is handed to a `def` is of this row too.
    return try session.call(name, arguments, input: .nothing, evaluate: evaluate)
  }

  /// The values that a function is given, and its `seed=`, where it draws.
  private func operands(of function: Function, _ arguments: [Argument]) throws
    -> (values: [Value], seed: Int)
  {
    var (values, seed) = ([Value](), 0)
    for argument in arguments {
      switch argument.kind {
      case .value(let expression): values.append(try evaluate(expression))
      case .named(let name, let expression)
      where function.takesSeed && name.text == "seed" && !name.isQuoted:
        guard case .integer(let number) = try evaluate(expression) else {
          throw Failure("a seed is a whole number", span: expression.span)
        }
        seed = number
      case .named, .option, .arrow:
        throw Failure(
          "`\(function.rawValue)` takes values"
            + (function.takesSeed ? " and `seed=NUMBER`" : " only"), span: argument.span)
      }
    }
    return (values, seed)
  }

  // MARK: Strings

  func text(_ literal: StringLiteral) throws -> String {
    let pieces = try literal.pieces.map { piece in
      switch piece {
      case .text(let text, _): return text
      case .interpolation(let pipeline): return try interpolated(pipeline)
      }
    }
    try Self.checkSize(ofTexts: pieces)
    return pieces.joined()
  }

  /// A loop that doubles a text, or a list, comes to more than there is within a few turns.
  static func checkSize(ofTexts texts: [String]) throws {
    try Memory.reserve(texts.reduce(0) { $0 + $1.utf8.count }, for: "this text")
  }

  /// What lists in it hold is shared until it is printed: that is where a list of lists of lists
  /// comes to more than there is.
  static func checkSize(ofList values: [Value]) throws {
    guard values.contains(where: \.isList) else { return }
    var count = 0
    try countElements(of: values, depth: 1, &count)
  }

  private static func countElements(of values: [Value], depth: Int, _ count: inout Int) throws {
    // Every walk over a list, and the end of its life, is a recursion.
    guard depth <= deepestList else {
      throw Failure("lists are nested more than \(deepestList) deep")
    }
    count += values.count
    guard count <= mostElements else {
      throw Failure("this list has more than \(thousands(mostElements)) elements in total")
    }
    for case .list(let inner) in values {
      try Interruption.check()
      try countElements(of: inner, depth: depth + 1, &count)
    }
  }

  /// As many as a range may have.
  private static let mostElements = 10_000_000
  /// How many lists may lie in each other.
  private static let deepestList = 64

  func interpolated(_ pipeline: Pipeline) throws -> String {
    let value = try parenthesised(pipeline)
    try Interruption.check()
    guard let text = value.shortText else {
      throw Failure("\(value.kind) cannot be put into text", span: pipeline.span)
    }
    return text
  }
}
