/// The tokens that are recognised in the text as they are written, before it is cut into words.
struct AddedTokens: Sendable {
  struct Token: Sendable {
    var id: Int
    /// UTF-8, not empty.
    var content: [UInt8]
    /// Whether white space before or after it belongs to it.
    var stripsLeft = false
    var stripsRight = false
    /// Whether it is looked for only where none of the others is (`normalized` of `tokenizers`).
    var comesSecond = false
  }

  /// By their first byte; the longest first, and so the one that is taken.
  private typealias Finder = [[Token]]

  private let first: Finder
  private let second: Finder

  init(_ tokens: [Token]) {
    first = Self.finder(tokens.filter { !$0.comesSecond })
    second = Self.finder(tokens.filter { $0.comesSecond })
  }

  private static func finder(_ tokens: [Token]) -> Finder {
    var finder = Finder(repeating: [], count: 256)
    for token in tokens {
      guard let first = token.content.first else { continue }
      finder[Int(first)].append(token)
    }
    return finder.map { $0.sorted { $0.content.count > $1.content.count } }
  }

  /// Calls `text` for each stretch that has none of the tokens, and `token` for each of them.
  func split(
    _ bytes: [UInt8], text: (Range<Int>) -> Void, token: (Int, Range<Int>) -> Void
  ) {
    split(bytes, 0..<bytes.count, first) { stretch in
      split(bytes, stretch, second, text: text, token: token)
    } token: {
      token($0, $1)
    }
  }

  private func split(
    _ bytes: [UInt8], _ range: Range<Int>, _ finder: Finder, text: (Range<Int>) -> Void,
    token: (Int, Range<Int>) -> Void
  ) {
    // Everything before `done` has been given out.
    var (done, index) = (range.lowerBound, range.lowerBound)
    while index < range.upperBound {
      let rest = bytes[index..<range.upperBound]
      guard
        let match = finder[Int(bytes[index])].first(where: { rest.starts(with: $0.content) })
      else {
        index += 1
        continue
      }
      var (start, end) = (index, index + match.content.count)
      index = end
      // White space that the token before has taken cannot begin this one.
      guard start >= done else { continue }
      if match.stripsLeft { start = whiteSpaceStart(bytes[done..<start]) }
      if match.stripsRight { end = whiteSpaceEnd(bytes[end..<range.upperBound]) }
      if done < start { text(done..<start) }
      token(match.id, start..<end)
      (done, index) = (end, max(index, end))
    }
    if done < range.upperBound { text(done..<range.upperBound) }
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
