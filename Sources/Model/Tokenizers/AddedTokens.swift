import Synchronization

/// The tokens that are recognised in the text as they are written, before it is cut into words.
struct AddedTokens: Sendable {
  struct Token: Sendable {
    var id: Int
    /// UTF-8, not empty.
    var content: [UInt8]
    /// Whether white space before or after it belongs to it.
    var stripsLeft = false
    var stripsRight = false
    /// Whether it is never part of a longer word: `single_word` of `tokenizers`.
    var standsAlone = false
    /// Whether it is looked for in the changed text, where none of the others is: `normalized` of
    /// `tokenizers`.
    var comesSecond = false
  }

  /// Which of two tokens that overlap in a text is found.
  enum Order: Sendable {
    /// The one that begins first, of those that begin together the longest: `tokenizers`.
    case leftmost
    /// The longest wherever it stands, of equal ones that of the lower id: llama.cpp.
    case longest
  }

  private let order: Order
  private let first: TokenFinder
  private let second: TokenFinder
  /// Of those that are looked for in the changed text, by id, what they are there, where it differs.
  let changed: [Int: [UInt8]]

  /// - Parameter normalizer: what changes the text before the second search, and so what is
  ///   searched for.
  init(_ tokens: [Token], order: Order = .leftmost, normalizer: Normalizer) {
    self.order = order
    first = TokenFinder(tokens.filter { !$0.comesSecond })
    var (late, changed): ([Token], [Int: [UInt8]]) = ([], [:])
    for var token in tokens where token.comesSecond {
      let content = normalizer.apply(AlignedText(token.content[...])).bytes
      if content != token.content { changed[token.id] = content }
      token.content = content
      late.append(token)
    }
    second = TokenFinder(late)
    self.changed = changed
  }

  /// The search in the text before normalization: calls `text` for each stretch that has none of the
  /// tokens, and `token` for each of them.
  func split(
    original bytes: [UInt8], text: (Range<Int>) -> Void, token: (Int, Range<Int>) -> Void
  ) {
    switch order {
    case .leftmost: split(bytes, 0..<bytes.count, first, text: text, token: token)
    case .longest: splitByLongest(bytes, first, text: text, token: token)
    }
  }

  /// The second search, in a stretch that has been changed.
  func split(
    changed bytes: [UInt8], text: (Range<Int>) -> Void, token: (Int, Range<Int>) -> Void
  ) {
    split(bytes, 0..<bytes.count, second, text: text, token: token)
  }

  private func split(
    _ bytes: [UInt8], _ range: Range<Int>, _ finder: TokenFinder, text: (Range<Int>) -> Void,
    token: (Int, Range<Int>) -> Void
  ) {
    // Everything before `done` has been given out.
    var (done, index) = (range.lowerBound, range.lowerBound)
    while index < range.upperBound {
      if index % 4096 == 0, Interruption.requested.load(ordering: .relaxed) { return }
      guard let match = finder.longest(bytes[index..<range.upperBound]) else {
        index += 1
        continue
      }
      var (start, end) = (index, index + match.content.count)
      index = end
      // White space that the token before has taken cannot begin this one.
      guard start >= done else { continue }
      if match.standsAlone, isInWord(bytes, start..<end) { continue }
      if match.stripsLeft { start = whiteSpaceStart(bytes[done..<start]) }
      if match.stripsRight { end = whiteSpaceEnd(bytes[end..<range.upperBound]) }
      if done < start { text(done..<start) }
      token(match.id, start..<end)
      (done, index) = (end, max(index, end))
    }
    if done < range.upperBound { text(done..<range.upperBound) }
  }

  private func isInWord(_ bytes: [UInt8], _ range: Range<Int>) -> Bool {
    let before = bytes[..<range.lowerBound].lastIndex { $0 & 0xC0 != 0x80 }
    let after = range.upperBound < bytes.count ? range.upperBound : nil
    return [before, after].contains {
      $0.map { scalar(at: $0, in: bytes[...]).scalar.isWordCharacter } ?? false
    }
  }

  /// Where the white space begins that ends `bytes`.
  private func whiteSpaceStart(_ bytes: ArraySlice<UInt8>) -> Int {
    var start = bytes.endIndex
    while let scalar = bytes[..<start].lastIndex(where: { $0 & 0xC0 != 0x80 }),
      ScalarKind.at(scalar, in: bytes).kind == .space
    {
      start = scalar
    }
    return start
  }

  /// Where the white space ends that begins `bytes`.
  private func whiteSpaceEnd(_ bytes: ArraySlice<UInt8>) -> Int {
    var end = bytes.startIndex
    while end < bytes.endIndex, case let next = ScalarKind.at(end, in: bytes), next.kind == .space {
      end += next.length
    }
    return end
  }
}
