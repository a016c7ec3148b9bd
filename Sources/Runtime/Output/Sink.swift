import Model

/// Text on its way out, handed on in pieces of some size, so that a table of a whole vocabulary
/// is never one string and a reader that goes away is noticed early.
///
/// Ctrl-C ends it after any line.
struct ChunkedText {
  private var pending = ""
  private let sink: (String) throws -> Void
  private static let chunk = 1 << 16

  init(_ sink: @escaping (String) throws -> Void) { self.sink = sink }

  mutating func append(_ text: String) { pending += text }

  /// Ends a line.
  mutating func line(_ text: String = "") throws {
    try Interruption.check()
    pending += text
    pending += "\n"
    if pending.utf8.count >= ChunkedText.chunk { try flush() }
  }

  mutating func flush() throws {
    guard !pending.isEmpty else { return }
    try sink(pending)
    pending.removeAll(keepingCapacity: true)
  }
}
