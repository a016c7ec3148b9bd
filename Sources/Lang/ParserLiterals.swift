extension Parser {
  // MARK: Numbers and components

  mutating func parseNumber() -> Expression.Kind {
    let text = currentText
    let place = span
    let isMalformed = kind == .invalid(.number)
    advance()
    if isMalformed {
      report(malformedNumber(text, at: place))
      return .integer(0)
    }
    switch NumberText.value(of: text) {
    case .success(let kind): return kind
    case .failure(let problem):
      report(Diagnostic(problem.message, at: place, help: problem.help))
      return .integer(0)
    }
  }

  /// `.5`
  mutating func parseFraction() -> Expression.Kind {
    let digits = text(lexeme(at: index + 1).span)
    report(
      Diagnostic(
        "a number begins with a digit", at: span.joined(with: following.span),
        help: "write 0.\(digits)"))
    advance()
    advance()
    return .number(0, .none)
  }

  mutating func parseComponent() -> Expression.Kind {
    let start = span.start
    let text = currentText
    advance()
    guard case .component(_, let literal) = ComponentScanner.scan(source.bytes, at: start) else {
      return .name(text)
    }
    return .component(literal)
  }

  // MARK: Strings

  mutating func parseString() throws(Abort) -> StringLiteral {
    let place = span
    switch kind {
    case .rawString:
      advance()
      return raw(SourceSpan(place.start + 1, place.end - 1))
    case .path:
      advance()
      return raw(place)
    default:
      return try parseInterpolatedString()
    }
  }

  private func raw(_ span: SourceSpan) -> StringLiteral {
    let pieces: [StringLiteral.Piece] =
      span.start < span.end
      ? [.text(text(span), offsets: Array(span.start..<span.end))] : []
    return StringLiteral(isRaw: true, pieces: pieces)
  }

  private mutating func parseInterpolatedString() throws(Abort) -> StringLiteral {
    let opening = span
    advance()
    var pieces: [StringLiteral.Piece] = []
    var bytes: [UInt8] = []
    var offsets: [Int] = []
    var tallest = 0
    func flush() {
      guard !bytes.isEmpty else { return }
      pieces.append(.text(String(decoding: bytes, as: UTF8.self), offsets: offsets))
      (bytes, offsets) = ([], [])
    }
    while true {
      switch kind {
      case .stringText:
        bytes += source.bytes[span.start..<span.end]
        offsets += span.start..<span.end
        advance()
      case .stringEscape:
        let escaped = Array(String(parseEscape()).utf8)
        offsets += repeatElement(span.start, count: escaped.count)
        bytes += escaped
        advance()
      case .interpolationStart:
        flush()
        pieces.append(.interpolation(try parseInterpolation(in: opening)))
        tallest = max(tallest, height)
      case .stringEnd:
        advance()
        flush()
        try grow(over: tallest)
        return StringLiteral(isRaw: false, pieces: pieces)
      default:
        throw failUnterminated(opening)
      }
    }
  }

  private mutating func parseInterpolation(in opening: SourceSpan) throws(Abort) -> Pipeline {
    let start = span
    let outerBrackets = brackets
    defer { brackets = outerBrackets }
    brackets = []
    let pipeline = try inside(start, newlines: .refused) { (parser) throws(Abort) in
      if parser.kind == .interpolationEnd {
        throw parser.fail(
          "there is nothing in this `\\( )`", at: start.joined(with: parser.span))
      }
      if parser.isAtLineEnd { throw parser.failUnterminated(opening) }
      let pipeline = try parser.parsePipeline()
      switch parser.kind {
      case .interpolationEnd: return pipeline
      case .newline, .end: throw parser.failUnterminated(opening)
      default: throw parser.failUnexpected()
      }
    }
    advance()
    return pipeline
  }

  private var isAtLineEnd: Bool { kind == .newline || kind == .end }

  private mutating func failUnterminated(_ opening: SourceSpan) -> Abort {
    fail(
      "this string is not closed", at: spanFrom(opening.start),
      help: "put a `\"` at its end; a string stays on one line, `\\n` is a line end in it")
  }

  /// What the escape at `current` stands for.
  private mutating func parseEscape() -> Character {
    let text = currentText
    switch text {
    case "\\n": return "\n"
    case "\\r": return "\r"
    case "\\t": return "\t"
    case "\\\"": return "\""
    case "\\\\": return "\\"
    default: break
    }
    if text.hasPrefix("\\u") { return unicodeEscape(text) }
    report(Diagnostic("`\(text)` is no escape", at: span, help: helpForEscape(text)))
    return "?"
  }

  private mutating func unicodeEscape(_ text: String) -> Character {
    guard text.hasPrefix("\\u{"), text.hasSuffix("}") else {
      report(
        Diagnostic(
          "the character's number is missing after `\\u`", at: span, help: "for instance: \\u{E9}"))
      return "?"
    }
    let digits = text.dropFirst(3).dropLast()
    guard (1...8).contains(digits.count), let value = UInt32(digits, radix: 16),
      let scalar = Unicode.Scalar(value)
    else {
      report(
        Diagnostic(
          "`\(text)` is no character", at: span,
          help: "\\u{…} takes 1 to 8 hexadecimal digits, up to 10FFFF, without D800 to DFFF"))
      return "?"
    }
    return Character(scalar)
  }

  private func helpForEscape(_ text: String) -> String {
    switch text.dropFirst().first {
    case "'": "`'` needs no backslash in double quotes"
    case "0": "write \\u{0}"
    case "e", "x": "write \\u{…} with the character's number: \\u{1B}"
    case "a", "b", "f", "v": "write \\u{…} with the character's number: \\u{7}"
    case "{", "}": "a brace of a prompt is written twice: {{ }}"
    case nil: "write \\\\ for a backslash"
    default:
      "write \\\(text) for a backslash, or use 'single quotes'; "
        + "the escapes are \\n \\r \\t \\\" \\\\ \\u{…} \\(…)"
    }
  }

  // MARK: Positions

  /// What follows `@`, from the `@` on.
  mutating func parsePosition() throws(Abort) -> Position {
    let sign = span
    advance()
    guard !current.isAfterSpace else {
      throw fail(
        "a position must follow `@` directly", at: sign, help: Self.positionHelp)
    }
    let start = span.start
    if kind == .leftBrace {
      let kind = try parsePositionSet()
      return Position(kind: kind, span: spanFrom(start))
    }
    let kind = try parseOnePosition()
    return Position(kind: kind, span: spanFrom(start))
  }

  private static let positionHelp =
    "for instance: @last @subject @3 @-1 @3..5 @\"Colosseum\" @{0,last} @*"

  private mutating func parsePositionSet() throws(Abort) -> Position.Kind {
    let opening = span
    var items: [Position.Kind] = []
    try inside(opening, newlines: .skipped) { (parser) throws(Abort) in
      while parser.kind != .rightBrace {
        items.append(try parser.parseOnePosition())
        if parser.kind != .rightBrace, !parser.take(.comma) {
          throw parser.failExpecting("`,` or `}`")
        }
      }
    }
    advance()
    guard !items.isEmpty else {
      throw fail(
        "this set of positions is empty", at: spanFrom(opening.start), help: Self.positionHelp)
    }
    return .set(items)
  }

  private mutating func parseOnePosition() throws(Abort) -> Position.Kind {
    switch kind {
    case .star:
      advance()
      return .all
    case .identifier:
      let name = currentText
      advance()
      return .name(name)
    case .integer, .minus:
      return try parsePositionNumbers()
    case .rawString, .stringStart:
      let start = span.start
      let pieces = try parseString().pieces
      switch pieces.first {
      case .text(let text, _) where pieces.count == 1: return .text(text)
      case nil:
        throw fail("an empty text covers no token", at: spanFrom(start))
      default:
        throw fail("a position's text cannot hold `\\( )`", at: spanFrom(start))
      }
    case .number, .invalid(.number):
      throw fail("a position is a whole number", at: span, help: Self.positionHelp)
    case .leftBrace:
      throw fail("a set of positions cannot hold a set", at: span)
    default:
      throw failExpecting("a position", help: Self.positionHelp)
    }
  }

  private mutating func parsePositionNumbers() throws(Abort) -> Position.Kind {
    let start = span.start
    let first = try parsePositionNumber()
    guard kind == .dotDot, !current.isAfterSpace, !isBeforeSpace(index) else {
      return .index(first)
    }
    advance()
    guard kind == .integer || kind == .minus else {
      throw fail(
        "both ends of a range of positions are numbers", at: span,
        help: "the last position is -1: @3..-1")
    }
    let last = try parsePositionNumber()
    if (first < 0) == (last < 0), first > last {
      report(
        Diagnostic(
          "this range of positions runs backwards", at: spanFrom(start),
          help: "write @\(last)..\(first)"))
    }
    return .range(first, last)
  }

  private mutating func parsePositionNumber() throws(Abort) -> Int {
    let isNegative = kind == .minus
    if isNegative {
      advance()
      guard kind == .integer, !current.isAfterSpace else {
        throw failExpecting("a number", help: Self.positionHelp)
      }
    }
    guard let value = Int(currentText) else {
      throw fail("this number is too large for a position", at: span)
    }
    advance()
    return isNegative ? -value : value
  }
}
