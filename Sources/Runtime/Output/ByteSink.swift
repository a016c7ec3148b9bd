import Model

/// Bytes on their way out, handed on in pieces of some size, so that a table of a whole vocabulary
/// is never held in memory at once and a reader that closes the pipe is noticed early.
///
/// Ctrl-C ends it after any line.
public struct ByteSink {
  private var pending: [UInt8] = []
  private let sink: ([UInt8]) throws -> Void
  private static let chunk = 1 << 16

  /// - Parameter sink: gets the pieces in their order; whatever it throws ends the writing.
  init(_ sink: @escaping ([UInt8]) throws -> Void) { self.sink = sink }

  mutating func append(_ text: String) { pending.append(contentsOf: text.utf8) }

  /// Bytes that need not be text.
  mutating func write(_ bytes: some Collection<UInt8>) throws {
    try Interruption.check()
    pending.append(contentsOf: bytes)
    if pending.count >= ByteSink.chunk { try flush() }
  }

  /// Ends a line.
  mutating func line(_ text: String = "") throws {
    try Interruption.check()
    append(text)
    pending.append(UInt8(ascii: "\n"))
    if pending.count >= ByteSink.chunk { try flush() }
  }

  mutating func flush() throws {
    guard !pending.isEmpty else { return }
    try sink(pending)
    pending.removeAll(keepingCapacity: true)
  }
}
