import Lang
import Model

/// One conversation with the language: the loaded model, the variables, and the text being run.
public final class Session: Interpreter {
  public let host: any Host
  /// The text being run: where errors point.
  private(set) var source = SourceText(name: "", text: "")
  var model: LanguageModel?
  /// What the prompt shows: the name under which the model was loaded.
  var modelName: String?
  /// `bos on` and `bos off`; nil leaves it to the model's files.
  var bosOverride: Bool?
  /// Divisions by zero in the columns of the verb at work.
  var divisionsByZero = 0
  lazy var pool = WorkerPool(width: host.threads)

  /// Innermost last: the session's own variables, then those of the calls under way.
  private var frames: [[String: Value]] = [[:]]
  private var functions: [String: UserFunction] = [:]
  private let scriptArguments: [(name: String, value: String)]
  private var depth = 0
  /// Files being read by `source`, outermost first.
  private var sourcing: [String] = []

  /// - Parameter arguments: `name=value` from the command line, for `arguments` to declare.
  public init(host: any Host, arguments: [(name: String, value: String)] = []) {
    self.host = host
    scriptArguments = arguments
  }

  // MARK: - Interpreter

  public var promptName: String { modelName ?? "summand" }

  public func completeness(of text: String) -> Completeness {
    Lang.completeness(of: SourceText(name: "", text: text))
  }

  public func complete(line: String, cursor: Int) -> Completion {
    Completer(session: self).complete(line: line, cursor: cursor)
  }

  public func run(_ source: SourceText, interactive: Bool) -> ExitStatus {
    let parsed = parse(source)
    for diagnostic in parsed.diagnostics { report(diagnostic, in: source) }
    if parsed.hasErrors { return .syntax }
    let outer = self.source
    self.source = source
    defer { self.source = outer }
    do {
      if !interactive { try checkArguments(in: parsed.script) }
      for statement in parsed.script.statements { try run(statement) }
      return .done
    } catch let failure as Failure {
      host.finishProgress()
      report(failure)
      return failure.status
    } catch is Interruption.Stopped {
      host.finishProgress()
      host.report("interrupted\n")
      return .interrupted
    } catch {
      host.finishProgress()
      report(Failure("\(error)"))
      return .failed
    }
  }

  // MARK: - Messages

  private func report(_ failure: Failure) {
    let diagnostic = Diagnostic(failure.message, at: failure.span, help: failure.help)
    report(diagnostic, in: failure.span == nil ? nil : failure.source ?? source)
  }

  private func report(_ diagnostic: Diagnostic, in source: SourceText?) {
    host.report(diagnostic.rendered(in: source, style: host.messageStyle) + "\n")
  }

  func warn(_ message: String, help: String? = nil, at span: SourceSpan) {
    report(Diagnostic(message, at: span, severity: .warning, help: help), in: source)
  }

  /// A plain line on standard error.
  func note(_ text: String) {
    host.report(host.messageStyle.paint(text, .location) + "\n")
  }

  // MARK: - Names

  /// Every name that a person could mean.
  var names: [String] { variables + Array(functions.keys) + Catalogue.all.map(\.name) }

  var variables: [String] { frames.flatMap(\.keys) }

  /// What a variable is, for completion.
  func kind(of variable: String) -> String? { lookUp(variable)?.kind }

  func lookUp(_ name: String) -> Value? {
    // A call sees its own names and the session's, not its caller's.
    if let value = frames.last?[name] { return value }
    return frames.first?[name]
  }

  func set(_ name: String, to value: Value) { frames[frames.count - 1][name] = value }

  /// - Throws: `Failure` for a name that means something already.
  private func checkIsFree(_ name: Name) throws {
    let taken: String? =
      if Catalogue.command(named: name.text) != nil {
        "a command"
      } else if Selector.Word(rawValue: name.text) != nil || name.text == "last" {
        "a selector"
      } else if Function(rawValue: name.text) != nil {
        "a function"
      } else if name.text == "args" || name.text == "_" || name.text == "missing" {
        "a name that the language itself uses"
      } else {
        nil
      }
    guard let taken else { return }
    throw Failure(
      "'\(name.text)' is \(taken)", help: "choose another name", span: name.span, source: source)
  }

  // MARK: - Statements

  private func run(_ statements: [Statement]) throws {
    for statement in statements { try run(statement) }
  }

