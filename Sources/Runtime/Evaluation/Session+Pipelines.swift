import Lang

// How a value goes from stage to stage.
extension Session {
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
    try keepingModel { try runStages(of: pipeline) }
  }

  /// What `with` chooses in `body` holds to its end, and no longer.
  func keepingModel<T>(_ body: () throws -> T) rethrows -> T {
    let outer = models.inPipeline
    defer { models.inPipeline = outer }
    return try body()
  }

  /// The stages of a pipeline, whose `with` holds on after them.
  ///
  /// - Parameter follower: a stage that would come after them.
  func runStages(of pipeline: Pipeline, before follower: Stage? = nil) throws -> Value {
    var value = Value.nothing
    let outer = statement.pipeline
    statement.pipeline = (source, pipeline.span)
    defer { statement.pipeline = outer }
    for (i, stage) in pipeline.stages.enumerated() {
      let next = i + 1 < pipeline.stages.count ? pipeline.stages[i + 1] : follower
      value = try placing(at: stage.span, in: source) {
        try run(stage, input: value, isFirst: i == 0, before: next)
      }
    }
    if case .nothing = value, let last = pipeline.stages.last,
      let command = last.command, let help = command.needsFollower
    {
      throw Failure(
        "`\(command.name)` needs a command after it in the pipeline",
        help: help, span: last.span)
    }
    return value
  }

  /// - Parameter next: the stage after it, which may ask for less than all of it.
  func run(_ stage: Stage, input: Value, isFirst: Bool, before next: Stage?) throws -> Value {
    switch stage.kind {
    case .command(let name, let arguments):
      return try call(name, arguments, input: input, before: next)
    case .expression(let expression):
      if case .name(let text) = expression.kind, lookUp(text) == nil {
        let name = Name(text: text, span: expression.span)
        // After `|` a word can only be meant as a command: one that is none is a mistake in it.
        if !isFirst || Catalogue.command(named: text) != nil || functions[text] != nil {
          return try call(name, [], input: input, before: next)
        }
      }
      if case .call(let name, let arguments) = expression.kind, functions[name.text] != nil {
        return try call(name, arguments, input: input)
      }
      guard isFirst else { throw valueAfterPipe(expression) }
      return try evaluate(expression)
    case .shell(let command):
      return try ShellCommand(session: self).run(command, input: input)
    }
  }

  /// Words that end the prompt, where the shell takes them; the language has no such commands.
  public static let promptEndings = ["exit", "quit"]

  /// What may help where there is nothing of that name.
  func helpForUnknown(_ name: String) -> String? {
    helpForUnknownCommand(name, among: variables + Array(functions.keys))
  }

  private func valueAfterPipe(_ expression: Lang.Expression) -> Failure {
    if case .binary(.subtract, let left, let right) = expression.kind,
      case .name(let name) = left.kind, Catalogue.command(named: name) != nil
    {
      let argument = source.text(in: right.span)
      return Failure(
        "`\(excerpt(source.text(in: expression.span)))` is a subtraction",
        help: "no space after the minus makes it an argument: \(name) -\(excerpt(argument))")
    }
    return Failure(
      "a value cannot follow `|`", help: "only commands take input from a pipe")
  }

  /// - Parameter evaluate: how the arguments of a `def` are evaluated; nil: as the session's own.
  func call(
    _ name: Name, _ arguments: [Argument], input: Value, before next: Stage? = nil,
    evaluate: ((Lang.Expression) throws -> Value)? = nil
  ) throws -> Value {
    if let function = functions[name.text] {
      return try call(
        function, name, arguments, input: input, evaluate: evaluate ?? self.evaluate)
    }
    guard let command = Catalogue.command(named: name.text) else {
      let what = lookUp(name.text).map { "'\(name.text)' is \($0.kind), not a command" }
      throw Failure(
        what ?? "there is no command '\(name.text)'",
        help: helpForUnknown(name.text) ?? "`help` lists the commands", span: name.span)
    }
    if case .none = command.input {
      guard case .nothing = input else {
        throw Failure("`\(command.name)` takes no input from a pipe", span: name.span)
      }
    }
    var binder = Binder(command, named: name, in: source)
    let bound = try binder.bind(arguments)
    defer {
      warnOfNotFinite(at: name.span)
      statement.silentFeatures = SilentFeatures()
    }
    try placing(at: name.span) { try check(command, takes: input) }
    let value = try Invocation(
      command: command, name: name, input: try asSet(input, for: command), arguments: bound,
      session: self,
      next: Invocation.NextStage(
        rows: next?.rowLimit(in: source), takesStream: next?.takesStream ?? false,
        isMissing: next == nil)
    ).run()
    warnOfSilentFeatures(at: name.span)
    return note(name, arguments, in: value)
  }

  /// A list of prompts is a set to a command that takes either prompts or a table.
  private func asSet(_ input: Value, for command: Command) throws -> Value {
    guard case .any = command.input, case .list(let values) = input, !values.isEmpty,
      values.allSatisfy({ if case .prompts = $0 { true } else { false } })
    else { return input }
    return .prompts(try asPrompts(input))
  }

  private func call(
    _ function: UserFunction, _ name: Name, _ arguments: [Argument], input: Value,
    evaluate: (Lang.Expression) throws -> Value
  ) throws -> Value {
    let names = try function.bind(
      arguments, input: input, name: name, in: self, evaluate: evaluate)
    return try calling(name) { try run(function, on: names, name) }
  }

  private func run(_ function: UserFunction, on names: [String: Value], _ name: Name) throws
    -> Value
  {
    frames.append(names)
    let outer = source
    source = function.source
    defer {
      frames.removeLast()
      source = outer
    }
    let statements = function.definition.body.statements
    return try placing(at: name.span, in: outer) {
      try leading(to: "`\(excerpt(name.text, limit: 40))` was called", at: name.span, in: outer) {
        try run(Array(statements.dropLast()))
        return try statements.last.map(result) ?? .nothing
      }
    }
  }

  /// What the last statement of a `def` comes to: nothing where it is no pipeline, nor an `if` that
  /// leads to one.
  private func result(of statement: Statement) throws -> Value {
    switch statement.kind {
    case .pipeline(let pipeline): return try run(pipeline)
    case .if(let condition, let then, let otherwise):
      try checkStack(at: statement.span)
      return try placing(at: statement.span, in: source) {
        guard let block = try isTrue(condition) ? then : otherwise else { return .nothing }
        try run(Array(block.statements.dropLast()))
        return try block.statements.last.map(result) ?? .nothing
      }
    case .let, .def, .for, .assert, .source, .time, .plan, .report:
      try run(statement)
      return .nothing
    }
  }
}

