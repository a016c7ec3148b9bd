extension MergeTable {
  /// Looks up the tokens of merges that are written as strings.
  struct Builder {
    let vocabulary: Vocabulary
    private(set) var table: MergeTable
    private var rank: Int32 = 0

    init(_ vocabulary: Vocabulary, count: Int) {
      self.vocabulary = vocabulary
      self.table = MergeTable(capacity: count)
    }

    /// Adds the merge that comes after all so far.
    ///
    /// - Returns: false if `left`, `right` or the two together are no token.
    mutating func add(
      _ left: UnsafeBufferPointer<UInt8>, _ right: UnsafeBufferPointer<UInt8>
    ) -> Bool {
      let leftHash = ByteHash(left)
      var bothHash = leftHash
      bothHash.append(right)
      let found = vocabulary.tokens.bytes.withUnsafeBufferPointer { bytes -> Merge? in
        func token(_ range: Range<Int>) -> UnsafeBufferPointer<UInt8> {
          UnsafeBufferPointer(rebasing: bytes[range])
        }
        guard
          let leftID = vocabulary.id(hash: leftHash, where: { equal(token($0), left) }),
          let rightID = vocabulary.id(hash: ByteHash(right), where: { equal(token($0), right) }),
          let id = vocabulary.id(
            hash: bothHash,
            where: {
              let both = token($0)
              return both.count == left.count + right.count
                && equal(UnsafeBufferPointer(rebasing: both[..<left.count]), left)
                && equal(UnsafeBufferPointer(rebasing: both[left.count...]), right)
            })
        else { return nil }
        return Merge(left: Int32(leftID), right: Int32(rightID), rank: rank, id: Int32(id))
      }
      guard let found else { return false }
      table.add(found)
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

private func equal(_ a: UnsafeBufferPointer<UInt8>, _ b: UnsafeBufferPointer<UInt8>) -> Bool {
  a.count == b.count && a.elementsEqual(b)
}
