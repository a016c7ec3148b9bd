/// What came out of a text: the tree of what could be read, and all that was wrong with the rest.
public struct ParseResult: Sendable {
  public var script: Script
  public var diagnostics: [Diagnostic]

  public var hasErrors: Bool { diagnostics.contains { $0.severity == .error } }
}

/// Reads a whole text. After an error it goes on at the next statement, so that one run tells of
/// all of them.
public func parse(_ source: SourceText) -> ParseResult {
  if let diagnostic = source.encodingError() {
    return ParseResult(script: Script(statements: []), diagnostics: [diagnostic])
  }
  var parser = Parser(source)
  let script = Script(statements: parser.parseStatements(inBlock: false))
  return ParseResult(script: script, diagnostics: parser.diagnostics)
}

/// Recursive descent over statements and stages, precedence climbing over operators.
struct Parser {
  /// How deeply brackets, blocks and strings may nest: the parser's own recursion.
  static let nestingLimit = 200
  /// How high an expression's tree may grow, a chain of operators included: every later walk over
  /// the tree recurses.
  static let heightLimit = 1000
  static let diagnosticLimit = 100

  let source: SourceText
  /// Without white space and comments; the last one is `.end`.
  private let lexemes: [Lexeme]
  private(set) var index = 0
  private(set) var diagnostics: [Diagnostic] = []
  /// Where the last lexeme that was taken ends.
  private(set) var previousEnd = 0
  private var hasReportedUnclosed = false
  /// What the text still waits for, if it ended too early.
  private(set) var unfinished: Unfinished?

  var newlines = Newlines.end
  /// Among the arguments of a command, where ` -x` begins the next one.
  var isInArguments = false
  /// The brackets and blocks that are open, innermost last.
  var brackets: [SourceSpan] = []
  private var nesting = 0
  /// The height of the expression that was parsed last.
  var height = 0

  struct Lexeme {
    var kind: Token.Kind
    var span: SourceSpan
    var isAfterSpace: Bool
  }

  /// What a line end means.
  enum Newlines {
    /// The end of a statement.
    case end
    /// Nothing: a bracket is open.
    case skipped
    /// An error: strings do not span lines.
    case refused
  }

  struct Unfinished {
    var why: String
    /// How many blocks, brackets and broken pipelines the next line stands in.
    var levels: Int
  }

  /// The statement cannot be read further; what is wrong has been reported.
  struct Abort: Error {}

  init(_ source: SourceText) {
    self.source = source
    var lexemes: [Lexeme] = []
    var isAfterSpace = true
    var foreignSpaces: [SourceSpan] = []
    for token in tokens(of: source) {
      if token.kind == .invalid(.foreignSpace) { foreignSpaces.append(token.span) }
      if token.isTrivia || token.kind == .invalid(.foreignSpace) {
        isAfterSpace = true
        continue
      }
      lexemes.append(Lexeme(kind: token.kind, span: token.span, isAfterSpace: isAfterSpace))
      isAfterSpace = token.kind == .newline
    }
    let end = source.bytes.count
    lexemes.append(Lexeme(kind: .end, span: SourceSpan(end, end), isAfterSpace: true))
    self.lexemes = lexemes
    for span in foreignSpaces.prefix(Self.diagnosticLimit) { report(foreignSpace(at: span)) }
  }

  // MARK: Looking

  var current: Lexeme { lexemes[index] }
  var kind: Token.Kind { lexemes[index].kind }
  var span: SourceSpan { lexemes[index].span }

  /// The lexeme after `current`, line ends skipped where they mean nothing.
  var following: Lexeme { lexemes[indexAfter(index)] }

  func indexAfter(_ index: Int) -> Int {
    var next = min(index + 1, lexemes.count - 1)
    if newlines == .skipped { while lexemes[next].kind == .newline { next += 1 } }
    return next
  }

  /// Where the current line end, and those after it, lead.
  func lexemeAfterNewlines() -> Lexeme {
    var next = index
    while lexemes[next].kind == .newline { next += 1 }
    return lexemes[next]
  }