extension Stage {
  fileprivate var command: Command? {
    if case .command(let name, _) = kind { Catalogue.command(named: name.text) } else { nil }
  }

  /// Whether it takes a result that is computed as it is pulled.
  fileprivate var takesStream: Bool {
    switch kind {
    case .command(let name, _):
      name.text == Command.save.name || name.text == Command.vector.name
    case .expression(let expression):
      if case .name(Command.vector.name) = expression.kind { true } else { false }
    case .shell: false
    }
  }

  /// How many rows of what comes in this stage looks at, where its command says so.
  ///
  /// - Parameter source: the text that it stands in.
  func rowLimit(in source: SourceText) -> Int? {
    guard case .command(let name, let arguments) = kind, let command, let limit = command.rowLimit
    else { return nil }
    var binder = Binder(command, named: name, in: source)
    guard let count = (try? binder.bind(arguments))?.onlyNumber(limit), count > 0 else {
      return nil
    }
    return count
  }
}

/// What may help where there is no command of that name: a slip of the fingers, or a word that other
/// tools use.
///
/// - Parameter names: names of the script.
func helpForUnknownCommand(_ name: String, among names: [String]) -> String? {
  if name == "edit" {
    return "`edit` alone on a line of the prompt opens the last entry in $EDITOR"
  }
  if Session.promptEndings.contains(name) {
    return "`\(name)` ends the prompt; a script ends with its text"
  }
  if ["clear", "cls"].contains(name) { return "Ctrl-L clears the screen" }
  if let synonym = Synonyms.help(for: name) { return synonym }
  return suggestion(for: name, among: names + Catalogue.all.map(\.name)).map {
    "did you mean `\($0)`?"
  }
}
