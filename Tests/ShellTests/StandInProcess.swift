import Foundation
import Synchronization
import Testing

@testable import summand

/// What runs on a terminal: the program over the stand-in language, in the test's own executable, or
/// the one that was built.
private enum Program: String, Codable {
  case standIn, built

  /// For the child process of an exit test.
  func run(_ arguments: [String]) -> Never {
    switch self {
    case .standIn:
      signal(SIGPIPE, SIG_IGN)
      exit(Main.status(of: arguments) { StandInInterpreter(surroundings: $0) }.rawValue)
    case .built:
      let words = ([BuiltProgram.path] + arguments).map { strdup($0) } + [nil]
      execv(BuiltProgram.path, words)
      fatalError("\(BuiltProgram.path): \(String(cString: strerror(errno)))")
    }
  }
}

/// The prompt over the stand-in language on a terminal of its own, with somebody at the keyboard;
/// without a history's file or an `.editrc` unless `environment` names one.
func prompting(
  _ arguments: [String] = [], environment: [String: String] = [:], endsWith status: Int32 = 0,
  _ person: @escaping @Sendable (PseudoTerminal) throws -> Void
) async throws {
  try await onTerminal(
    .standIn, arguments, environment: environment,
    in: FileManager.default.currentDirectoryPath, endsWith: status, person)
}

/// The built program on a terminal of its own, with somebody at the keyboard.
func onTerminal(
  _ arguments: [String], environment: [String: String] = [:],
  in folder: String = NSTemporaryDirectory(), endsWith status: Int32 = 0,
  _ person: @escaping @Sendable (PseudoTerminal) throws -> Void
) async throws {
  try await onTerminal(
    .built, arguments, environment: environment, in: folder, endsWith: status, person)
}

private func onTerminal(
  _ program: Program, _ arguments: [String], environment: [String: String], in folder: String,
  endsWith status: Int32, _ person: @escaping @Sendable (PseudoTerminal) throws -> Void
) async throws {
  let terminal = try PseudoTerminal()
  let ending = Ending()
  let typing = atKeyboard(of: terminal, until: ending, person)
  await #expect(processExitsWith: .exitCode(status)) {
    [
      program = program as Program, path = terminal.path as String,
      arguments = arguments as [String], environment = environment as [String: String],
      folder = folder as String
    ] in
    attach(to: path, environment: environment)
    chdir(folder)
    program.run(arguments)
  }
  ending.hasCome.withLock { $0 = true }
  try await typing.value
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

/// Whether the program has ended.
private final class Ending: Sendable {
  let hasCome = Mutex(false)
}

/// Lets `person` type on a thread of its own. If what should come does not, or the program does not
/// end afterwards, the terminal hangs up, which ends the program on it.
private func atKeyboard(
  of terminal: PseudoTerminal, until ending: Ending,
  _ person: @escaping @Sendable (PseudoTerminal) throws -> Void
) -> Task<Void, any Error> {
  nonisolated(unsafe) let terminal = terminal
  return Task {
    try await withCheckedThrowingContinuation { continuation in
      Thread.detachNewThread {
        continuation.resume(
          with: Result {
            do {
              try person(terminal)
              for _ in 0..<1200 where !ending.hasCome.withLock({ $0 }) { usleep(50_000) }
              guard ending.hasCome.withLock({ $0 }) else {
                throw PseudoTerminal.Unanswered(description: "the program did not end in a minute")
              }
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