  func lexeme(at index: Int) -> Lexeme { lexemes[min(index, lexemes.count - 1)] }

  func text(_ span: SourceSpan) -> String { source.text(in: span) }

  var currentText: String { text(span) }

  /// The span of `current`, of the whole string where it begins one.
  var extent: SourceSpan {
    guard kind == .stringStart else { return span }
    var depth = 0
    for lexeme in lexemes[index...] {
      switch lexeme.kind {
      case .stringStart: depth += 1
      case .stringEnd: depth -= 1
      case .newline, .end: return SourceSpan(span.start, lexeme.span.start)
      default: break
      }
      if depth == 0 { return span.joined(with: lexeme.span) }
    }
    return span
  }

  /// Whether white space follows the lexeme at `index`.
  func isBeforeSpace(_ index: Int) -> Bool {
    let next = lexemes[min(index + 1, lexemes.count - 1)]
    return next.isAfterSpace || next.kind == .newline || next.kind == .end
  }

  /// The word of the language at `index`, whether or not the lexer took it for one: after an
  /// unclosed bracket it may not have seen that a statement begins there.
  func word(at index: Int) -> Token.Keyword? {
    let lexeme = lexeme(at: index)
    switch lexeme.kind {
    case .keyword(let keyword): return keyword
    case .identifier: return Token.Keyword(source.bytes[lexeme.span.start..<lexeme.span.end])
    default: return nil
    }
  }

  // MARK: Taking

  mutating func advance() {
    if kind != .newline { previousEnd = span.end }
    index = indexAfter(index)
  }

  mutating func skipNewlines() {
    guard newlines != .refused else { return }
    while kind == .newline { index += 1 }
  }

  /// Takes a token of this kind if it is here.
  mutating func take(_ expected: Token.Kind) -> Bool {
    guard kind == expected else { return false }
    advance()
    return true
  }

  func spanFrom(_ start: Int) -> SourceSpan { SourceSpan(start, max(start, previousEnd)) }

  // MARK: Reporting

  mutating func report(_ diagnostic: Diagnostic) {
    guard diagnostics.count < Self.diagnosticLimit else { return }
    diagnostics.append(diagnostic)
    if diagnostics.count == Self.diagnosticLimit {
      diagnostics.append(
        Diagnostic("too many errors: the rest was not read", at: diagnostic.span))
    }
  }

  mutating func fail(
    _ message: String, at span: SourceSpan, help: String? = nil, notes: [Diagnostic.Note] = []
  ) -> Abort {
    report(Diagnostic(message, at: span, help: help, notes: notes))
    return Abort()
  }

  /// What stands here is not what must stand here. At the end of the text that may only mean that
  /// another line is to come.
  mutating func failExpecting(_ expected: String, help: String? = nil) -> Abort {
    switch kind {
    case .invalid(let problem):
      return fail(lexicalError(problem))
    case .end where !brackets.isEmpty:
      return failUnclosed(brackets[brackets.count - 1])
    case .end, .newline, .semicolon:
      let last = lexemeBefore(index)
      let lastText = last.map { excerpt($0.span) } ?? ""
      if kind == .end, last?.kind.continuesLine == true, diagnostics.isEmpty {
        unfinished = Unfinished(why: "`\(lastText)` waits for \(expected)", levels: 1)
      }
      let place = last == nil ? "" : " after `\(lastText)`"
      return fail("\(expected) is missing\(place)", at: last?.span ?? span, help: help)
    default:
      return fail("\(expected) is missing before `\(excerpt(extent))`", at: extent, help: help)
    }
  }

  mutating func fail(_ diagnostic: Diagnostic) -> Abort {
    report(diagnostic)
    return Abort()
  }

