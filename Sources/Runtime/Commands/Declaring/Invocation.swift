import Lang
import Model

/// One call of a command: its input, its arguments, and the session that it runs in. The accessors
/// read an argument as what the command needs and place every complaint.
struct Invocation {
  let command: Command
  let name: Name
  let input: Value
  private let arguments: BoundArguments
  let session: Session
  /// How many rows of the result will be looked at, where the next stage says so.
  let rowsWanted: Int?
  /// The parameters that the command has looked at.
  private let reads = Reads()

  init(
    command: Command, name: Name, input: Value, arguments: BoundArguments, session: Session,
    rowsWanted: Int?
  ) {
    self.command = command
    self.name = name
    self.input = input
    self.arguments = arguments
    self.session = session
    self.rowsWanted = rowsWanted
  }

  var span: SourceSpan { name.span }
  /// What the statement that it stands in has found so far.
  var statement: StatementRun { session.statement }
  var host: any Host { session.host }

  func failure(_ message: String, help: String? = nil) -> Failure {
    Failure(message, help: help, span: span)
  }

  /// Fails the statement at the command's place, after its value is shown.
  func failOnceShown(_ failure: Failure) {
    statement.failure = failure.placed(at: span, in: session.source)
  }

  /// A warning that cannot be missed, at the command's place.
  func warn(_ message: String, help: String? = nil) {
    session.warn(message, help: help, at: span)
  }

  // MARK: Arguments

  private final class Reads { var parameters: Set<String> = [] }

  /// Runs the command. What is given must matter: an argument that the command has not looked at is
  /// an error.
  func run() throws -> Value {
    let value = try command.run(self)
    let ignored = command.parameters.first { parameter in
      !reads.parameters.contains(parameter.name) && span(of: parameter) != nil
    }
    guard let ignored, let span = span(of: ignored) else { return value }
    throw Failure(
      "`\(ignored.words.first ?? ignored.name)` has no effect here",
      help: "omit it, or see `help \(command.name)`", span: span)
  }

  /// Where the argument of a parameter stands; nil if it is not given.
  private func span(of parameter: Command.Parameter) -> SourceSpan? {
    if parameter.form == .assignment, let first = arguments.assignments.first {
      return first.name.span
    }
    return arguments.values[parameter.name]?.first?.span ?? arguments.words[parameter.name]?.span
  }

  /// Whether it is given. To ask is not to read.
  func has(_ parameter: String) -> Bool { arguments.values[parameter] != nil }

  func word(_ parameter: String) -> String? {
    reads.parameters.insert(parameter)
    return arguments.words[parameter]?.text
  }

  func expressions(_ parameter: String) -> [Lang.Expression] {
    reads.parameters.insert(parameter)
    return arguments.values[parameter] ?? []
  }

  func expression(_ parameter: String) -> Lang.Expression? { expressions(parameter).first }

  /// What is written as `NAME = VALUE`.
  var assignments: [(name: Name, value: Lang.Expression)] {
    for parameter in command.parameters where parameter.form == .assignment {
      reads.parameters.insert(parameter.name)
    }
    return arguments.assignments
  }

  func value(_ parameter: String) throws -> Value? {
    try expression(parameter).map { try session.evaluate($0) }
  }

  func integer(_ parameter: String) throws -> Int? {
    guard let expression = expression(parameter) else { return nil }
    return try placing(at: expression.span) {
      switch try session.evaluate(expression) {
      case .integer(let value): return value
      case let other: throw Failure("a whole number is wanted here, not \(other.kind)")
      }
    }
  }

  func number(_ parameter: String) throws -> Double? {
    guard let expression = expression(parameter) else { return nil }
    return try placing(at: expression.span) {
      let value = try session.evaluate(expression)
      guard let number = value.asDouble, number.isFinite else {
        throw Failure("a number is wanted here, not \(value.kind)")
      }
      return number
    }
  }

  /// Numbers, and lists and ranges of them.
  func numbers(_ parameter: String) throws -> [Double] {
    func read(_ value: Value) throws -> [Double] {
      if case .list(let values) = value {
        guard !values.isEmpty else { throw Failure("this list is empty") }
        return try values.flatMap(read)
      }
      guard let number = value.asDouble, number.isFinite else {
        throw Failure("a number is wanted here, not \(value.kind)")
      }
      return [number]
    }
    return try expressions(parameter).flatMap { expression in
      try placing(at: expression.span) { try read(try session.evaluate(expression)) }
    }
  }

