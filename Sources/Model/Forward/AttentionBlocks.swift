/// The rows of a layer in blocks that attend together: neighbours of one run, or runs that share most
/// of what they attend to.
///
/// Where a block begins and ends moves no bit of any result: see `Kernels/Source/Attention.swift`.
struct AttentionBlocks {
  /// Some rows of the batch, and what they attend to.
  struct Block {
    /// Indices in `rows`.
    var rows: Range<Int>
    /// The first source that is read: a multiple of 16, so that softmax has each source in the lane
    /// that it has where all are read.
    var start: Int
    /// The leading sources whose keys and values stand in the same rows for all rows of the block. One
    /// run's rows share all.
    var shared = Int.max
    /// The most sources that one of them has. Both are counted from the first source of all.
    var sources: Int

    /// Rows whose windows begin so far apart are not in one block: what one of them sees, the other
    /// need not read.
    private static let apart = 64

    /// The same with one more row; nil where the two have too little in common.
    ///
    /// - Parameters:
    ///   - last: the last row of the block.
    ///   - first: the source that the row reads from.
    fileprivate func joined(
      _ row: Batch.Row, after last: Batch.Row, sources lists: [[Int32]], first: Int
    ) -> Block? {
      guard abs(first - start) <= Self.apart else { return nil }
      var block = self
      block.rows = rows.lowerBound..<rows.upperBound + 1
      block.start = min(start, first)
      block.sources = max(sources, row.position + 1)
      if row.owner != last.owner {
        let most = min(shared, sources, row.position + 1)
        block.shared = lists[row.owner].agreement(with: lists[last.owner], upTo: most)
        guard 2 * (block.shared - block.start) >= block.sources - block.start else { return nil }
      }
      return block
    }
  }

  /// Rows of the batch by their runs and positions.
  let rows: [Int]
  private(set) var blocks: [Block] = []

  /// The most sources that a block reads.
  var longest: Int { blocks.map { $0.sources - $0.start }.max() ?? 0 }

  /// - Parameters:
  ///   - sources: for each member where the keys and values of its positions stand.
  ///   - atOnce: how many rows a block has at the most.
  ///   - window: where rows see only what is near; nil to read all sources all the same.
  init(_ batch: Batch, sources: [[Int32]], atOnce: Int, window: LayerAttention?) {
    rows = Self.sorted(batch.rows)
    for (i, row) in rows.enumerated() {
      let row = batch.rows[row]
      let joined =
        blocks.last.flatMap { block in
          block.rows.count < atOnce
            ? block.joined(
              row, after: batch.rows[rows[i - 1]], sources: sources, first: Self.first(row, window))
            : nil
        }
      if let joined {
        blocks[blocks.count - 1] = joined
      } else {
        blocks.append(
          Block(rows: i..<i + 1, start: Self.first(row, window), sources: row.position + 1))
      }
    }
  }

  /// The first source that a row needs, or one of the 15 before it.
  private static func first(_ row: Batch.Row, _ window: LayerAttention?) -> Int {
    (window?.firstSource(of: row.position) ?? 0) & ~15
  }

  /// Most batches have them in this order as they are.
  private static func sorted(_ rows: [Batch.Row]) -> [Int] {
    func isBefore(_ a: Int, _ b: Int) -> Bool {
      (rows[a].owner, rows[a].position) < (rows[b].owner, rows[b].position)
    }
    let indices = Array(rows.indices)
    let isSorted = indices.dropFirst().allSatisfy { isBefore($0 - 1, $0) }
    return isSorted ? indices : indices.sorted(by: isBefore)
  }
}

extension [Int32] {
  /// How many of the first `count` elements come before the first that is not the same in both.
  fileprivate func agreement(with other: [Int32], upTo count: Int) -> Int {
    withUnsafeBufferPointer { a in
      other.withUnsafeBufferPointer { b in
        var i = 0
        while i < count, a[i] == b[i] { i += 1 }
        return i
      }
    }
  }
}
