#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Another program that runs next to this one.
final class Child {
  let id: pid_t
  private let leadsGroup: Bool
  private var ending: Ending?
  typealias Ending = ProgramEnding

  /// The program could not be started; `ENOENT` where there is none of that name.
  struct NotStarted: Error {
    var code: Int32
    var isMissing: Bool { code == ENOENT || code == EACCES }
    var reason: String { String(cString: strerror(code)) }
  }

  /// What a program has as its first three descriptors; nil: what this process has.
  struct Streams {
    var input: Int32?
    var output: Int32?
    var messages: Int32?
  }

  /// - Parameters:
  ///   - program: looked for on the PATH.
  ///   - environment: added to this process's own.
  ///   - leadsGroup: whether it and those that it starts are a group of their own, which `send`
  ///     reaches as a whole.
  init(
    _ program: String, _ arguments: [String], environment: [String: String] = [:],
    streams: Streams, leadsGroup: Bool = false
  ) throws {
    #if canImport(Darwin)
      var actions: posix_spawn_file_actions_t?
      var attributes: posix_spawnattr_t?
    #else
      var actions = posix_spawn_file_actions_t()
      var attributes = posix_spawnattr_t()
    #endif
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    let descriptors = [streams.input, streams.output, streams.messages]
    for (number, descriptor) in descriptors.enumerated() {
      guard let descriptor else { continue }
      posix_spawn_file_actions_adddup2(&actions, descriptor, Int32(number))
    }
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // Ctrl-C is for the child too, whatever the thread that starts it has blocked.
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    let flags = POSIX_SPAWN_SETSIGMASK | (leadsGroup ? POSIX_SPAWN_SETPGROUP : 0)
    posix_spawnattr_setflags(&attributes, Int16(flags))

    let variables = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    let words = ([program] + arguments).map { strdup($0) } + [nil]
    let settings = variables.map { strdup("\($0)=\($1)") } + [nil]
    defer { for text in words + settings { free(text) } }
    var id = pid_t()
    let code = posix_spawnp(&id, program, &actions, &attributes, words, settings)
    guard code == 0 else { throw NotStarted(code: code) }
    self.id = id
    self.leadsGroup = leadsGroup
  }

  func send(_ signal: Int32) {
    if ending == nil { kill(leadsGroup ? -id : id, signal) }
  }

  /// Sends to all that it has started as well, whatever groups they are in: they would outlive it.
  func sendToAll(_ signal: Int32) {
    guard ending == nil else { return }
    // Looked up first: whose parent has ended is nobody's descendant any more.
    let others = processesStarted(by: id)
    send(signal)
    for other in others { kill(other, signal) }
  }

  /// Waits for its end.
  func wait() -> Ending {
    while true {
      if let ending = look(0) { return ending }
    }
  }

  /// How it ended; nil while it runs.
  func endingSoFar() -> Ending? { look(WNOHANG) }

  private func look(_ options: Int32) -> Ending? {
    if let ending { return ending }
    var status: Int32 = 0
    let found = waitpid(id, &status, options)
    if found == id {
      let signal = status & 0x7F
      ending = signal == 0 ? .exited((status >> 8) & 0xFF) : .killed(signal: signal)
    } else if found < 0, errno != EINTR {
      // Somebody else waited for it. How it ended is lost, which is never a success.
      ending = .exited(255)
    }
    return ending
  }
}

/// How a program ended.
public enum ProgramEnding: Equatable, Sendable {
  case exited(Int32)
  case killed(signal: Int32)

  /// As `sh` reports it: for a signal 128 more than its number.
  var status: Int32 {
    switch self {
    case .exited(let status): status
    case .killed(let signal): 128 + signal
    }
  }
}

/// `SIGKILL` for 9, as far as signals have the same name everywhere.
func signalName(_ signal: Int32) -> String {
  let names: [Int32: String] = [
    SIGHUP: "SIGHUP", SIGINT: "SIGINT", SIGQUIT: "SIGQUIT", SIGILL: "SIGILL", SIGTRAP: "SIGTRAP",
    SIGABRT: "SIGABRT", SIGBUS: "SIGBUS", SIGFPE: "SIGFPE", SIGKILL: "SIGKILL",
    SIGUSR1: "SIGUSR1", SIGSEGV: "SIGSEGV", SIGUSR2: "SIGUSR2", SIGPIPE: "SIGPIPE",
    SIGALRM: "SIGALRM", SIGTERM: "SIGTERM", SIGXCPU: "SIGXCPU", SIGXFSZ: "SIGXFSZ",
    SIGSYS: "SIGSYS",
  ]
  return names[signal] ?? "signal \(signal)"
}
