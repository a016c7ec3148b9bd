import Synchronization

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// The signals of a terminal that somebody edits a line on. The handlers only take a note, which
/// is acted upon between two keys: libedit's own would draw from within the handler, and crash when
/// a signal comes while it draws already.
enum TerminalSignals {
  enum Event: UInt8 {
    case resized = 1
    /// Stopped, and started again: others have used the terminal in between.
    case continued
    /// The process is to end.
    case ending
  }

  /// What handlers write into, and who waits for a key looks at as well.
  private static let sender = Atomic<Int32>(-1)
  private(set) nonisolated(unsafe) static var receiver: Int32 = -1

  /// How the terminal was before anybody edited, for the case that a signal ends the process at once.
  private nonisolated(unsafe) static var initialModes = termios()
  private static let editedDescriptor = Atomic<Int32>(-1)

  /// Call once, before the first line is edited.
  static func install(input: Int32) {
    var ends: [Int32] = [-1, -1]
    guard receiver < 0, pipe(&ends) == 0 else { return }
    for end in ends {
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
    }
    receiver = ends[0]
    sender.store(ends[1], ordering: .sequentiallyConsistent)
    if tcgetattr(input, &initialModes) == 0 {
      editedDescriptor.store(input, ordering: .sequentiallyConsistent)
    }
    signal(SIGWINCH) { _ in TerminalSignals.note(.resized) }
    signal(SIGCONT) { _ in TerminalSignals.note(.continued) }
  }

  /// What has happened since the last time.
  static func events() -> Set<Event> {
    var bytes = [UInt8](repeating: 0, count: 64)
    let count = read(receiver, &bytes, bytes.count)
    return Set(bytes.prefix(max(0, count)).compactMap(Event.init))
  }

  // What follows runs in a signal handler: atomics and system calls only.

  private static func note(_ event: Event) {
    let before = errno
    var byte = event.rawValue
    // A full pipe has notes enough.
    _ = write(sender.load(ordering: .sequentiallyConsistent), &byte, 1)
    errno = before
  }

  /// Wakes whoever waits for a key.
  static func noteEnding() {
    if sender.load(ordering: .sequentiallyConsistent) >= 0 { note(.ending) }
  }

  static func restoreTerminal() {
    let descriptor = editedDescriptor.load(ordering: .sequentiallyConsistent)
    if descriptor >= 0 { tcsetattr(descriptor, TCSANOW, &initialModes) }
  }
}
