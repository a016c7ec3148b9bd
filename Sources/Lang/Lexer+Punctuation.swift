extension Lexer {
  mutating func lexPunctuation(_ first: UInt8) {
    if let (kind, length) = operatorToken() { return emit(kind, to: position + length) }
    switch first {
    case UInt8(ascii: "("), UInt8(ascii: "["):
      emit(first == UInt8(ascii: "(") ? .leftParenthesis : .leftBracket, to: position + 1)
      open(.group)
    case UInt8(ascii: ")") where contexts.last == .interpolation:
      close()
      emit(.interpolationEnd, to: position + 1)
    case UInt8(ascii: ")"), UInt8(ascii: "]"):
      if contexts.last == .group { close() }
      emit(first == UInt8(ascii: ")") ? .rightParenthesis : .rightBracket, to: position + 1)
    case UInt8(ascii: "{"):
      let isSet = tokens.last?.kind == .at
      emit(.leftBrace, to: position + 1)
      open(isSet ? .set : .block)
    case UInt8(ascii: "}") where contexts.last == .set:
      close()
      emit(.rightBrace, to: position + 1)
      // No statement begins after it.
      previous = .rightBracket
    case UInt8(ascii: "}"):
      // An unclosed bracket inside must not make the rest of the file part of it.
      if openBlocks > 0 { while close() != .block {} }
      emit(.rightBrace, to: position + 1)
    case UInt8(ascii: "-") where byte(position + 1) == first && isOptionStart:
      lexOption()
    case UInt8(ascii: "-"):
      emit(.minus, to: position + 1)
    case UInt8(ascii: "!"):
      emit(.invalid(.exclamation), to: position + 1)
    case 0x00..<0x20, 0x7F:
      emit(.invalid(.control), to: position + 1)
    default:
      emit(.invalid(.character), to: position + 1)
    }
  }

  /// `--` and a letter after white space. `a--b` is an operator's business.
  private var isOptionStart: Bool {
    let start = position + 2
    return isAtWordStart && wordEnd(from: start) > start && byte(start)?.isDigit == false
  }

  /// `--name`, or `--two-words`.
  private mutating func lexOption() {
    var end = wordEnd(from: position + 2)
    while byte(end) == UInt8(ascii: "-"), byte(end + 1).map({ $0.isWordStart }) == true {
      end = wordEnd(from: end + 1)
    }
    emit(.option, to: end)
  }

  private func operatorToken() -> (Token.Kind, length: Int)? {
    let first = bytes[position]
    guard first < 0x80 else { return nil }
    for sign in Self.operators[Int(first)] {
      let isWhole =
        (sign.bytes.count < 2 || byte(position + 1) == sign.bytes[1])
        && (sign.bytes.count < 3 || byte(position + 2) == sign.bytes[2])
      if isWhole { return (sign.kind, sign.bytes.count) }
    }
    return nil
  }

  private struct Operator {
    var bytes: [UInt8]
    var kind: Token.Kind
  }

  /// By first byte, longest first.
  private static let operators: [[Operator]] = {
    let foreign = Token.Kind.invalid(.foreignOperator)
    let all: [(String, Token.Kind)] = [
      ("===", foreign), ("!==", foreign), ("...", foreign), ("..<", foreign), ("..=", foreign),
      ("&&", foreign), ("||", foreign), ("<>", foreign), ("=>", foreign), ("|>", foreign),
      ("**", .power), (":=", foreign), ("//", foreign), ("=~", foreign),
      ("==", .equal), ("!=", .notEqual), ("<=", .lessOrEqual), (">=", .greaterOrEqual),
      ("->", .arrow), ("..", .dotDot), ("<", .less), (">", .greater), ("=", .assign),
      ("|", .pipe), (",", .comma), (";", .semicolon), ("@", .at), (".", .dot), ("+", .plus),
      ("*", .star), ("/", .slash), ("%", .percent), ("&", foreign), ("^", foreign),
    ]
    var table = Array(repeating: [Operator](), count: 0x80)
    for (text, kind) in all {
      let bytes = Array(text.utf8)
      table[Int(bytes[0])].append(Operator(bytes: bytes, kind: kind))
    }
    return table
  }()
}
