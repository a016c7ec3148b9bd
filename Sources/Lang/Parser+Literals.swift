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
    report(Diagnostic("`\(text)` is not an escape", at: span, help: helpForEscape(text)))
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
          "`\(text)` is not a character", at: span,
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
}
