extension Lexer {
  /// One piece of a `"…"`: its end, an escape, the start of an interpolation, or plain text.
  mutating func lexStringPart() {
    switch bytes[position] {
    case UInt8(ascii: "\""):
      close()
      emit(.stringEnd, to: position + 1)
    case .lineFeed, .carriageReturn:
      lexNewline()
    case UInt8(ascii: "\\"):
      lexEscape()
    default:
      let end = end {
        $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") && !$0.isLineEnd
      }
      emit(.stringText, to: end)
    }
  }

  private mutating func lexEscape() {
    guard let next = byte(position + 1), !next.isLineEnd else {
      return emit(.stringEscape, to: position + 1)
    }
    if next == UInt8(ascii: "(") {
      emit(.interpolationStart, to: position + 2)
      return open(.interpolation)
    }
    var end = position + 1 + (decodeScalar(in: bytes, at: position + 1)?.length ?? 1)
    if next == UInt8(ascii: "u"), byte(end) == UInt8(ascii: "{") {
      var closing = end + 1
      while let digit = byte(closing), digit.isWord { closing += 1 }
      if byte(closing) == UInt8(ascii: "}") { end = closing + 1 }
    }
    emit(.stringEscape, to: end)
  }

  /// A backtick in the name is doubled.
  mutating func lexColumn() {
    let tick = UInt8(ascii: "`")
    var end = position + 1
    while let next = byte(end), !next.isLineEnd {
      end += 1
      guard next == tick else { continue }
      guard byte(end) == tick else { return emit(.column, to: end) }
      end += 1
    }
    emit(.invalid(.unterminatedColumn), to: end)
  }

  mutating func lexRawString() {
    var end = position + 1
    while let next = byte(end), !next.isLineEnd {
      end += 1
      if next == UInt8(ascii: "'") { return emit(.rawString, to: end) }
    }
    emit(.invalid(.unterminatedString), to: end)
  }
}
