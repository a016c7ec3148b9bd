/// The tokens that are recognised in the text as they are written, before it is cut into words.
struct AddedTokens: Sendable {
  struct Token: Sendable {
    var id: Int
    /// UTF-8, not empty.
    var content: [UInt8]
    /// Whether white space before or after it belongs to it.
    var stripsLeft = false
    var stripsRight = false
  }

  /// By their first byte; the longest first, and so the one that is taken.
  private let byFirstByte: [[Token]]

  init(_ tokens: [Token]) {
    var byFirstByte = [[Token]](repeating: [], count: 256)
    for token in tokens {
      guard let first = token.content.first else { continue }
      byFirstByte[Int(first)].append(token)
    }
    self.byFirstByte = byFirstByte.map { $0.sorted { $0.content.count > $1.content.count } }
  }

  /// Calls `text` for each stretch that has none of the tokens, and `token` for each of them.
  func split(
    _ bytes: [UInt8], text: (Range<Int>) -> Void, token: (Int, Range<Int>) -> Void
  ) {
    // Everything before `done` has been given out.
    var (done, index) = (0, 0)
    while index < bytes.count {
      guard
        let match = byFirstByte[Int(bytes[index])].first(where: {
          bytes[index...].starts(with: $0.content)
        })
      else {
        index += 1
        continue
      }
      var (start, end) = (index, index + match.content.count)
      index = end
      if match.stripsLeft { start = max(done, whiteSpaceStart(bytes, start)) }
      if match.stripsRight { end = whiteSpaceEnd(bytes, end) }
      // White space that the token before has taken cannot begin this one.
      guard start >= done else { continue }
      if done < start { text(done..<start) }
      token(match.id, start..<end)
      (done, index) = (end, max(index, end))
    }
    if done < bytes.count { text(done..<bytes.count) }
  }

  private func whiteSpaceStart(_ bytes: [UInt8], _ end: Int) -> Int {
    let text = String(decoding: bytes[..<end], as: UTF8.self).unicodeScalars
    let kept = text.lastIndex { !$0.properties.isWhitespace }.map { text.index(after: $0) }
    return text[..<(kept ?? text.startIndex)].utf8Count
  }

  private func whiteSpaceEnd(_ bytes: [UInt8], _ start: Int) -> Int {
    let text = String(decoding: bytes[start...], as: UTF8.self).unicodeScalars
    return start + text.prefix { $0.properties.isWhitespace }.utf8Count
  }
}

extension Substring.UnicodeScalarView {
  fileprivate var utf8Count: Int { reduce(0) { $0 + UTF8.width($1) } }
}
