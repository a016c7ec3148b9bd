import ArgumentParser
import Lang
import Model
import Runtime

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// `summand serve`: a session for another program.
struct ServeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve",
    abstract: "Answer requests of another program: a line of JSON each, on the standard streams.",
    usage: "summand serve [options]",
    discussion: """
      docs/serve.md describes the requests and the answers. Scripts/python has a Python package that \
      speaks them. Ends at the end of standard input.
      """)

  @Option(help: ArgumentHelp("Load this model first.", valueName: "name-or-path"))
  var model: String?

  @Option(help: ArgumentHelp("Use this many threads.", valueName: "number"))
  var threads: Int?

  @Option(
    help: ArgumentHelp(
      "Memory for runs and tables: 2GB, 512MB. Default: half of what is free.",
      valueName: "size"))
  var memory: MemoryBudget?

  @Option(
    help: ArgumentHelp("Keep the results of runs in this folder.", valueName: "folder"),
    completion: .directory)
  var store: String?

  @Flag(
    name: .customLong("safe"),
    help: "Refuse `!`, and writing outside of the working directory.")
  var isSafe = false

  func validate() throws {
    try Options.validate(model: model, threads: threads)
  }

  func status() -> ExitStatus {
    do {
      return try serve()
    } catch let failure as Failure {
      Main.report(failure, as: .text)
      return failure.status
    } catch {
      Main.report(Failure("\(error)"), as: .text)
      return .failed
    }
  }

  private func serve() throws -> ExitStatus {
    ShellProcess.allowMemory(memory)
    let environment = Environment()
    let terminal = Terminal(environment: environment, colour: .never)
    let surroundings = Surroundings(
      console: Console(terminal: terminal), terminal: terminal, bindings: [], format: .table,
      confinement: try Confinement.ofWorkingDirectory(where: isSafe), threads: threads,
      history: History())
    let streams = try ServeStreams()
    let desk = ServeDesk { streams.send($0) }
    let server = Server(host: SessionHost(surroundings), desk: desk) { streams.drain(to: desk) }
    if let store { try server.keepRuns(in: store) }
    Interrupts.install()
    if let load = ShellProcess.load(model, environment) {
      let status = Interrupts.during { server.prepare(load) }
      if status != .done { return status }
    }
    server.greet()
    return ServeLoop(server: server, desk: desk, streams: streams).run()
  }
}