  private func run(_ statement: Statement) throws {
    try placing(at: statement.span, in: source) {
      switch statement.kind {
      case .pipeline(let pipeline): try show(try run(pipeline))
      case .let(let name, let pipeline):
        try checkIsFree(name)
        let value = try run(pipeline)
        if case .nothing = value {
          throw Failure("this has no value to keep", span: pipeline.span)
        }
        set(name.text, to: value)
      case .def(let definition):
        try checkIsFree(definition.name)
        functions[definition.name.text] = UserFunction(definition: definition, source: source)
      case .for(let name, let list, let block):
        try checkIsFree(name)
        for value in try elements(of: list) {
          set(name.text, to: value)
          try run(block.statements)
        }
      case .if(let condition, let then, let otherwise):
        if try isTrue(condition) {
          try run(then.statements)
        } else if let otherwise {
          try run(otherwise.statements)
        }
      case .assert(let condition, let message): try assert(condition, message)
      case .source(let file): try runFile(file)
      case .time(let pipeline):
        let clock = ContinuousClock()
        let start = clock.now
        let value = try run(pipeline)
        let elapsed = clock.now - start
        try show(value)
        note("took \(Self.seconds(elapsed))")
      }
    }
  }

  private static func seconds(_ duration: Duration) -> String {
    let seconds =
      Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
    let (value, unit) = seconds < 1 ? (seconds * 1000, "ms") : (seconds, "s")
    return "\((value * 100).rounded() / 100) \(unit)"
  }

  private func elements(of list: Lang.Expression) throws -> [Value] {
    switch try evaluate(list) {
    case .list(let values): return values
    case .prompts(let set):
      return set.prompts.map { prompt in
        var one = set
        one.prompts = [prompt]
        return .prompts(one)
      }
    case .selector(let selector):
      return try eachPlace(of: selector)
    case let other:
      throw Failure(
        "`for` needs a list, not \(other.kind)",
        help: "a range (0..29), [a, b], or a table's column",
        span: list.span)
    }
  }

  /// One selector a component, each at the position that all were given.
  private func eachPlace(of selector: Selector) throws -> [Value] {
    let configuration = try requireModel().configuration
    // What can only be looked at, a head's keys, can be gone through as well.
    let places =
      try (try? selector.places(on: configuration, for: .editing))
      ?? selector.places(on: configuration, for: .reading)
    let position = selector.position.map { "@\($0.text)" } ?? ""
    return try places.map { .selector(try Selector(parsing: $0.label + position)) }
  }

  private func isTrue(_ condition: Lang.Expression) throws -> Bool {
    let evaluator = Evaluator(session: self, row: nil)
    guard let truth = try evaluator.truth(condition) else {
      throw Failure("this is missing, neither true nor false", span: condition.span)
    }
    return truth
  }

  private func assert(_ condition: Lang.Expression, _ message: Lang.Expression?) throws {
    if try isTrue(condition) { return }
    let said = try message.flatMap { try evaluate($0).shortText }
    var failure = Failure(
      said.map { "assertion failed: \($0)" } ?? "assertion failed", status: .assertion,
      span: condition.span, source: source)
    if case .binary(let op, let left, let right) = condition.kind, op != .and, op != .or,
      let a = try evaluate(left).shortText, let b = try evaluate(right).shortText
    {
      failure.help = "the left side is \(a), the right side \(b)"
    }
    throw failure
  }

  private func runFile(_ file: Lang.Expression) throws {
    let path = try bareText(file)
    guard !sourcing.contains(path) else {
      throw Failure("'\(path)' reads itself", span: file.span)
    }
    let bytes = try placing(at: file.span) { try readBytes(path: path) }
    let outer = source
    let text: SourceText
    do {
      text = try SourceText(name: path, validating: bytes)
    } catch let diagnostic {
      report(diagnostic, in: nil)
      throw Failure("'\(path)' is not UTF-8", status: .syntax, span: file.span)
    }
    let parsed = parse(text)
    for diagnostic in parsed.diagnostics { report(diagnostic, in: text) }
    if parsed.hasErrors {
      throw Failure("'\(path)' did not parse", status: .syntax, span: file.span)
    }
    source = text
    sourcing.append(path)
    defer {
      source = outer
      sourcing.removeLast()
    }
    try run(parsed.script.statements)
  }

  // MARK: - Script arguments

  /// Arguments that no `arguments` statement of the script declares are an error before anything
  /// runs.
  private func checkArguments(in script: Script) throws {
    guard !scriptArguments.isEmpty, source.name != "--model", source.name != "SUMMAND_MODEL" else {
      return
    }
    let declared = script.statements.flatMap { statement -> [String] in
      guard case .pipeline(let pipeline) = statement.kind,
        case .command(let name, let arguments)? = pipeline.stages.first?.kind,
        name.text == "arguments"
      else { return [] }
      return arguments.compactMap(\.declaredName)
    }
    for (name, _) in scriptArguments where !declared.contains(name) {
      throw Failure(
        declared.isEmpty
          ? "this script takes no arguments, and was given '\(name)'"
          : "this script has no argument '\(name)'",
        help: suggestion(for: name, among: declared).map { "did you mean \($0)=…?" }
          ?? (declared.isEmpty
            ? "a script declares its arguments: arguments \(name)=DEFAULT"
            : "it has: \(declared.joined(separator: ", "))"),
        status: .usage)
    }
  }

