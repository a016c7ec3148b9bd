import Runtime
import Synchronization

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

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

  func write(_ text: String) {
    send { pending in
      pending.append(contentsOf: text.utf8)
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
      return writeAll(pending, to: descriptor)
    }
    if code != 0 { failed(code) }
  }
}
