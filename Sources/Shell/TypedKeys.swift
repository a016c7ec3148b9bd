import Synchronization

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// While a line runs, what is typed is not shown: it would stand in the middle of what is printed. The
/// keys are kept, and are in the next line. A program that is started meanwhile has the terminal as
/// it was.
///
/// Whatever ends the process restores the terminal: Ctrl-C, signals, a crash. Ctrl-Z restores it as
/// long as the process is stopped.
enum TypedKeys {
  /// The terminal's modes as they were, and those without echo.
  private nonisolated(unsafe) static var shown = termios()
  private nonisolated(unsafe) static var hidden = termios()
  /// The terminal whose echo is off; -1: none.
  private static let descriptor = Atomic<Int32>(-1)
  private static let isStopHandled = Atomic<Bool>(false)

  /// Runs `work` while nothing that is typed at the terminal is shown.
  static func hidden<Result>(on terminal: Int32, _ work: () throws -> Result) rethrows -> Result {
    guard hide(terminal) else { return try work() }
    defer { show() }
    return try work()
  }

  /// Runs `work`, which starts another program, with the terminal as it was.
  static func shown<Result>(_ work: () throws -> Result) rethrows -> Result {
    let terminal = descriptor.load(ordering: .sequentiallyConsistent)
    guard terminal >= 0 else { return try work() }
    show()
    defer { _ = hide(terminal) }
    return try work()
  }

  private static func hide(_ terminal: Int32) -> Bool {
    guard descriptor.load(ordering: .sequentiallyConsistent) < 0, hasForeground(terminal),
      tcgetattr(terminal, &shown) == 0
    else { return false }
    hidden = shown
    hidden.c_lflag &= ~tcflag_t(ECHO)
    Faults.restoreTerminalFirst()
    descriptor.store(terminal, ordering: .sequentiallyConsistent)
    let previous = signal(SIGTSTP, SIG_IGN)
    let isIgnored = unsafeBitCast(previous, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
    if !isIgnored { signal(SIGTSTP) { _ in TypedKeys.stop() } }
    isStopHandled.store(!isIgnored, ordering: .sequentiallyConsistent)
    tcsetattr(terminal, TCSANOW, &hidden)
    return true
  }

  private static func show() {
    restore()
    descriptor.store(-1, ordering: .sequentiallyConsistent)
    if isStopHandled.load(ordering: .sequentiallyConsistent) { signal(SIGTSTP, SIG_DFL) }
  }

  // What follows runs in a signal handler: atomics and system calls only.

  /// In the background it would stop the process.
  private static func hasForeground(_ terminal: Int32) -> Bool { tcgetpgrp(terminal) == getpgrp() }

  /// What the terminal would show of Ctrl-C: that it has come.
  static func showInterruption() {
    let terminal = descriptor.load(ordering: .sequentiallyConsistent)
    guard terminal >= 0 else { return }
    let before = errno
    var sign = (UInt8(ascii: "^"), UInt8(ascii: "C"))
    _ = write(terminal, &sign, 2)
    errno = before
  }

  static func restore() {
    let terminal = descriptor.load(ordering: .sequentiallyConsistent)
    if terminal >= 0, hasForeground(terminal) { tcsetattr(terminal, TCSANOW, &shown) }
  }

  /// Stops with the terminal as it was, and goes on without echo.
  private static func stop() {
    let before = errno
    restore()
    signal(SIGTSTP, SIG_DFL)
    var stop = sigset_t()
    sigemptyset(&stop)
    sigaddset(&stop, SIGTSTP)
    pthread_sigmask(SIG_UNBLOCK, &stop, nil)
    raise(SIGTSTP)
    // Continued, perhaps in the background, where the terminal is somebody else's.
    signal(SIGTSTP) { _ in TypedKeys.stop() }
    let terminal = descriptor.load(ordering: .sequentiallyConsistent)
    if terminal >= 0, hasForeground(terminal) { tcsetattr(terminal, TCSANOW, &hidden) }
    errno = before
  }
}

/// Signals of a crash. The terminal is as it was before whoever handled them first, Swift's own
/// report of a crash for instance, or the process ends.
private enum Faults {
  private static let numbers = [SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT]
  /// What was done about each before, by its number.
  private nonisolated(unsafe) static let earlier: UnsafeMutablePointer<sigaction> = {
    let actions = UnsafeMutablePointer<sigaction>.allocate(capacity: 64)
    actions.initialize(repeating: sigaction(), count: 64)
    return actions
  }()
  private nonisolated(unsafe) static var isInstalled = false

  static func restoreTerminalFirst() {
    if isInstalled { return }
    isInstalled = true
    for number in numbers {
      var action = sigaction()
      sigemptyset(&action.sa_mask)
      action.sa_flags = Int32(truncatingIfNeeded: SA_SIGINFO) | Int32(SA_ONSTACK)
      let handler:
        @convention(c) (Int32, UnsafeMutablePointer<siginfo_t>?, UnsafeMutableRawPointer?)
          -> Void = { Faults.handle($0, $1, $2) }
      #if canImport(Darwin)
        action.__sigaction_u.__sa_sigaction = handler
      #else
        action.__sigaction_handler.sa_sigaction = handler
      #endif
      sigaction(number, &action, earlier + Int(number))
    }
  }

  private static func handle(
    _ number: Int32, _ info: UnsafeMutablePointer<siginfo_t>?, _ context: UnsafeMutableRawPointer?
  ) {
    TypedKeys.restore()
    let action = earlier + Int(number)
    sigaction(number, action, nil)
    guard action.pointee.sa_flags & Int32(truncatingIfNeeded: SA_SIGINFO) != 0 else {
      // It comes again at once, blocked until this returns.
      raise(number)
      return
    }
    #if canImport(Darwin)
      action.pointee.__sigaction_u.__sa_sigaction(number, info, context)
    #else
      action.pointee.__sigaction_handler.sa_sigaction(number, info, context)
    #endif
  }
}
