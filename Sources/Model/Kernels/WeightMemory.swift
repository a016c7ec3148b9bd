/// Memory for the matrices of a model, many in a piece, so that small ones lie in huge pages too: packing
/// touches every page, and to be given a small one takes longer than to fill it.
///
/// Only addresses are taken here. What no run looks at is never touched.
final class WeightMemory {
  /// Matrices that stand side by side. Each keeps it alive.
  final class Piece: @unchecked Sendable {
    fileprivate let start: UnsafeMutableRawPointer
    fileprivate let byteCount: Int
    fileprivate var used = 0

    fileprivate init?(_ byteCount: Int) {
      let isLarge = byteCount >= WeightMemory.hugePage
      let alignment = isLarge ? WeightMemory.hugePage : WeightMemory.line
      guard let start = Memory.allocate(byteCount, alignment: alignment) else { return nil }
      (self.start, self.byteCount) = (start, byteCount)
      #if os(Linux)
        // Weights are read from end to end.
        if isLarge { madvise(start, byteCount, MADV_HUGEPAGE) }
      #endif
    }

    deinit { free(start) }

    fileprivate func take(_ byteCount: Int) -> UnsafeMutableRawPointer? {
      guard byteCount <= self.byteCount - used else { return nil }
      defer { used += byteCount }
      return start + used
    }
  }

  private static let hugePage = 1 << 21
  private static let line = 64
  /// Of a piece for several matrices.
  private static let largestPiece = 1 << 26

  /// What is still to come, as far as is known.
  private var expected: Int
  private var piece: Piece?

  /// - Parameter expected: the bytes of all matrices.
  init(expected: Int = 0) { self.expected = expected }

  /// - Returns: nil where the machine has not so much memory.
  func take(_ byteCount: Int) -> (bytes: UnsafeMutableRawPointer, piece: Piece)? {
    let byteCount = (max(byteCount, 1) + Self.line - 1) & ~(Self.line - 1)
    defer { expected -= byteCount }
    if let piece, let bytes = piece.take(byteCount) { return (bytes, piece) }
    let fresh =
      Piece(max(byteCount, min(expected, Self.largestPiece))) ?? Piece(byteCount)
    guard let fresh, let bytes = fresh.take(byteCount) else { return nil }
    // A large matrix fills its own, and leaves the piece at hand to the small ones after it.
    if fresh.byteCount > fresh.used { piece = fresh }
    return (bytes, fresh)
  }
}
