/// Cuts UTF-8 bytes into tokens. It keeps just enough of what came before to tell what only the
/// place tells: a `!` that begins a stage, a word that begins a statement, the `)` that ends an
/// interpolation.
struct Lexer {
  let bytes: [UInt8]
  var position = 0
  var tokens: [Token] = []
  /// What is open, innermost last.
  var contexts: [Context] = []
  /// How many of `contexts` are `.block`, and how many `.string`.
  var openBlocks = 0
  var openStrings = 0
  /// The last token that is neither trivia nor a line end that does not count; nil at the start.
  var previous: Token.Kind?
  private var letProgress = LetProgress.none

  /// A `.set` is the braces of `@{0,last}`.
  enum Context { case block, group, set, string, interpolation }

  /// How much of `let NAME =` has just been seen: a stage begins after the `=`.
  private enum LetProgress { case none, keyword, name, complete }

  init(_ source: SourceText) {
    bytes = source.bytes
    position = 0
    if source.textStart > 0 { emit(.whitespace, to: source.textStart) }
  }

  mutating func run() -> [Token] {
    tokens.reserveCapacity(bytes.count / 3 + 1)
    while position < bytes.count {
      if contexts.last == .string { lexStringPart() } else { lexToken() }
    }
    return tokens
  }

  func byte(_ offset: Int) -> UInt8? {
    offset >= 0 && offset < bytes.count ? bytes[offset] : nil
  }

  // MARK: What came before

  var isAtStatementStart: Bool {
    switch previous {
    case nil, .newline, .semicolon, .leftBrace, .rightBrace: true
    default: false
    }
  }

  var isAtStageStart: Bool {
    switch previous {
    case .pipe, .leftParenthesis, .interpolationStart, .keyword(.time), .keyword(.plan): true
    case .assign: letProgress == .complete
    default: isAtStatementStart
    }
  }

  /// `if a { 1 } else { 2 } != 3`: no statement begins directly after a block.
  private var isUnequalAfterBlock: Bool {
    previous == .rightBrace && byte(position + 1) == UInt8(ascii: "=")
  }

  /// Whether a new word may begin here, rather than an operator between two unspaced operands.
  var isAtWordStart: Bool {
    guard let before = byte(position - 1) else { return true }
    switch before {
    case UInt8(ascii: "("), UInt8(ascii: "["), UInt8(ascii: ","), UInt8(ascii: "="),
      UInt8(ascii: "|"), UInt8(ascii: ";"), UInt8(ascii: "{"):
      return true
    default:
      return before.isSpaceOrTab || before.isLineEnd
    }
  }

  private var isDirectlyAfterDot: Bool {
    previous == .dot && tokens.last?.kind == .dot
  }

  // MARK: Emitting

  mutating func emit(_ kind: Token.Kind, to end: Int) {
    tokens.append(Token(kind: kind, span: SourceSpan(position, end)))
    position = end
    remember(kind)
  }

  private mutating func remember(_ kind: Token.Kind) {
    switch kind {
    case .whitespace, .comment:
      return
    case .newline:
      let isInBrackets = contexts.last == .group || contexts.last == .set
      if isInBrackets || previous?.continuesLine == true { return }
      letProgress = .none
    case .keyword(.let): letProgress = .keyword
    case .identifier: letProgress = letProgress == .keyword ? .name : .none
    case .assign: letProgress = letProgress == .name ? .complete : .none
    default: letProgress = .none
    }
    previous = kind
  }

  // MARK: Outside of strings

  private mutating func lexToken() {
    let first = bytes[position]
    switch first {
    case UInt8(ascii: " "), .tab:
      emit(.whitespace, to: end { $0.isSpaceOrTab })
    case .lineFeed, .carriageReturn:
      lexNewline()
    case UInt8(ascii: "#"):
      emit(.comment, to: end { !$0.isLineEnd })
    case UInt8(ascii: "0")...UInt8(ascii: "9"):
      lexNumber()
    case UInt8(ascii: "\""):
      emit(.stringStart, to: position + 1)
      open(.string)
    case UInt8(ascii: "'"):
      lexRawString()
    case UInt8(ascii: "`"):
      lexColumn()
    case UInt8(ascii: "$"):
      let end = variableEnd()
      emit(end == position + 1 ? .invalid(.character) : .variable, to: end)
    case UInt8(ascii: "!") where isAtStageStart && !isUnequalAfterBlock:
      emit(.shell, to: end { !$0.isLineEnd })
    case 0x80...:
      lexBeyondASCII()
    default:
      if first.isWordStart {
        lexWord()
      } else if let end = pathEnd() {
        emit(.path, to: end)
      } else {
        lexPunctuation(first)
      }
    }
  }