  mutating func failUnclosed(_ bracket: SourceSpan) -> Abort {
    if kind == .end {
      // One is enough: all that is open around it is not closed either.
      guard !hasReportedUnclosed else { return Abort() }
      hasReportedUnclosed = true
    }
    let opening = text(bracket)
    let noun = opening == "{" ? "block" : "bracket"
    if kind == .end, diagnostics.isEmpty {
      unfinished = Unfinished(why: "the \(noun) `\(opening)` is open", levels: brackets.count)
    }
    let closing = opening == "{" ? "}" : opening == "[" ? "]" : ")"
    let shell = lexemes[..<index].last { $0.span.start < bracket.start || $0.kind == .shell }
    let isShell = shell?.kind == .shell
    return fail(
      "this `\(opening)` is not closed", at: bracket,
      help: isShell
        ? "`!` takes the rest of its line: put the `\(closing)` on the next line"
        : "put a `\(closing)` where it ends")
  }

  private func lexemeBefore(_ index: Int) -> Lexeme? {
    lexemes[..<index].last { $0.kind != .newline }
  }

  /// Text to quote in a message: one line, not too long.
  func excerpt(_ span: SourceSpan) -> String {
    let text = text(SourceSpan(span.start, min(span.end, span.start + 160)))
    guard text.count > 40 else { return text }
    return text.prefix(39) + "…"
  }

  // MARK: Nesting

  mutating func nested<Result>(
    _ body: (inout Parser) throws(Abort) -> Result
  ) throws(Abort) -> Result {
    nesting += 1
    defer { nesting -= 1 }
    guard nesting <= Self.nestingLimit else {
      throw fail(
        "this is nested more than \(Self.nestingLimit) levels deep", at: span,
        help: "name the inner parts with `let`")
    }
    return try body(&self)
  }

  /// Another node on top of those of the given heights.
  mutating func grow(over heights: Int...) throws(Abort) {
    height = 1 + (heights.max() ?? 0)
    guard height <= Self.heightLimit else {
      throw fail(
        "this expression has more than \(Self.heightLimit) operators in a row", at: span,
        help: "split it with `let`, or use a list: x in [a, b, c]")
    }
  }

  /// Parses what stands in a bracket or block, whose line ends have a meaning of their own.
  mutating func inside<Result>(
    _ bracket: SourceSpan, newlines inner: Newlines,
    _ body: (inout Parser) throws(Abort) -> Result
  ) throws(Abort) -> Result {
    let outer = (newlines, isInArguments)
    newlines = newlines == .refused ? .refused : inner
    isInArguments = false
    brackets.append(bracket)
    defer { (newlines, isInArguments) = outer }
    advance()
    let result = try nested(body)
    brackets.removeLast()
    return result
  }

  // MARK: Recovery

  /// Goes to the end of the statement that began at `start`, over the brackets that it opened.
  mutating func recover(from start: Int) {
    guard kind != .end else { return }
    var open: [Token.Kind] = []
    var openBlocks = 0
    var next = start
    // The line ends before the place of the error still end what came before them.
    var readEnd = index
    while readEnd > start, lexemes[readEnd - 1].kind == .newline { readEnd -= 1 }
    while lexemes[next].kind != .end {
      let isRead = next < readEnd
      switch lexemes[next].kind {
      case .leftParenthesis, .leftBracket:
        open.append(lexemes[next].kind)
      case .leftBrace:
        open.append(.leftBrace)
        openBlocks += 1
      case .rightParenthesis, .rightBracket:
        if let last = open.last, last != .leftBrace { open.removeLast() }
      case .rightBrace where openBlocks > 0:
        while open.popLast() != .leftBrace {}
        openBlocks -= 1
      case .rightBrace where !isRead:
        index = next
        return
      case .newline where !isRead && (open.isEmpty || beginsStatement(next + 1)),
        .semicolon where !isRead && open.isEmpty:
        index = next
        return
      default:
        break
      }
      next += 1
    }
    index = next
  }

  /// Leaves the rest unread.
  mutating func giveUp() {
    index = lexemes.count - 1
  }

  /// Whether a line that can only be a statement begins at `index`: then a bracket that is still
  /// open was forgotten.
  func beginsStatement(_ index: Int) -> Bool {
    guard index > 0, lexemes[index - 1].kind == .newline else { return false }
    switch word(at: index) {
    case .let, .def, .for:
      if case .identifier = lexeme(at: index + 1).kind { return true }
      return false
    default:
      return false
    }
  }
}
