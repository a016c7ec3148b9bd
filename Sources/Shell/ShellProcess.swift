import Lang
import Model
import Runtime

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// One run of the program, from its options to its exit status.
struct ShellProcess {
  let options: Options
  let environment: Environment
  let terminal: Terminal
  let console: Console

  private let makeSession: (Surroundings) throws -> any Interpreter

  /// - Parameter makeSession: makes what runs the texts.
  init(
    options: Options, environment: Environment,
    makeSession: @escaping (Surroundings) throws -> any Interpreter
  ) {
    self.options = options
    self.environment = environment
    self.makeSession = makeSession
    terminal = Terminal(environment: environment, colour: options.colour)
    console = Console(terminal: terminal, isQuiet: options.isQuiet)
  }

  func run() throws -> ExitStatus {
    Self.allowMemory(options.memory)
    try chooseStyles()
    let status: ExitStatus
    if options.isInteractive {
      guard let drawing = terminal.drawingDescriptor() else {
        throw Failure("-i needs a terminal on standard input", status: .usage)
      }
      status = try runPrompt(drawingOn: drawing, after: try source())
    } else if let source = try source() {
      status = try runScript(source)
    } else if options.script == nil, let drawing = terminal.drawingDescriptor() {
      status = try runPrompt(drawingOn: drawing)
    } else {
      status = try runScript(ScriptFile.standardInput())
    }
    console.finishProgress()
    console.flush()
    return status
  }

  private func chooseStyles() throws {
    guard let styles = environment["SUMMAND_COLORS"] else { return }
    do {
      try Style.choose(styles)
    } catch let failure as Failure {
      throw Failure(
        "SUMMAND_COLORS: \(failure.message)", help: failure.help, status: .usage)
    }
  }

  /// The text that the options give; nil where standard input is to have it.
  private func source() throws -> SourceText? {
    if let source = options.source { return SourceText(name: "-c", text: source) }
    guard let script = options.script, script != "-" else { return nil }
    return try ScriptFile.file(script)
  }

  private func runScript(_ source: SourceText) throws -> ExitStatus {
    let interpreter = try makeSession(surroundings(history: History()))
    Interrupts.install()
    return Interrupts.during {
      let loaded = loadModel(with: interpreter, interactive: false)
      let status = loaded == .done ? interpreter.run(source, interactive: false) : loaded
      console.flush()
      // What could not be written, because nobody reads, was given up.
      let isStopped = Interruption.requested.load(ordering: .relaxed)
      return status == .done && isStopped ? Interrupts.endStatus ?? .interrupted : status
    }
  }

  /// - Parameter source: what runs before the first line is asked for.
  private func runPrompt(
    drawingOn descriptor: Int32, after source: SourceText? = nil
  ) throws -> ExitStatus {
    let history = openHistory()
    let interpreter = try makeSession(surroundings(history: history))
    guard
      let editor = LineEditor(
        program: "summand", input: STDIN_FILENO, output: descriptor, terminal: terminal,
        historySize: HistoryFile.defaultLimit)
    else {
      throw Failure("the terminal cannot be used for a prompt", help: "give a script, or -c SOURCE")
    }
    Interrupts.install()
    if source == nil { editor.send(greeting) }
    TypedKeys.hidden(on: editor.input) {
      Interrupts.during {
        let loaded = loadModel(with: interpreter, interactive: true)
        if let source, loaded == .done { _ = interpreter.run(source, interactive: false) }
        runInit(with: interpreter)
      }
      console.finishProgress()
      console.flush()
    }
    return PromptLoop(
      interpreter: interpreter, editor: editor, history: history, console: console,
      environment: environment
    ).run()
  }

  /// What a person wants at every prompt. Scripts never see it: results must not depend on it.
  private func runInit(with interpreter: any Interpreter) {
    let folder =
      environment["XDG_CONFIG_HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil }
      ?? environment.home.map { $0 + "/.config" }
    guard !options.hasNoInit, let folder else { return }
    let path = folder + "/summand/init.summand"
    guard access(path, F_OK) == 0 else { return }
    do {
      _ = interpreter.run(try ScriptFile.file(path), interactive: true)
    } catch let failure as Failure {
      Main.report(failure, as: options.messageFormat)
    } catch {
      Main.report(Failure("\(error)"), as: options.messageFormat)
    }
  }

  private func surroundings(history: History) throws -> Surroundings {
    var run = RunOptions()
    run.keepsGoing = options.keepsGoing
    run.echoes = options.echoes
    run.isQuiet = options.isQuiet
    return Surroundings(
      console: console, terminal: terminal, bindings: try options.bindings(),
      format: options.format ?? (terminal.isTerminal(.output) ? .table : .tsv),
      messageFormat: options.messageFormat, options: run,
      confinement: try Confinement.ofWorkingDirectory(where: options.isSafe),
      threads: options.threads, history: history, store: options.store)
  }

  private var greeting: String {
    "Summand \(Version.current). `tutorial` teaches, `help` lists the commands, Ctrl-D exits.\n"
  }

  private func openHistory() -> History {
    let file = options.hasNoHistory ? nil : HistoryFile(environment: environment)
    do throws(HistoryFile.Failure) {
      return try History(file: file)
    } catch {
      console.report(withPictures("summand: \(error.message); this session's is not kept\n"))
      return History()
    }
  }

  private func loadModel(with interpreter: any Interpreter, interactive: Bool) -> ExitStatus {
    guard let load = Self.load(options.model, environment) else { return .done }
    return interpreter.run(load, interactive: interactive)
  }

  /// `--model` and SUMMAND_MODEL are a `load` before anything else.
  static func load(_ model: String?, _ environment: Environment) -> SourceText? {
    let (name, origin) =
      model.map { ($0, "--model") }
      ?? environment["SUMMAND_MODEL"].map { ($0, "SUMMAND_MODEL") } ?? ("", "")
    return name.isEmpty ? nil : SourceText(name: origin, text: "load \(quoted(name))")
  }

  static func allowMemory(_ budget: MemoryBudget?) {
    if let budget { Memory.allowed.store(budget.bytes, ordering: .relaxed) }
    Memory.watch()
  }

  /// `text` as a string of the language.
  static func quoted(_ text: String) -> String {
    let escaped = text.map { character in
      switch character {
      case "\\": "\\\\"
      case "\"": "\\\""
      case "\n": "\\n"
      case "\r", "\r\n": "\\r" + (character == "\r\n" ? "\\n" : "")
      case "\t": "\\t"
      default: String(character)
      }
    }
    return "\"\(escaped.joined())\""
  }

}

extension Confinement {
  /// What `--safe` allows; nil where it is not given.
  static func ofWorkingDirectory(where isSafe: Bool) throws -> Confinement? {
    guard isSafe else { return nil }
    guard let confinement = Confinement(folder: ".") else {
      throw Failure("--safe needs a working directory, and there is none", status: .usage)
    }
    return confinement
  }
}
