import ArgumentParser
import Lang
import Runtime

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

@main
struct Main {
  static func main() {
    StandardStreams.fill()
    handleSignals()
    let arguments = Array(CommandLine.arguments.dropFirst())
    LargeStack.run {
      let status = status(of: arguments) { surroundings in
        let session = Session(host: SessionHost(surroundings), arguments: surroundings.bindings)
        session.options = surroundings.options
        if let store = surroundings.store { try session.keepRuns(in: store) }
        return session
      }
      exit(status.rawValue)
    }
  }

  /// Not a part of `main`, whose closures belong to the main actor: a handler also runs on the
  /// large stack's thread, where the check of that actor would end the process.
  private nonisolated static func handleSignals() {
    // A write to a pipe that nobody reads, or beyond `ulimit -f`, is an error like any other, not the
    // end by a signal. A handler, unlike SIG_IGN, is not handed down to the commands after `!`.
    for number in [SIGPIPE, SIGXFSZ] { signal(number) { _ in } }
    // Ignored, as some programs hand it down, it would take away how a command ended.
    signal(SIGCHLD, SIG_DFL)
  }

  /// - Parameter makeSession: makes what runs the texts.
  static func status(
    of arguments: [String], makeSession: @escaping (Surroundings) throws -> any Interpreter
  ) -> ExitStatus {
    let options: Options
    if let tool = tool(arguments) { return tool }
    if let answer = ScriptHelp.answer(to: arguments) { return answer }
    if let simple = Options(simple: arguments) {
      options = simple
    } else {
      do {
        var command = try Options.parseAsRoot(arguments)
        guard let parsed = command as? Options else {
          // `--help` is a command of the parser's own, which throws its text.
          try command.run()
          return .done
        }
        options = parsed
      } catch {
        return answer(to: error, of: Options.self)
      }
    }
    let process = ShellProcess(
      options: options, environment: Environment(), makeSession: makeSession)
    do {
      return try process.run()
    } catch let failure as Failure {
      process.console.flush()
      report(failure, as: options.messageFormat)
      return failure.status
    } catch {
      process.console.report(withPictures("summand: \(error)\n"))
      return .failed
    }
  }

  /// `check`, `fmt` and `serve`, before which no option may stand: the parser would take them for scripts.
  private static func tool(_ arguments: [String]) -> ExitStatus? {
    let rest = Array(arguments.dropFirst())
    switch arguments.first {
    case CheckCommand.configuration.commandName:
      return run(CheckCommand.self, rest) {
        $0.status(on: Terminal(environment: Environment()))
      }
    case FormatCommand.configuration.commandName:
      return run(FormatCommand.self, rest) { $0.status() }
    case ServeCommand.configuration.commandName:
      return run(ServeCommand.self, rest) { $0.status() }
    default: return nil
    }
  }

  private static func run<Tool: ParsableCommand>(
    _: Tool.Type, _ arguments: [String], _ status: (Tool) -> ExitStatus
  ) -> ExitStatus {
    do {
      return status(try Tool.parse(arguments))
    } catch {
      return answer(to: error, of: Tool.self)
    }
  }

  /// `--help` and its like are answers, everything else is bad usage, whose status is ours to say.
  private static func answer(to error: any Error, of command: any ParsableCommand.Type)
    -> ExitStatus
  {
    let message = command.fullMessage(for: error)
    let isAnswer = command.exitCode(for: error) == .success
    // The message quotes the words of the command line.
    let code = writeAll(
      (withPictures(message) + "\n").utf8, to: isAnswer ? STDOUT_FILENO : STDERR_FILENO)
    guard isAnswer else { return .usage }
    return code == 0 ? .done : Console.failure(toWrite: code)
  }

  /// What went wrong outside of any text of the language.
  static func report(_ failure: Failure, as format: MessageFormat) {
    let text =
      switch format {
      case .text:
        withPictures(
          "summand: \(failure.message)\n" + (failure.help.map { "  help: \($0)\n" } ?? ""))
      case .json: Diagnostic(failure.message, help: failure.help).json(in: nil) + "\n"
      }
    _ = writeAll(text.utf8, to: STDERR_FILENO)
  }
}
