extension MergeTable {
  /// Looks up the tokens of merges that are written as strings.
  struct Builder {
    let vocabulary: Vocabulary
    private(set) var table: MergeTable
    private var rank: Int32 = 0
    /// What the next merge probably makes.
    private var expected = 0

    init(_ vocabulary: Vocabulary, count: Int) {
      self.vocabulary = vocabulary
      self.table = MergeTable(capacity: count)
    }

    /// Adds the merge that comes after all so far.
    ///
    /// - Returns: false if `left`, `right` or the two together are not a token.
    mutating func add(
      _ left: UnsafeBufferPointer<UInt8>, _ right: UnsafeBufferPointer<UInt8>
    ) -> Bool {
      let leftHash = ByteHash(left)
      let found = vocabulary.tokens.bytes.withUnsafeBufferPointer { bytes -> Merge? in
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
        return Merge(left: Int32(leftID), right: Int32(rightID), rank: rank, id: Int32(id))
      }
      guard let found else { return false }
      table.add(found)
      expected = Int(found.id) + 1
      rank += 1
      return true
    }

    /// Adds a merge that is written with a space between: `Ġ t`.
    mutating func add(spaced merge: UnsafeBufferPointer<UInt8>) -> Bool {
      // A token may itself begin with a space, as the file writes it.
      guard let space = merge.dropFirst().firstIndex(of: UInt8(ascii: " ")) else { return false }
      return add(
        UnsafeBufferPointer(rebasing: merge[..<space]),
        UnsafeBufferPointer(rebasing: merge[(space + 1)...]))
    }
  }
}

/// Whether `part` stands in `bytes` at `start`; there are enough bytes.
private func equal(
  _ bytes: UnsafeBufferPointer<UInt8>, _ start: Int, _ part: UnsafeBufferPointer<UInt8>
) -> Bool {
  for index in part.indices where bytes[start + index] != part[index] { return false }
  return true
}
