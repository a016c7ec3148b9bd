import Testing

@testable import Model

/// Merges that several threads look up are those that one finds.
@Suite struct MergeTableTests {
  private static let letters = (UInt8(ascii: "a")...UInt8(ascii: "z")).map { [$0] }
  private static let pairs = letters.flatMap { first in letters.map { first + $0 } }
  /// 18,252 merges, in the order of what they make, which comes after the letters.
  private static let merges: [(left: [UInt8], right: [UInt8])] =
    letters.flatMap { first in letters.map { (first, $0) } }
    + pairs.flatMap { pair in letters.map { (pair, $0) } }

  private static let vocabulary: Vocabulary = {
    let tokens = letters + merges.map { $0.left + $0.right }
    var end = 0
    let ends = tokens.map { token in
      end += token.count
      return end
    }
    return Vocabulary(
      tokens: StringArray(bytes: tokens.flatMap { $0 }, ends: ends),
      kinds: Array(repeating: .normal, count: tokens.count))
  }()

  /// - Parameter strange: merges whose two strings together are not a token.
  private func table(pool: WorkerPool?, strange: [Int] = []) throws(UnknownMerge) -> MergeTable {
    // Each is written after the others, so that the strings stay where they are.
    let bytes = Self.merges.flatMap { $0.left + $0.right } + Array("zzzz".utf8)
    let starts = Self.merges.indices.map { $0 < 676 ? $0 * 2 : 1352 + ($0 - 676) * 3 }
    return try bytes.withUnsafeBufferPointer { bytes throws(UnknownMerge) in
      try MergeTable(Self.vocabulary, count: Self.merges.count, pool: pool) { index in
        func part(_ start: Int, _ count: Int) -> UnsafeBufferPointer<UInt8> {
          UnsafeBufferPointer(rebasing: bytes[start..<start + count])
        }
        if strange.contains(index) { return (part(bytes.count - 4, 2), part(bytes.count - 2, 2)) }
        let count = Self.merges[index].left.count
        return (part(starts[index], count), part(starts[index] + count, 1))
      }
    }
  }

  @Test func threadsFindWhatOneFinds() throws {
    let (alone, together) = (try table(pool: nil), try table(pool: WorkerPool(width: 2)))
    #expect(alone.count == Self.merges.count && together.count == alone.count)
    for (index, merge) in Self.merges.enumerated() {
      let left = try #require(Self.vocabulary.id(merge.left))
      let right = try #require(Self.vocabulary.id(merge.right))
      for table in [alone, together] {
        let found = table.find(Int32(left), Int32(right))
        if found?.rank != Int32(index) || found?.id != Int32(26 + index) {
          Issue.record("merge \(index): \(String(describing: found))")
        }
      }
    }
    #expect(together.find(700, 700) == nil)
  }

  /// The first of those that are wrong, though a later one may be met before it.
  @Test(arguments: [[5000, 17_000], [4095], [4096, 4097], [0], [18_251]])
  func theFirstUnknownMergeIsNamed(strange: [Int]) throws {
    for pool in [nil, WorkerPool(width: 2)] {
      let error = #expect(throws: UnknownMerge.self) {
        try self.table(pool: pool, strange: strange)
      }
      #expect(error?.index == strange[0])
    }
  }
}
