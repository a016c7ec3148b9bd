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
  let lexemes: [Lexeme]
  var index = 0
  var diagnostics: [Diagnostic] = []
  /// Where the last lexeme that was taken ends.
  private(set) var previousEnd = 0
  var hasReportedUnclosed = false
  /// What the text still waits for, if it ended too early.
  var unfinished: Unfinished?

  var newlines = Newlines.end
  /// Among the arguments of a command, where ` -x` begins the next one.
  var isInArguments = false
  /// The brackets and blocks that are open, innermost last.
  var brackets: [SourceSpan] = []
  var nesting = 0
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
    guard !Stack.isLow else {
      throw fail(
        "this is nested too deeply for the stack", at: span,
        help: "name the inner parts with `let`, or raise `ulimit -s`")
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

}
