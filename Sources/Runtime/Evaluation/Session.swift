import Lang
import Model

/// One conversation with the language: the loaded models, the variables, and the text being run.
public final class Session: Interpreter {
  public let host: any Host
  /// The text being run: where errors point.
  var source = SourceText(name: "", text: "")
  var models = LoadedModels()
  /// In the order in which they were loaded.
  var dictionaries: [LoadedDictionary] = []
  /// A program that is given values and messages as they are; nil: a person reads text.
  weak var audience: (any Audience)?
  /// Of the text being run: models whose prompts were said to be of another than the one in use, each
  /// with that one.
  var namedForeign: Set<[ObjectIdentifier]> = []
  /// Models already reported, in this text, to have prompts longer than they were trained on.
  var warnedOfLength: Set<ObjectIdentifier> = []
  /// Where the results of runs are kept across processes; nil: nowhere.
  var store: RunStore?
  /// The statement being run.
  private(set) var statement = StatementRun()
  /// The report that is being made, while its block is run.
  var page: Page?
  /// What completion last worked out, until a text runs.
  var previewed: (text: String, preview: Preview?)?
  /// What has been printed.
  var printed = PrintedResults()
  /// The statements that were typed and did not fail.
  var typed: [String] = []
  /// The lesson that is being given at the prompt.
  var tutorial: Tutorial?
  /// What was drawn at random, and with which seeds.
  var draws: [(command: String, seed: Int)] = []
  lazy var pool = WorkerPool(width: settings.threads ?? host.threads)

  /// Innermost last: the session's own variables, then those of the calls under way.
  var frames: [[String: Value]] = [[:]]
  var functions: [String: UserFunction] = [:]
  /// What `metric` has given names.
  var metrics: [String: MetricExpression] = [:]
  /// What `set` has changed.
  public var settings = Settings()
  /// Whether what runs was typed at the prompt.
  private(set) var isInteractive = false
  /// How texts are run.
  public var options = RunOptions()
  let scriptArguments: [(name: String, value: String)]
  /// The calls of `def`s under way, outermost first.
  var calls: [Call] = []
  /// Files being read by `source`, outermost first.
  var sourcing: [String] = []
  /// Files that `source` has read to their ends.
  var sourced: Set<String> = []

  /// - Parameter arguments: `name=value` from the command line, for `arguments` to declare.
  public init(host: any Host, arguments: [(name: String, value: String)] = []) {
    self.host = host
    scriptArguments = arguments
  }

  /// What a session reads of the environment, and a host hands on.
  public static var environmentVariables: [String] {
    HubSettings.variables + ShardNumbers.variables + ["SOURCE_DATE_EPOCH"]
  }

  /// Keeps the results of runs in a folder, and takes from there what is kept already.
  ///
  /// - Throws: `Failure` where nothing can be written there.
  public func keepRuns(in folder: String) throws {
    try host.checkMayWrite(folder)
    store = try RunStore(path: folder, version: host.version) { [unowned self] message, help in
      report(Diagnostic(message, severity: .warning, help: help), in: nil)
    }
  }

  // MARK: - Interpreter

  public var promptName: String { models.inUse ?? "summand" }

  public func completeness(of text: String) -> Completeness {
    Lang.completeness(of: SourceText(name: "", text: text))
  }

  public func complete(line: String, cursor: Int) -> Completion {
    Completer(session: self).complete(line: line, cursor: cursor)
  }

  public func run(_ source: SourceText, interactive: Bool) -> ExitStatus {
    let source = interactive ? Self.searching(source) : source
    if interactive, let status = answered(source) { return status }
    let parsed = parse(source)
    for diagnostic in parsed.diagnostics { report(diagnostic, in: source) }
    if parsed.hasErrors { return .syntax }
    previewed = nil
    let outer = self.source
    self.source = source
    namedForeign = []
    warnedOfLength = []
    defer { self.source = outer }
    Memory.recover()
    let wasInteractive = isInteractive
    isInteractive = interactive
    defer { isInteractive = wasInteractive }
    let status = runStatements(of: parsed.script, interactive: interactive)
    if interactive, status == .done { goOnWithTutorial(after: source.text) }
    do {
      try store?.flush()
    } catch let failure as Failure {
      report(failure)
      return status == .done ? failure.status : status
    } catch {
      return .failed
    }
    return status
  }

