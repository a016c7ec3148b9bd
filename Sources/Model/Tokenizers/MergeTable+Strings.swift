/// A merge that is not made of two tokens that make a third.
struct UnknownMerge: Error {
  let index: Int
}

extension MergeTable {
  /// The two strings that a merge joins.
  typealias Pair = (left: UnsafeBufferPointer<UInt8>, right: UnsafeBufferPointer<UInt8>)

  /// How many merges a thread looks up at a time.
  private static let part = 4096

  /// The table of merges that are written as strings.
  ///
  /// - Parameters:
  ///   - pool: looks the tokens up, which takes most of a tokenizer's time; nil for this thread alone.
  ///   - pair: merge 0..<count, in the order of their ranks; nil if it is not two strings.
  /// - Throws: the first merge whose strings, or the two together, are not tokens.
  init(
    _ vocabulary: Vocabulary, count: Int, pool: WorkerPool?, pair: (Int) -> Pair?
  ) throws(UnknownMerge) {
    self.init(capacity: count)
    var merges = [Merge](repeating: Self.empty, count: count)
    merges.withUnsafeMutableBufferPointer { merges in
      func find(_ part: Int) {
        var finder = MergeFinder(vocabulary: vocabulary)
        let start = part * Self.part
        for index in start..<min(start + Self.part, count) {
          guard let (left, right) = pair(index), let found = finder.find(left, right) else {
            return
          }
          merges[index] = Merge(
            left: found.left, right: found.right, rank: Int32(index), id: found.id)
        }
      }
      let parts = (count + Self.part - 1) / Self.part
      if let pool {
        pool.run(parts) { part, _ in find(part) }
      } else {
        for part in 0..<parts { find(part) }
      }
    }
    for (index, merge) in merges.enumerated() {
      if merge.left < 0 { throw UnknownMerge(index: index) }
      add(merge)
    }
  }

  /// The strings of a merge that is written with a space between: `Ġ t`.
  static func pair(spaced merge: UnsafeBufferPointer<UInt8>) -> Pair? {
    // A token may itself begin with a space, as the file writes it.
    guard let space = merge.dropFirst().firstIndex(of: UInt8(ascii: " ")) else { return nil }
    return (
      UnsafeBufferPointer(rebasing: merge[..<space]),
      UnsafeBufferPointer(rebasing: merge[(space + 1)...])
    )
  }
}

/// Looks up the tokens of merges that follow one another.
private struct MergeFinder {
  let vocabulary: Vocabulary
  /// What the next merge probably makes.
  private var expected = 0

  init(vocabulary: Vocabulary) { self.vocabulary = vocabulary }

  /// - Returns: nil if `left`, `right` or the two together are not a token.
  mutating func find(
    _ left: UnsafeBufferPointer<UInt8>, _ right: UnsafeBufferPointer<UInt8>
  ) -> (left: Int32, right: Int32, id: Int32)? {
    let leftHash = ByteHash(left)
    let found = vocabulary.tokens.bytes.withUnsafeBufferPointer {
      bytes -> (left: Int32, right: Int32, id: Int32)? in
      func isBoth(_ range: Range<Int>) -> Bool {
        range.count == left.count + right.count
          && equal(bytes, range.lowerBound, left)
          && equal(bytes, range.lowerBound + left.count, right)
      }
      func joined() -> Int? {
        // Vocabularies mostly list what the merges make in their order.
        if vocabulary.duplicate == nil, expected < vocabulary.count,
          vocabulary.kinds[expected] == .normal,
          isBoth(vocabulary.tokens.range(expected))
        {
          return expected
        }
        var hash = leftHash
        hash.append(right)
        return vocabulary.id(hash: hash, where: isBoth)
      }
      guard
        let leftID = vocabulary.id(
          hash: leftHash,
          where: { $0.count == left.count && equal(bytes, $0.lowerBound, left) }),
        let rightID = vocabulary.id(
          hash: ByteHash(right),
          where: { $0.count == right.count && equal(bytes, $0.lowerBound, right) }),
        let id = joined()
      else { return nil }
      return (Int32(leftID), Int32(rightID), Int32(id))
    }
    if let found { expected = Int(found.id) + 1 }
    return found
  }
}

/// Whether `part` stands in `bytes` at `start`; there are enough bytes.
private func equal(
  _ bytes: UnsafeBufferPointer<UInt8>, _ start: Int, _ part: UnsafeBufferPointer<UInt8>
) -> Bool {
  for index in part.indices where bytes[start + index] != part[index] { return false }
  return true
}
