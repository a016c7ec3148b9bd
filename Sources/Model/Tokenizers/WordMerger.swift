import Synchronization

/// Which neighbours become one token, and which of them first.
enum MergeRule: Sendable {
  /// Those that are listed, in the order of the list.
  case ranks(MergeTable)
  /// Those that together are a token, the one of the highest score first: SentencePiece's.
  case scores(PieceScores)

  var isByScore: Bool {
    switch self {
    case .ranks: false
    case .scores: true
    }
  }
}

/// A word while it is being merged: its symbols as a doubly linked list, and the possible merges in
/// a heap, the first to be done first and the leftmost of equals; n symbols take n log n steps.
struct WordMerger {
  private struct Symbol {
    /// -1 while it is not a token.
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

  private let rule: MergeRule
  private var symbols: [Symbol] = []
  private var heap: [Candidate] = []

  init(_ rule: MergeRule) { self.rule = rule }

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

  /// Merges the symbols, which lie in `text`, gives out what remains, and forgets all.
  mutating func finish(_ text: [UInt8], _ emit: (Int, Range<Int>) -> Void) {
    defer {
      symbols.removeAll(keepingCapacity: true)
      heap.removeAll(keepingCapacity: true)
    }
    for position in symbols.indices.dropLast() {
      if Self.mustEnd(at: position) { return }
      consider(position, text)
    }
    while let candidate = pop() {
      if Self.mustEnd(at: candidate.position) { return }
      let symbol = symbols[candidate.position]
      guard !symbol.isGone, symbol.next >= 0 else { continue }
      let right = symbols[symbol.next]
      // The pair may have changed since the candidate was found.
      guard merge(symbol, right, text)?.id == candidate.id else { continue }
      symbols[candidate.position].id = candidate.id
      symbols[candidate.position].range = symbol.range.lowerBound..<right.range.upperBound
      symbols[candidate.position].next = right.next
      symbols[symbol.next].isGone = true
      if right.next >= 0 { symbols[right.next].previous = candidate.position }
      if symbol.previous >= 0 { consider(symbol.previous, text) }
      if right.next >= 0 { consider(candidate.position, text) }
    }
    var position = symbols.isEmpty ? -1 : 0
    while position >= 0 {
      emit(Int(symbols[position].id), symbols[position].range)
      position = symbols[position].next
    }
  }

  /// A word may be as long as a text. What comes of it is not used then: see `Tokenizer.encode`.
  private static func mustEnd(at position: Int) -> Bool {
    position % 256 == 255 && Interruption.requested.load(ordering: .relaxed)
  }

  private func merge(_ left: Symbol, _ right: Symbol, _ text: [UInt8]) -> (rank: Int32, id: Int32)?
  {
    switch rule {
    case .ranks(let merges): merges.find(left.id, right.id).map { ($0.rank, $0.id) }
    case .scores(let pieces): pieces.find(text[left.range.lowerBound..<right.range.upperBound])
    }
  }

  /// Puts the merge of the symbol at `position` with its right neighbour into the heap.
  private mutating func consider(_ position: Int, _ text: [UInt8]) {
    let symbol = symbols[position]
    guard let merge = merge(symbol, symbols[symbol.next], text) else { return }
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