  /// What the command line gave for an argument: a number where it looks like one.
  func scriptArgument(_ name: String) -> Value? {
    guard let text = scriptArguments.last(where: { $0.name == name })?.value else { return nil }
    if let integer = Int(text) { return .integer(integer) }
    if let number = Double(text), number.isFinite { return .number(number) }
    return .text(text)
  }

  // MARK: - Pipelines

  func evaluate(_ expression: Lang.Expression) throws -> Value {
    try Evaluator(session: self, row: nil).evaluate(expression)
  }

  /// An expression of another text, with names of its own: a parameter's default, which may speak of
  /// the parameters before it.
  func evaluate(_ expression: Lang.Expression, in text: SourceText, seeing names: [String: Value])
    throws -> Value
  {
    let outer = source
    source = text
    frames.append(names)
    defer {
      source = outer
      frames.removeLast()
    }
    return try evaluate(expression)
  }

  func run(_ pipeline: Pipeline) throws -> Value {
    depth += 1
    defer { depth -= 1 }
    guard depth < 200 else {
      throw Failure("calls are nested too deeply", help: "does a `def` call itself?")
    }
    var value = Value.nothing
    for (i, stage) in pipeline.stages.enumerated() {
      let next = i + 1 < pipeline.stages.count ? pipeline.stages[i + 1] : nil
      value = try placing(at: stage.span, in: source) {
        try run(stage, input: value, isFirst: i == 0, rowsWanted: next?.rowLimit)
      }
    }
    return value
  }

  private func run(_ stage: Stage, input: Value, isFirst: Bool, rowsWanted: Int?) throws -> Value {
    switch stage.kind {
    case .command(let name, let arguments):
      return try call(name, arguments, input: input, rowsWanted: rowsWanted)
    case .expression(let expression):
      if case .name(let text) = expression.kind, lookUp(text) == nil {
        let name = Name(text: text, span: expression.span)
        if Catalogue.command(named: text) != nil || functions[text] != nil {
          return try call(name, [], input: input, rowsWanted: rowsWanted)
        }
      }
      if case .call(let name, let arguments) = expression.kind, functions[name.text] != nil {
        return try call(name, arguments, input: input)
      }
      guard isFirst else {
        throw Failure(
          "a value cannot stand after `|`", help: "only commands take what a pipe brings")
      }
      return try evaluate(expression)
    case .shell(let command):
      return try ShellCommand(session: self).run(command, input: input)
    }
  }

  func call(_ name: Name, _ arguments: [Argument], input: Value, rowsWanted: Int? = nil) throws
    -> Value
  {
    if let function = functions[name.text] {
      return try call(function, name, arguments, input: input)
    }
    guard let command = Catalogue.command(named: name.text) else {
      let what = lookUp(name.text).map { "'\(name.text)' is \($0.kind), not a command" }
      throw Failure(
        what ?? "there is no command '\(name.text)'",
        help: suggestion(for: name.text, among: names).map { "did you mean `\($0)`?" }
          ?? "`help` lists the commands", span: name.span)
    }
    if case .none = command.input {
      guard case .nothing = input else {
        throw Failure("`\(command.name)` takes nothing from a pipe", span: name.span)
      }
    }
    var binder = Binder(command, named: name)
    let bound = try binder.bind(arguments)
    return try command.run(
      Invocation(
        command: command, name: name, input: input, arguments: bound, session: self,
        rowsWanted: rowsWanted))
  }

  private func call(
    _ function: UserFunction, _ name: Name, _ arguments: [Argument], input: Value
  ) throws -> Value {
    let names = try function.bind(arguments, input: input, name: name, in: self)
    frames.append(names)
    let outer = source
    source = function.source
    defer {
      frames.removeLast()
      source = outer
    }
    return try placing(at: name.span, in: outer) {
      var result = Value.nothing
      for (i, statement) in function.definition.body.statements.enumerated() {
        let isLast = i == function.definition.body.statements.count - 1
        if isLast, case .pipeline(let pipeline) = statement.kind {
          result = try run(pipeline)
        } else {
          try run(statement)
        }
      }
      return result
    }
  }

  // MARK: - Values

  /// Prints a value, and keeps it as `_`.
  private func show(_ value: Value) throws {
    if case .nothing = value { return }
    frames[0]["_"] = value
    try Printer(host: host).print(value)
  }
}

extension Argument {
  /// The name that an argument of `arguments` declares.
  var declaredName: String? {
    switch kind {
    case .named(let name, _): name.text
    case .value(let expression):
      if case .name(let name) = expression.kind { name } else { nil }
    case .option, .arrow: nil
    }
  }
}

extension Stage {
  /// How many rows of what comes in this stage looks at: `top N` and `take N` as they are mostly
  /// written.
  fileprivate var rowLimit: Int? {
    guard case .command(let name, let arguments) = kind, name.text == "top" || name.text == "take",
      arguments.count == 1, case .value(let expression) = arguments[0].kind,
      case .integer(let count) = expression.kind, count > 0
    else { return nil }
    return count
  }
}
