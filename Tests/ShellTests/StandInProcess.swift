import Foundation
import Testing

@testable import summand

/// The program over the stand-in language, from its arguments to its end. For the child process of
/// an exit test.
private func runStandIn(_ arguments: [String]) -> Never {
  signal(SIGPIPE, SIG_IGN)
  exit(Main.status(of: arguments) { StandInInterpreter(surroundings: $0) }.rawValue)
}

/// The same at a prompt, on the terminal at `path`, without a history's file or an `.editrc`
/// unless `environment` names one.
func runStandInPrompt(
  on path: String, _ arguments: [String] = [], environment: [String: String] = [:]
) -> Never {
  attach(to: path, environment: environment)
  runStandIn(arguments)
}

/// The built program on the terminal at `path`, with `folder` as its working directory.
func runProgram(
  on path: String, _ arguments: [String], environment: [String: String], in folder: String
) -> Never {
  attach(to: path, environment: environment)
  chdir(folder)
  let words = ([BuiltProgram.path] + arguments).map { strdup($0) } + [nil]
  execv(BuiltProgram.path, words)
  fatalError("\(BuiltProgram.path): \(String(cString: strerror(errno)))")
}

private func attach(to path: String, environment: [String: String]) {
  PseudoTerminal.attach(path: path)
  for name in ["NO_COLOR", "CLICOLOR_FORCE", "COLUMNS", "SUMMAND_MODEL", "LC_ALL", "LC_CTYPE"] {
    unsetenv(name)
  }
  let usual = [
    "TERM": "xterm", "LANG": "C.UTF-8", "SUMMAND_HISTORY": "", "EDITRC": "/nonexistent",
  ]
  for (name, value) in usual.merging(environment, uniquingKeysWith: { $1 }) {
    setenv(name, value, 1)
  }
}

/// The built program on a terminal of its own, with somebody at the keyboard.
func onTerminal(
  _ arguments: [String], environment: [String: String] = [:],
  in folder: String = NSTemporaryDirectory(), endsWith status: Int32 = 0,
  _ person: @escaping @Sendable (PseudoTerminal) throws -> Void
) async throws {
  let terminal = try PseudoTerminal()
  let typing = atKeyboard(of: terminal, person)
  await #expect(processExitsWith: .exitCode(status)) {
    [
      path = terminal.path as String, arguments = arguments as [String],
      environment = environment as [String: String], folder = folder as String
    ] in
    runProgram(on: path, arguments, environment: environment, in: folder)
  }
  try await typing.value
}

/// Lets `person` type on a thread of its own. If what should come does not, the terminal hangs up,
/// which ends the program on it.
func atKeyboard(
  of terminal: PseudoTerminal, _ person: @escaping @Sendable (PseudoTerminal) throws -> Void
) -> Task<Void, any Error> {
  nonisolated(unsafe) let terminal = terminal
  return Task {
    try await withCheckedThrowingContinuation { continuation in
      Thread.detachNewThread {
        continuation.resume(
          with: Result {
            do {
              try person(terminal)
            } catch {
              terminal.hangUp()
              throw error
            }
          })
      }
    }
  }
}

/// A folder of its own, gone afterwards.
func withTemporaryFolder<Result>(
  _ body: (String) async throws -> Result
) async throws -> Result {
  var template = Array("\(NSTemporaryDirectory())summand-XXXXXX".utf8CString)
  let folder = try #require(mkdtemp(&template).map { String(cString: $0) })
  defer { try? FileManager.default.removeItem(atPath: folder) }
  return try await body(folder)
}