  private func runStatements(of script: Script, interactive: Bool) -> ExitStatus {
    if !interactive {
      let status = reporting { try checkArguments(in: script) }
      if status != .done { return status }
    }
    var first = ExitStatus.done
    for statement in script.statements {
      if options.echoes, !interactive, !source.isOption {
        say("> " + source.text(in: statement.span))
      }
      let start = ContinuousClock.now
      defer {
        if interactive, settings.timer { say("took \(Self.seconds(ContinuousClock.now - start))") }
      }
      let status = reporting {
        self.statement = StatementRun()
        try run(statement)
        try checkThatRunsFinished()
      }
      if status == .done, interactive || audience != nil { noteTyped(statement) }
      if first == .done { first = status }
      if status != .done, !options.keepsGoing || interactive || status.endsAll { return first }
    }
    return first
  }

  /// Runs `body`, and reports what it throws.
  private func reporting(_ body: () throws -> Void) -> ExitStatus {
    do {
      try body()
      return .done
    } catch let failure as Failure {
      host.finishProgress()
      report(failure)
      return failure.status
    } catch is Interruption.Stopped {
      host.finishProgress()
      host.report(ExitStatus.stopped == .interrupted ? "interrupted\n" : "terminated\n")
      return .stopped
    } catch is Memory.Exhausted {
      host.finishProgress()
      report(.memoryExhausted)
      return .failed
    } catch {
      host.finishProgress()
      report(Failure("\(error)"))
      return .failed
    }
  }

  // MARK: - Messages

  private var messageStyle: DiagnosticStyle {
    settings.colour.map { .coloured($0) } ?? host.messageStyle
  }

  func report(_ failure: Failure) {
    report(failure.diagnostic, in: failure.span == nil ? nil : failure.source ?? source)
  }

  func report(_ diagnostic: Diagnostic, in source: SourceText?) {
    // What a plan's made-up numbers look like is nobody's concern.
    if !statement.runner.isHeard, diagnostic.severity == .warning { return }
    if diagnostic.severity == .warning { page?.warn(diagnostic.message, help: diagnostic.help) }
    if let audience { return audience.tell(diagnostic, in: source) }
    switch host.messageFormat {
    case .text: host.report(diagnostic.rendered(in: source, style: messageStyle) + "\n")
    case .json: host.report(diagnostic.json(in: source) + "\n")
    }
  }

  func warn(_ message: String, help: String? = nil, at span: SourceSpan) {
    report(Diagnostic(message, at: span, severity: .warning, help: help), in: source)
  }

  /// A plain line on standard error, and in a report.
  func note(_ text: String) {
    if !statement.runner.isHeard { return }
    let text = shortened(text)
    page?.note(text)
    if !options.isQuiet { say(text) }
  }

  /// A plain line on standard error alone: what another machine would say differently.
  func say(_ text: String) {
    if let audience { return audience.tell(note: text) }
    switch host.messageFormat {
    case .text: host.report(messageStyle.paint(withPictures(text), .location) + "\n")
    case .json: host.report(MessageFormat.json(note: text) + "\n")
    }
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

  /// What `$name` stands for.
  func requireVariable(_ name: String) throws -> Value {
    if let value = lookUp(name) { return value }
    throw Failure(
      "there is no variable `$\(name)`",
      help: suggestion(for: name, among: variables).map { "did you mean `$\($0)`?" })
  }

  func set(_ name: String, to value: Value) { frames[frames.count - 1][name] = value }

  /// - Throws: `Failure` for a variable's name that means something else already.
  func checkIsFree(_ name: Name) throws {
    try checkIsNotReserved(name)
    guard functions[name.text] == nil else {
      throw Failure(
        "'\(name.text)' is a `def`", help: "choose another name", span: name.span, source: source)
    }
  }

  /// - Throws: `Failure` for the name of a `def` that the language or a variable has already.
  func checkIsFree(_ definition: Definition) throws {
    try checkIsNotReserved(definition.name)
    for parameter in definition.parameters { try checkIsNotReserved(parameter.name) }
    guard lookUp(definition.name.text) == nil else {
      throw Failure(
        "'\(definition.name.text)' is a variable", help: "choose another name",
        span: definition.name.span, source: source)
    }
  }

  /// What a name means without any script.
  static func reservedMeaning(of name: String) -> String? {
    if Catalogue.command(named: name)?.yieldsToNames == false {
      "a command"
    } else if Selector.Word(rawValue: name) != nil || name == "last" {
      "a selector"
    } else if Function(rawValue: name) != nil {
      "a function"
    } else if name == "args" || name == "_" || name == "missing" {
      "a name that the language itself uses"
    } else {
      nil
    }
  }

  private func checkIsNotReserved(_ name: Name) throws {
    let meaning = metrics[name.text] == nil ? Self.reservedMeaning(of: name.text) : "a metric"
    guard let taken = meaning else { return }
    throw Failure(
      "'\(name.text)' is \(taken)", help: "choose another name", span: name.span, source: source)
  }
}
