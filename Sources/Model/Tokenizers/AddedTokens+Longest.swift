import Synchronization

extension AddedTokens {
  /// Takes the longest token out of the text, wherever it stands, then the next longest out of what
  /// is left, and so on: `tokenizer_st_partition` of llama.cpp. White space is that of C's `isspace`.
  func splitByLongest(
    _ bytes: [UInt8], _ finder: TokenFinder, text: (Range<Int>) -> Void,
    token: (Int, Range<Int>) -> Void
  ) {
    var starts: [Int: [Int]] = [:]
    for index in bytes.indices {
      if index % 4096 == 0, Interruption.requested.load(ordering: .relaxed) { return }
      finder.all(bytes[index...]) { starts[$0, default: []].append(index) }
    }
    // A byte that a token has taken has its number here, counted from 1.
    var owner = [Int](repeating: 0, count: starts.isEmpty ? 0 : bytes.count)
    var taken: [(id: Int, range: Range<Int>)] = []
    let order = starts.keys.sorted { a, b in
      let (a, b) = (finder.tokens[a], finder.tokens[b])
      return (b.content.count, a.id) < (a.content.count, b.id)
    }
    for index in order {
      let found = finder.tokens[index]
      for start in starts[index] ?? [] {
        // None that has been taken is shorter, so that one in between would reach an end.
        var end = start + found.content.count
        guard owner[start] == 0, owner[end - 1] == 0 else { continue }
        if found.stripsRight {
          while end < bytes.count, owner[end] == 0, Self.isSpace(bytes[end]) { end += 1 }
        }
        taken.append((found.id, start..<end))
        for offset in start..<end { owner[offset] = taken.count }
      }
    }
    var done = 0
    while done < bytes.count {
      let start = owner.isEmpty ? nil : owner[done...].firstIndex { $0 > 0 }
      if start ?? bytes.count > done { text(done..<(start ?? bytes.count)) }
      guard let start else { return }
      let (id, range) = taken[owner[start] - 1]
      token(id, range)
      done = range.upperBound
    }
  }

  private static func isSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || (0x09...0x0D).contains(byte)
  }
}
