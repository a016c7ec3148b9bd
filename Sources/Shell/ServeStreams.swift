import Model
import Runtime
import Synchronization

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// The standard streams of a server. Requests and events have descriptors of their own: a command
/// after `!` must neither read the one nor write into the other. What such a command prints goes
/// into a pipe, and from there into events. Standard error stays as it is.
final class ServeStreams: Sendable {
  /// Where requests come from.
  let input: Int32
  private let output: Int32
  /// The end of the pipe that commands print into.
  let printed: Int32
  private let sending = Mutex(())
  /// Bytes of a character that is not whole yet.
  private let rest = Mutex<[UInt8]>([])

  init() throws {
    // With a terminal's Ctrl-C for the client alone: it says what is to be interrupted.
    if isatty(STDIN_FILENO) == 0 { setpgid(0, 0) }
    input = try Self.moved(STDIN_FILENO)
    output = try Self.moved(STDOUT_FILENO)
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { throw Self.failure }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
    printed = ends[0]
    let nothing = open("/dev/null", O_RDONLY | O_CLOEXEC)
    guard nothing >= 0, dup2(nothing, STDIN_FILENO) >= 0, dup2(ends[1], STDOUT_FILENO) >= 0 else {
      throw Self.failure
    }
    close(nothing)
    close(ends[1])
  }

  private static var failure: Failure {
    Failure("cannot set up the standard streams: \(systemMessage(errno))")
  }

  private static func moved(_ descriptor: Int32) throws -> Int32 {
    let other = fcntl(descriptor, F_DUPFD_CLOEXEC, 3)
    guard other >= 0 else { throw failure }
    return other
  }

  /// Writes a line. A part of one would end the conversation, so this is not interrupted.
  func send(_ line: [UInt8]) {
    let code = sending.withLock { _ in writeAll(line, to: output) }
    // A client that went away wants nothing any more.
    if code != 0 { exit((code == EPIPE ? ExitStatus.brokenPipe : .failed).rawValue) }
  }

  /// Returns when nobody can read any more what is sent.
  func waitUntilClientLeaves() {
    // Asked for nothing, it reports nothing but the end.
    var reader = pollfd(fd: output, events: 0, revents: 0)
    while poll(&reader, 1, -1) < 0, errno == EINTR {}
  }

  /// Hands on what commands have printed so far.
  func drain(to desk: ServeDesk) {
    rest.withLock { rest in
      var bytes = [UInt8](repeating: 0, count: 1 << 16)
      while true {
        let count = bytes.withUnsafeMutableBytes { read(printed, $0.baseAddress, $0.count) }
        guard count > 0 else { return }
        rest += bytes[..<count]
        let whole = rest.count - StreamedText.unfinished(rest)
        desk.sendText(String(decoding: rest[..<whole], as: UTF8.self))
        rest.removeFirst(whole)
      }
    }
  }
}
