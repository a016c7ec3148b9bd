/// The merges of a byte-pair encoding, found by the two tokens that they join.
struct MergeTable: Sendable {
  struct Merge: Sendable {
    var left: Int32
    var right: Int32
    /// The lower is done first.
    var rank: Int32
    /// The token that the two become.
    var id: Int32
  }

  private var table: [Merge]
  private let mask: Int
  private(set) var count = 0

  static let empty = Merge(left: -1, right: -1, rank: 0, id: 0)

  /// - Parameter capacity: the number of merges that `add` will be called with at most.
  init(capacity: Int) {
    let size = hashCapacity(capacity)
    table = Array(repeating: Self.empty, count: size)
    mask = size - 1
  }

  /// Of equal pairs the last counts, as in `tokenizers`.
  mutating func add(_ merge: Merge) {
    let slot = slot(merge.left, merge.right)
    if table[slot].left < 0 { count += 1 }
    table[slot] = merge
  }

  func find(_ left: Int32, _ right: Int32) -> Merge? {
    let merge = table[slot(left, right)]
    return merge.left < 0 ? nil : merge
  }

  private func slot(_ left: Int32, _ right: Int32) -> Int {
    let key = UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    let hash = (key ^ key >> 31) &* 0x9E37_79B9_7F4A_7C15
    var slot = Int(hash >> 32) & mask
    while table[slot].left >= 0, table[slot].left != left || table[slot].right != right {
      slot = (slot + 1) & mask
    }
    return slot
  }
}
