import Lang
import Model
import Runtime

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// The process, as a session sees it.
final class SessionHost: Host {
  private let surroundings: Surroundings

  init(_ surroundings: Surroundings) { self.surroundings = surroundings }

  func write(_ bytes: [UInt8]) { surroundings.console.write(bytes) }
  func write(styled text: String) { surroundings.console.write(styled: text) }
  func report(_ text: String) { surroundings.console.report(text) }
  func flush() { surroundings.console.flush() }

  func stream(_ bytes: [UInt8]) {
    let terminal = surroundings.terminal
    guard terminal.isTerminal(.output), terminal.isTerminal(.error) else { return }
    surroundings.console.stream(bytes)
  }

  func progress(done: Int, total: Int, label: String) {
    surroundings.console.progress(done: done, total: total, label: label)
  }

  func finishProgress() { surroundings.console.finishProgress() }

  var format: OutputFormat { surroundings.format }
  var settings: RenderSettings { surroundings.terminal.renderSettings }

  var messageFormat: MessageFormat { surroundings.messageFormat }
  var confinement: Confinement? { surroundings.confinement }
  var messageStyle: DiagnosticStyle { .coloured(surroundings.terminal.usesColour(on: .error)) }

  var threads: Int { surroundings.threads ?? sysconf(Int32(_SC_NPROCESSORS_ONLN)) }

  func memory(besides weights: Int) -> Int { Memory.budget(besides: weights) }

  func environmentVariable(_ name: String) -> String? {
    surroundings.terminal.environment.raw(name)
  }

  func changeDirectory(to path: String) throws {
    if chdir(path) != 0 { throw Failure("'\(path)': \(systemMessage(errno))") }
  }

  func allowMemory(_ bytes: Int) { Memory.allowed.store(bytes, ordering: .relaxed) }

  func lendTerminal(_ body: () throws -> ProgramEnding) rethrows -> ProgramEnding {
    try TypedKeys.shown(body)
  }

  var pager: Pager? { surroundings.terminal.pager }

  var transcript: String? { surroundings.console.transcript.path }

  func transcribe(to path: String?) throws { try surroundings.console.transcript.open(path) }

  func transcribe(_ text: String) { surroundings.console.transcribe(text) }

  var version: String { Version.withCommit }

  var environment: [String: String] {
    let known = Session.environmentVariables.compactMap { name in
      surroundings.terminal.environment[name].map { (name, $0) }
    }
    return Dictionary(uniqueKeysWithValues: known)
  }

  var history: [(time: Int?, text: String)] {
    surroundings.history.entries.map { ($0.time, $0.text) }
  }
}
