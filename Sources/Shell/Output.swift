import Model
import Runtime
import Synchronization

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Writes all of `bytes`, unless nobody takes them and work is to end.
/// - Returns: 0, or the `errno` of what went wrong: EINTR where it was given up.
func writeUntilStopped(_ bytes: some Collection<UInt8>, to descriptor: Int32) -> Int32 {
  var rest = bytes[...]
  while !rest.isEmpty {
    var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    // What cannot be waited for says so when it is written to.
    if poll(&waiting, 1, 50) == 0 || waiting.revents == 0 {
      if Interruption.requested.load(ordering: .relaxed) { return EINTR }
      continue
    }
    // So much a pipe takes without waiting, once it takes anything: were it to wait, it would not
    // hear of an interruption.
    let code = writeAll(rest.prefix(Int(PIPE_BUF)), to: descriptor)
    if code != 0 { return code }
    rest = rest.dropFirst(Int(PIPE_BUF))
  }
  return 0
}

/// The system's words for an `errno`.
func systemMessage(_ code: Int32) -> String {
  strerror(code).map { String(cString: $0) } ?? "error \(code)"
}

/// Data on its way to standard output: kept back in blocks where a file or a pipe takes it, shown
/// at once on a terminal.
final class Output: Sendable {
  private let descriptor: Int32
  private let isBlockwise: Bool
  private let failed: @Sendable (_ code: Int32) -> Void
  private let pending = Mutex<[UInt8]>([])
  private static let blockSize = 1 << 16

  /// - Parameter failed: what happens when the other side cannot take more. It gets the `errno`,
  ///   EPIPE where the reader of a pipe went away.
  init(
    descriptor: Int32, isTerminal: Bool, failed: @escaping @Sendable (_ code: Int32) -> Void
  ) {
    self.descriptor = descriptor
    self.isBlockwise = !isTerminal
    self.failed = failed
  }

  func write(_ bytes: [UInt8]) {
    send { pending in
      pending.append(contentsOf: bytes)
      return !isBlockwise || pending.count >= Self.blockSize
    }
  }

  /// Sends what is kept back: at the end, before anything on standard error, before a child
  /// process writes to the same place.
  func flush() {
    send { !$0.isEmpty }
  }

  private func send(when isDue: (inout [UInt8]) -> Bool) {
    let code = pending.withLock { pending -> Int32 in
      guard isDue(&pending) else { return 0 }
      defer { pending.removeAll(keepingCapacity: true) }
      return writeUntilStopped(pending, to: descriptor)
    }
    if code != 0 { failed(code) }
  }
}
