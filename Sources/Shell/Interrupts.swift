import Model
import Runtime
import Synchronization

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Ctrl-C during work. The first one asks the work to stop (the model looks at
/// `Interruption.requested`); one more, while the first still goes
/// unheard after two seconds, ends the process.
enum Interrupts {
  /// When the request was made, in seconds of the monotonic clock.
  private static let requestedAt = Atomic<Int>(0)
  private static let patience = 2

  /// From here on SIGINT is a request, unless the process was started with it ignored.
  static func install() {
    // A handler must not be the first to touch a lazy global.
    Interruption.requested.store(false, ordering: .relaxed)
    requestedAt.store(0, ordering: .relaxed)
    let previous = signal(SIGINT, SIG_IGN)
    if isIgnored(previous) { return }
    signal(SIGINT) { _ in Interrupts.interrupted() }
    signal(SIGALRM) { _ in Interrupts.patienceEnded() }
  }

  /// Runs `work` with a clean slate before and after.
  static func during<Result>(_ work: () throws -> Result) rethrows -> Result {
    forget()
    defer { forget() }
    return try work()
  }

  private static func forget() {
    Interruption.requested.store(false, ordering: .sequentiallyConsistent)
    alarm(0)
  }

  // What follows runs in a signal handler: atomics and system calls only.

  private static func interrupted() {
    let now = monotonicSeconds()
    if !Interruption.requested.exchange(true, ordering: .sequentiallyConsistent) {
      requestedAt.store(now, ordering: .sequentiallyConsistent)
      return
    }
    let waited = now - requestedAt.load(ordering: .sequentiallyConsistent)
    if waited >= patience { leave() }
    alarm(UInt32(patience - waited))
  }

  private static func patienceEnded() {
    if Interruption.requested.load(ordering: .sequentiallyConsistent) { leave() }
  }

  private static func leave() -> Never {
    var newline = UInt8(ascii: "\n")
    _ = write(STDERR_FILENO, &newline, 1)
    _exit(ExitStatus.interrupted.rawValue)
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
