import Model
import Runtime
import Synchronization

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Signals that end work.
///
/// The first Ctrl-C asks the work to stop (`Interruption.requested`); one more, while the first is
/// still unheard after two seconds, ends the process. SIGTERM asks the same, and the process ends
/// after the work; a second one ends it at once. SIGHUP, of a terminal that hangs up, is like SIGTERM:
/// it must not take the history of a prompt along, nor leave behind what a script has started.
enum Interrupts {
  /// When the request was made, in seconds of the monotonic clock.
  private static let requestedAt = Atomic<Int>(0)
  private static let patience = 2

  /// From here on signals are requests, unless the process was started with them ignored.
  static func install() {
    // A handler must not be the first to touch a lazy global.
    Interruption.requested.store(false, ordering: .relaxed)
    Interruption.ending.store(0, ordering: .relaxed)
    requestedAt.store(0, ordering: .relaxed)
    signal(SIGALRM) { _ in Interrupts.patienceEnded() }
    handle(SIGINT) { _ in Interrupts.interrupted() }
    handle(SIGTERM) { Interrupts.ended(by: $0) }
    handle(SIGHUP) { Interrupts.ended(by: $0) }
  }

  private static func handle(_ number: Int32, _ handler: @escaping @convention(c) (Int32) -> Void) {
    let previous = signal(number, SIG_IGN)
    if !isIgnored(previous) { signal(number, handler) }
  }

  /// Runs `work` with a clean slate before and after.
  static func during<Result>(_ work: () throws -> Result) rethrows -> Result {
    forget()
    defer { forget() }
    return try work()
  }

  /// The status that the process is to end with, where a signal has asked for its end.
  static var endStatus: ExitStatus? {
    switch Interruption.ending.load(ordering: .sequentiallyConsistent) {
    case SIGTERM: .terminated
    case SIGHUP: .hungUp
    default: nil
    }
  }

  private static func forget() {
    // What ends the process is not forgotten before it has.
    let isEnding = Interruption.ending.load(ordering: .sequentiallyConsistent) != 0
    Interruption.requested.store(isEnding, ordering: .sequentiallyConsistent)
    alarm(0)
  }

  // What follows runs in a signal handler: atomics and system calls only.

  private static func interrupted() {
    TypedKeys.showInterruption()
    let now = monotonicSeconds()
    if !Interruption.requested.exchange(true, ordering: .sequentiallyConsistent) {
      requestedAt.store(now, ordering: .sequentiallyConsistent)
      return
    }
    let waited = now - requestedAt.load(ordering: .sequentiallyConsistent)
    if waited >= patience { leave(with: .interrupted) }
    alarm(UInt32(patience - waited))
  }

  private static func patienceEnded() {
    if Interruption.requested.load(ordering: .sequentiallyConsistent) {
      leave(with: .interrupted)
    }
  }

  private static func ended(by number: Int32) {
    let before = Interruption.ending.exchange(number, ordering: .sequentiallyConsistent)
    if before == number { leave(with: number == SIGTERM ? .terminated : .hungUp) }
    Interruption.requested.store(true, ordering: .sequentiallyConsistent)
    requestedAt.store(monotonicSeconds(), ordering: .sequentiallyConsistent)
    TerminalSignals.noteEnding()
  }

  private static func leave(with status: ExitStatus) -> Never {
    TypedKeys.restore()
    TerminalSignals.restoreTerminal()
    var newline = UInt8(ascii: "\n")
    _ = write(STDERR_FILENO, &newline, 1)
    _exit(status.rawValue)
  }

  private static func monotonicSeconds() -> Int {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int(time.tv_sec)
  }

  private static func isIgnored(_ handler: (@convention(c) (Int32) -> Void)?) -> Bool {
    unsafeBitCast(handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
  }
}