  /// Text as a string, a variable, or the bare words of the source.
  func text(_ parameter: String) throws -> String? {
    try expression(parameter).map { try session.bareText($0) }
  }

  func texts(_ parameter: String) throws -> [String] {
    try expressions(parameter).map { try session.bareText($0) }
  }

  /// Names as bare words, strings, or lists of them: what a variable or a column holds.
  func names(_ parameter: String) throws -> [String] {
    try expressions(parameter).flatMap { expression -> [String] in
      let value: Value? =
        switch expression.kind {
        case .name(let name): session.lookUp(name)
        case .variable, .list, .pipeline, .member: try session.evaluate(expression)
        default: nil
        }
      guard case .list(let items)? = value else { return [try session.bareText(expression)] }
      guard !items.isEmpty else { throw emptyList(at: expression.span) }
      return try items.map { item in
        guard let text = item.shortText else {
          throw Failure("a name is wanted here, not \(item.kind)", span: expression.span)
        }
        return text
      }
    }
  }

  /// A list of nothing is a mistake in what made it, never a wish for the default.
  func emptyList(at span: SourceSpan) -> Failure { Failure("this list is empty", span: span) }

  /// Words that the command itself gives a meaning, whatever variables there are: `component`.
  func choices(_ parameter: String) throws -> [String] {
    try expressions(parameter).map { try session.choice($0) }
  }

  /// The columns that the command's arguments are about, where they are those of its input.
  private var inputColumns: [String]? {
    if case .table(let value) = input { value.table.columnNames } else { nil }
  }

  /// Names of columns: bare words, words in backticks, texts, and lists of texts.
  func columns(_ parameter: String) throws -> [String] {
    let columns = inputColumns
    return try expressions(parameter).flatMap { try session.columnNames($0, among: columns) }
  }

  func column(_ parameter: String) throws -> String? { try columns(parameter).first }

  func selectors(_ parameter: String) throws -> [(selector: Selector, span: SourceSpan)] {
    try expressions(parameter).flatMap { expression in
      try session.selectors(expression).map { ($0, expression.span) }
    }
  }

  func tables(_ parameter: String) throws -> [TableValue] {
    try expressions(parameter).map { expression in
      let value = try session.evaluate(expression)
      guard case .table(let table) = value else {
        throw Failure("a table is wanted here, not \(value.kind)", span: expression.span)
      }
      return table
    }
  }

  func prompts(_ parameter: String) throws -> PromptSet? {
    guard let expression = expression(parameter) else { return nil }
    return try placing(at: expression.span) {
      try session.asPrompts(try session.evaluate(expression))
    }
  }

  // MARK: Input

  func promptInput() throws -> PromptSet {
    try placing(at: span) {
      if case .nothing = input {
        throw Failure(
          "`\(command.name)` needs prompts to work on",
          help: "pipe them in: prompt \"…\" | \(command.name)")
      }
      let set = try session.asPrompts(input)
      session.noteForeignModel(of: set)
      if command.warnsOfSpaces { try session.warnOfSpaces(in: set, at: span) }
      return set
    }
  }

  /// The loaded model that a parameter names.
  func model(_ parameter: String) throws -> LoadedModels.Entry? {
    guard let expression = expression(parameter) else { return nil }
    return try placing(at: expression.span) {
      let name = try session.bareText(expression)
      if case .name(let word) = expression.kind, word != name,
        session.models.entry(named: word) != nil
      {
        throw Failure(
          "`\(word)` is both a model and a variable",
          help: "\"\(word)\" in quotes is the model, $\(word) the variable")
      }
      return try session.requireModel(named: name)
    }
  }

  func tableInput() throws -> TableValue {
    switch input {
    case .table(let table): return table
    case .nothing:
      throw failure(
        "`\(command.name)` needs a table to work on",
        help: "pipe one in: … | dla by head | \(command.name)")
    case .prompts:
      throw failure(
        "`\(command.name)` works on a table, and this is \(input.kind)",
        help: "measure something first: logits, dla, effect, attention …")
    case let other:
      throw failure("`\(command.name)` works on a table, not on \(other.kind)")
    }
  }

  /// The table with something done to it; what was dropped on the way is warned of.
  func shaping(_ body: (Table) throws -> (table: Table, warnings: [String])) throws -> Value {
    let input = try tableInput()
    let (table, warnings) = try placing(at: span) { try body(input.table) }
    for warning in warnings { warn(warning) }
    return .table(input.with(table))
  }
}