  func end(while belongs: (UInt8) -> Bool) -> Int {
    var end = position
    while end < bytes.count, belongs(bytes[end]) { end += 1 }
    return end
  }

  mutating func lexNewline() {
    let isPair = bytes[position] == .carriageReturn && byte(position + 1) == .lineFeed
    // No string spans lines, so neither does what it interpolates.
    while openStrings > 0 { close() }
    emit(.newline, to: position + (isPair ? 2 : 1))
  }

  private mutating func lexWord() {
    if !isDirectlyAfterDot {
      switch ComponentScanner.scan(bytes, at: position) {
      case .component(let end, _): return emit(.component, to: end)
      case .malformed(let end, _): return emit(.invalid(.component), to: end)
      case .none: break
      }
      if let end = bareFileNameEnd() { return emit(.path, to: end) }
    } else if let end = featuresEnd {
      return emit(.component, to: end)
    }
    let end = wordEnd(from: position)
    emit(wordKind(to: end), to: end)
  }

  /// The end of several features of a dictionary that is named: the `L12F*` of `sae.L12F*`. One feature is
  /// a name as the columns of tables have them.
  private var featuresEnd: Int? {
    guard case .component(let end, let literal) = ComponentScanner.scan(bytes, at: position),
      case .features = literal.part, end > wordEnd(from: position)
    else { return nil }
    return end
  }

  private func wordKind(to end: Int) -> Token.Kind {
    guard !isDirectlyAfterDot, let keyword = Token.Keyword(bytes[position..<end]) else {
      return .identifier
    }
    let isHere =
      !keyword.beginsStatement || isAtStatementStart
      || (keyword == .if && previous == .keyword(.else))
    return isHere ? .keyword(keyword) : .identifier
  }

  /// The end of the word after `$`; where none begins, that of the sign.
  private func variableEnd() -> Int {
    let start = position + 1
    return byte(start)?.isDigit == true ? start : wordEnd(from: start)
  }

  func wordEnd(from start: Int) -> Int {
    Lexer.wordEnd(in: bytes, from: start)
  }

  static func wordEnd(in bytes: [UInt8], from start: Int) -> Int {
    var end = start
    while end < bytes.count {
      if bytes[end].isWord {
        end += 1
      } else if bytes[end] >= 0x80, let (scalar, length) = decodeScalar(in: bytes, at: end),
        scalar.properties.isXIDContinue
      {
        end += length
      } else {
        break
      }
    }
    return end
  }

  private mutating func lexBeyondASCII() {
    guard let (scalar, length) = decodeScalar(in: bytes, at: position) else {
      return emit(.invalid(.encoding), to: position + 1)
    }
    if scalar.properties.isXIDStart {
      lexWord()
    } else if let closing = ForeignCharacter.closingQuotes[scalar] {
      emit(.invalid(.foreignQuotes), to: quotedEnd(closing, from: position + length))
    } else if ForeignCharacter.isSpace(scalar) {
      emit(.invalid(.foreignSpace), to: position + length)
    } else if scalar.properties.generalCategory == .control {
      emit(.invalid(.control), to: position + length)
    } else if scalar.properties.isXIDContinue {
      // A combining mark with nothing before it.
      emit(.invalid(.character), to: wordEnd(from: position))
    } else {
      emit(.invalid(.character), to: position + length)
    }
  }

  /// The end of a text in foreign quotes: after the closing one if the line has it.
  private func quotedEnd(_ closing: Set<Unicode.Scalar>, from start: Int) -> Int {
    var offset = start
    while let (scalar, length) = decodeScalar(in: bytes, at: offset) {
      if scalar == "\n" || scalar == "\r" { break }
      offset += length
      if closing.contains(scalar) { return offset }
    }
    return start
  }

  // MARK: Contexts

  mutating func open(_ context: Context) {
    contexts.append(context)
    if context == .block { openBlocks += 1 }
    if context == .string { openStrings += 1 }
  }

  @discardableResult
  mutating func close() -> Context? {
    let context = contexts.popLast()
    if context == .block { openBlocks -= 1 }
    if context == .string { openStrings -= 1 }
    return context
  }

}

extension Token.Kind {
  /// Whether a line that ends with this token goes on in the next one.
  var continuesLine: Bool {
    switch self {
    case .pipe, .comma, .assign, .arrow, .dotDot, .plus, .minus, .star, .slash, .percent, .power,
      .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual,
      .keyword(.and), .keyword(.or), .keyword(.not), .keyword(.in):
      true
    default: false
    }
  }
}
