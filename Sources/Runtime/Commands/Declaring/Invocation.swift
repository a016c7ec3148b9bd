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
  private let next: NextStage
  private let reads = Reads()

  /// What the stage after it takes of its result.
  struct NextStage {
    /// How many rows, where it says so.
    var rows: Int?
    /// Whether it takes a result that is computed as it is pulled.
    var takesStream = false
    /// Whether there is none.
    var isMissing = false
  }

  init(
    command: Command, name: Name, input: Value, arguments: BoundArguments, session: Session,
    next: NextStage = NextStage()
  ) {
    self.command = command
    self.name = name
    self.input = input
    self.arguments = arguments
    self.session = session
    self.next = next
  }

  var rowsWanted: Int? { next.rows }
  var isLast: Bool { next.isMissing }
  var mayStream: Bool { next.takesStream }
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

  // MARK: What is read

  /// Runs the command. What is given must matter: an argument that the command has not looked at is
  /// an error. So is what it looked at and does not declare, which is a mistake in the command.
  func run() throws -> Value {
    defer { ReadLog.current?.add(reads.parameters, mistakes: reads.mistakes, of: command.name) }
    let value = try command.run(self)
    if let mistake = reads.mistakes.first {
      throw Failure(
        "`\(command.name)` \(mistake)", help: "this is a bug in Summand: please report it",
        span: span)
    }
    let ignored = command.parameters.first { parameter in
      !reads.parameters.contains(parameter.name) && place(of: parameter) != nil
    }
    guard let ignored, let place = place(of: ignored) else { return value }
    throw Failure(
      "`\(ignored.words.first ?? ignored.name)` has no effect here",
      help: "omit it, or see `help \(command.name)`", span: place)
  }

  /// Where the argument of a parameter stands; nil if it is not given.
  private func place(of parameter: Command.Parameter) -> SourceSpan? {
    if parameter.form == .assignment, let first = arguments.assignments.first {
      return first.name.span
    }
    return arguments.values[parameter.name]?.first?.span ?? arguments.flags[parameter.name]?.span
  }

  private final class Reads {
    var parameters: Set<String> = []
    var mistakes: [String] = []
  }

  /// How an accessor takes it that a parameter is not given.
  enum Need {
    /// As nil: the declaration must say so.
    case optional
    /// Not at all: the declaration must say that it is required.
    case required
    /// As an empty list, which either allows.
    case list
  }

  /// Notes that the command looks at a parameter, and whether its declaration agrees.
  func reading(_ name: String, _ need: Need) {
    reads.parameters.insert(name)
    guard let parameter = command.parameters.first(where: { $0.name == name }) else {
      return mistake("reads '\(name)', which it does not declare")
    }
    switch need {
    case .optional where parameter.isRequired:
      mistake("reads '\(name)' as optional, and declares it as required")
    case .required where !parameter.isRequired:
      mistake("reads '\(name)' as required, and declares it as optional")
    case .optional, .required, .list: break
    }
  }

  /// Notes that the command and its declaration disagree.
  func mistake(_ text: String) { reads.mistakes.append(text) }

  /// Whether it is given. To ask is not to read.
  func has(_ parameter: String) -> Bool { arguments.values[parameter] != nil }

  /// Where it stands, from its first value to its last; where it is not given, the command's name.
  func span(of parameter: String) -> SourceSpan {
    let spans = (arguments.values[parameter] ?? []).map(\.span)
    return spans.dropFirst().reduce(spans.first ?? span) { $0.joined(with: $1) }
  }

  /// A parameter as it was written, with its keyword; nil where it is not given.
  func written(_ parameter: Command.Parameter) -> String? {
    if let flag = arguments.flags[parameter.name] { return flag.text }
    guard has(parameter.name) else { return nil }
    let text = session.source.text(in: span(of: parameter.name))
    return parameter.form == .positional ? text : "\(parameter.words.first ?? "") \(text)"
  }

  /// Everything that is written for a parameter.
  func expressions(_ parameter: String, _ need: Need = .list) -> [Lang.Expression] {
    reading(parameter, need)
    return arguments.values[parameter] ?? []
  }

  /// What is written after one of several keywords.
  func expressions(_ parameter: String, after keyword: String) -> [Lang.Expression] {
    reading(parameter, .list)
    return arguments.valuesAfterKeywords[keyword] ?? []
  }

  func hasFlag(_ flag: String) -> Bool {
    reading(flag, .optional)
    return arguments.flags[flag] != nil
  }

  /// What is written as `NAME = VALUE`.
  var assignments: [(name: Name, value: Lang.Expression)] {
    for parameter in command.parameters where parameter.form == .assignment {
      reading(parameter.name, .list)
    }
    return arguments.assignments
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

  func tableInput() throws -> TableValue {
    switch input {
    case .table(let table): return table
    case .circuit(let circuit): return circuit.table
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
