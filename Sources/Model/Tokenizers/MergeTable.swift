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

  private static let empty = Merge(left: -1, right: -1, rank: 0, id: 0)

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

/// A word while it is being merged: its symbols as a doubly linked list, and the possible merges in
/// a heap, the lowest rank first and the leftmost of equals; n symbols take n log n steps.
struct WordMerger {
  private struct Symbol {
    var id: Int32
    /// The bytes of the text.
    var range: Range<Int>
    var previous: Int
    var next: Int
    var isGone = false
  }

  private struct Candidate {
    var rank: Int32
    var position: Int
    var id: Int32

    func comes(before other: Candidate) -> Bool {
      (rank, position) < (other.rank, other.position)
    }
  }

  private let merges: MergeTable
  private var symbols: [Symbol] = []
  private var heap: [Candidate] = []

  init(_ merges: MergeTable) { self.merges = merges }

  /// Adds a symbol after the last one.
  mutating func append(_ id: Int, _ range: Range<Int>) {
    let position = symbols.count
    if position > 0 { symbols[position - 1].next = position }
    symbols.append(Symbol(id: Int32(id), range: range, previous: position - 1, next: -1))
  }

  /// The last symbol, if `id` is what it is, grows to `end`.
  mutating func extend(_ id: Int, to end: Int) -> Bool {
    guard let last = symbols.last, last.id == Int32(id) else { return false }
    symbols[symbols.count - 1].range = last.range.lowerBound..<end
    return true
  }

  /// Merges the symbols, gives out what remains, and forgets all.
  mutating func finish(_ emit: (Int, Range<Int>) -> Void) {
    defer {
      symbols.removeAll(keepingCapacity: true)
      heap.removeAll(keepingCapacity: true)
    }
    for position in symbols.indices.dropLast() { consider(position) }
    while let candidate = pop() {
      let symbol = symbols[candidate.position]
      guard !symbol.isGone, symbol.next >= 0 else { continue }
      let right = symbols[symbol.next]
      // The pair may have changed since the candidate was found.
      guard merges.find(symbol.id, right.id)?.id == candidate.id else { continue }
      symbols[candidate.position].id = candidate.id
      symbols[candidate.position].range = symbol.range.lowerBound..<right.range.upperBound
      symbols[candidate.position].next = right.next
      symbols[symbol.next].isGone = true
      if right.next >= 0 { symbols[right.next].previous = candidate.position }
      if symbol.previous >= 0 { consider(symbol.previous) }
      if right.next >= 0 { consider(candidate.position) }
    }
    var position = symbols.isEmpty ? -1 : 0
    while position >= 0 {
      emit(Int(symbols[position].id), symbols[position].range)
      position = symbols[position].next
    }
  }

  /// Puts the merge of the symbol at `position` with its right neighbour into the heap.
  private mutating func consider(_ position: Int) {
    let symbol = symbols[position]
    guard let merge = merges.find(symbol.id, symbols[symbol.next].id) else { return }
    push(Candidate(rank: merge.rank, position: position, id: merge.id))
  }

  private mutating func push(_ candidate: Candidate) {
    var index = heap.count
    heap.append(candidate)
    while index > 0, candidate.comes(before: heap[(index - 1) / 2]) {
      heap[index] = heap[(index - 1) / 2]
      index = (index - 1) / 2
    }
    heap[index] = candidate
  }

  private mutating func pop() -> Candidate? {
    guard let top = heap.first else { return nil }
    let last = heap.removeLast()
    guard !heap.isEmpty else { return top }
    var index = 0
    while 2 * index + 1 < heap.count {
      var child = 2 * index + 1
      if child + 1 < heap.count, heap[child + 1].comes(before: heap[child]) { child += 1 }
      guard heap[child].comes(before: last) else { break }
      heap[index] = heap[child]
      index = child
    }
    heap[index] = last
    return top
  }
}
