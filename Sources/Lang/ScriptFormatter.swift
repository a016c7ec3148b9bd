/// A script in the usual layout: two columns for each block and bracket, one space around `|`, no
/// spaces at the ends of lines. Lines are neither joined nor broken, comments stay where they are.
///
/// The result has the same tokens and reads as the same tree, and formatting it again changes
/// nothing.
///
/// - Returns: nil for a text that does not parse.
public func formatted(_ source: SourceText) -> String? {
  let parsed = parse(source)
  if parsed.hasErrors { return nil }
  let meaning = Printer.print(parsed.script)
  // Where a space more or less would change the meaning, spaces stay as they are.
  for spacing in [ScriptFormatter.Spacing.usual, .asWritten] {
    let text = ScriptFormatter(source, spacing).text()
    let result = SourceText(name: source.name, text: text)
    let reparsed = parse(result)
    if !reparsed.hasErrors, Printer.print(reparsed.script) == meaning,
      ScriptFormatter.words(of: result) == ScriptFormatter.words(of: source)
    {
      return text
    }
  }
  return source.text
}

struct ScriptFormatter {
  enum Spacing { case usual, asWritten }

  /// A token, or a whole `"…"` with all that is in it.
  private struct Piece {
    var kind: Token.Kind
    var text: String
    /// Whether white space stands before it.
    var isAfterSpace: Bool
    /// The `{` of a position's set, and its `}`.
    var isOfSet = false
    /// The `=` of a `let`.
    var isOfLet = false
  }

  private struct Line {
    var pieces: [Piece] = []
    var comment: String?
    /// Where the comment began.
    var column = 0
    var isBlank: Bool { pieces.isEmpty && comment == nil }
  }

  private struct Opening {
    var isBlock: Bool
    /// The indentation of its line.
    var base: Int
  }

  private let source: SourceText
  private let spacing: Spacing
  private var open: [Opening] = []
  /// The last token before the line.
  private var previous: Token.Kind?

  init(_ source: SourceText, _ spacing: Spacing) {
    self.source = source
    self.spacing = spacing
  }

  /// What may not change: all tokens but white space and line ends, comments without the spaces at
  /// their ends.
  static func words(of source: SourceText) -> [String] {
    pieces(of: source).flatMap { line in
      line.pieces.map(\.text) + (line.comment.map { [$0] } ?? [])
    }
  }

  func text() -> String {
    var copy = self
    return copy.layOut()
  }

  private mutating func layOut() -> String {
    let lines = Self.pieces(of: source)
    var text = ""
    var blanks = 0
    for (index, line) in lines.enumerated() {
      if line.isBlank {
        blanks += 1
        continue
      }
      if blanks > 0, !text.isEmpty { text += "\n" }
      blanks = 0
      // A comment stands as what follows it does.
      let first =
        line.pieces.first ?? lines[index...].lazy.compactMap(\.pieces.first).first
      let indentation = indentation(
        first: first?.kind, isComment: line.pieces.isEmpty)
      text += String(repeating: " ", count: indentation) + written(line, indentation) + "\n"
    }
    return text
  }

  // MARK: Lines

  private static func pieces(of source: SourceText) -> [Line] {
    let tokens = tokens(of: source)
    var lines = [Line()]
    var isAfterSpace = false
    var kinds: [Token.Kind] = []
    var sets: [Bool] = []
    var index = 0
    while index < tokens.count {
      let token = tokens[index]
      index += 1
      switch token.kind {
      case .whitespace: isAfterSpace = true
      case .newline:
        lines.append(Line())
        isAfterSpace = false
      case .comment:
        let line = SourceSpan(source.lineSpan(at: token.span.start).start, token.span.start)
        lines[lines.count - 1].comment = source.text(in: token.span).withoutSpacesAtEnd
        lines[lines.count - 1].column = displayWidth(of: source.text(in: line))
      default:
        var piece = Piece(
          kind: token.kind, text: source.text(in: token.span), isAfterSpace: isAfterSpace)
        if token.kind == .stringStart {
          index = endOfString(tokens, after: index)
          piece.text = source.text(in: SourceSpan(token.span.start, tokens[index - 1].span.end))
        }
        if token.kind == .leftBrace {
          piece.isOfSet = kinds.last == .at
          sets.append(piece.isOfSet)
        }
        if token.kind == .rightBrace { piece.isOfSet = sets.popLast() ?? false }
        piece.isOfLet =
          token.kind == .assign && kinds.suffix(2) == [.keyword(.let), .identifier]
        kinds.append(token.kind)
        lines[lines.count - 1].pieces.append(piece)
        isAfterSpace = false
      }
    }
    return lines
  }

  /// The index after the end of the string whose start is before `index`.
  private static func endOfString(_ tokens: [Token], after start: Int) -> Int {
    var depth = 1
    var index = start
    while index < tokens.count, depth > 0 {
      if tokens[index].kind == .stringStart { depth += 1 }
      if tokens[index].kind == .stringEnd { depth -= 1 }
      index += 1
    }
    return index
  }

  // MARK: Indentation

  private func indentation(first: Token.Kind?, isComment: Bool) -> Int {
    let inner = open.last.map { $0.base + Printer.indentation } ?? 0
    switch first {
    case .rightParenthesis, .rightBracket, .rightBrace:
      return isComment ? inner : open.last?.base ?? 0
    default: break
    }
    if open.last?.isBlock == false { return inner }
    let continues = first == .pipe || previous?.continuesLine == true
    return continues ? inner + Printer.indentation : inner
  }

  // MARK: Within a line

  private mutating func written(_ line: Line, _ indentation: Int) -> String {
    var text = ""
    var last: Piece?
    var setDepth = 0
    for piece in line.pieces {
      if let last, hasGap(last, piece, isInSet: setDepth > 0) { text += " " }
      text += piece.text
      if piece.isOfSet { setDepth += piece.kind == .leftBrace ? 1 : -1 }
      note(piece.kind, indentation)
      last = piece
    }
    guard let comment = line.comment else { return text }
    if text.isEmpty { return comment }
    let end = indentation + displayWidth(of: text)
    let gap = line.column > end ? line.column - end : 2
    return text + String(repeating: " ", count: gap) + comment
  }

  private mutating func note(_ kind: Token.Kind, _ indentation: Int) {
    switch kind {
    case .leftBrace: open.append(Opening(isBlock: true, base: indentation))
    case .leftParenthesis, .leftBracket: open.append(Opening(isBlock: false, base: indentation))
    case .rightBrace, .rightParenthesis, .rightBracket: _ = open.popLast()
    default: break
    }
    previous = kind
  }

  private func hasGap(_ left: Piece, _ right: Piece, isInSet: Bool) -> Bool {
    if spacing == .asWritten || isInSet || right.isOfSet { return right.isAfterSpace }
    switch right.kind {
    case .comma, .semicolon, .rightParenthesis, .rightBracket: return false
    case .rightBrace: return left.kind != .leftBrace
    default: break
    }
    switch left.kind {
    case .leftParenthesis, .leftBracket: return false
    case .comma, .semicolon, .leftBrace: return true
    default: break
    }
    if left.isOfLet || right.isOfLet || right.kind == .leftBrace { return true }
    if left.kind.standsApart || right.kind.standsApart { return true }
    return right.isAfterSpace
  }
}

extension Token.Kind {
  /// Whether a space stands on both sides.
  fileprivate var standsApart: Bool {
    switch self {
    case .pipe, .arrow, .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual: true
    default: false
    }
  }
}

extension String {
  fileprivate var withoutSpacesAtEnd: String {
    var text = self
    while let last = text.last, last == " " || last == "\t" { text.removeLast() }
    return text
  }
}
