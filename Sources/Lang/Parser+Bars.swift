// `|x|`, which mathematics reads as an absolute value and this language as two pipes.

extension Parser {
  /// The index of the `|` that closes bars which open at `index`: both hug what is between them, on
  /// one line.
  private func closingBar(of index: Int) -> Int? {
    guard lexeme(at: index).kind == .pipe, !lexeme(at: index + 1).isAfterSpace else { return nil }
    var depth = 0
    for next in (index + 1)..<lexemes.count {
      switch lexemes[next].kind {
      case .leftParenthesis, .leftBracket: depth += 1
      case .rightParenthesis, .rightBracket:
        guard depth > 0 else { return nil }
        depth -= 1
      case .pipe where depth == 0:
        return next > index + 1 && !lexemes[next].isAfterSpace ? next : nil
      case .newline, .end, .semicolon, .leftBrace, .rightBrace, .interpolationEnd, .shell:
        return nil
      default: break
      }
    }
    return nil
  }

  /// Refuses bars where a value must stand.
  mutating func refuseBars() throws(Abort) {
    guard let closing = closingBar(of: index) else { return }
    throw failBars(to: closing)
  }

  /// Refuses the pipe at `index` where it opens bars with no stage after them: `sort |dla|` at the
  /// end of a line, or `where |dla| > 1`. Read as pipes, they would swallow the next line.
  mutating func refuseBarsAsPipes() throws(Abort) {
    guard current.isAfterSpace, let closing = closingBar(of: index) else { return }
    let after = lexeme(at: closing + 1)
    switch after.kind {
    case .newline, .end, .semicolon, .comma, .pipe, .rightParenthesis, .rightBracket, .rightBrace,
      .interpolationEnd, .plus, .minus, .star, .slash, .percent, .equal, .notEqual, .less,
      .lessOrEqual, .greater, .greaterOrEqual, .assign,
      .keyword(.and), .keyword(.or), .keyword(.in), .keyword(.not):
      throw failBars(to: closing)
    default:
      return
    }
  }

  private mutating func failBars(to closing: Int) -> Abort {
    let whole = span.joined(with: lexemes[closing].span)
    let inner = excerpt(SourceSpan(span.end, lexemes[closing].span.start))
    return fail(
      "`\(excerpt(whole))` is not an absolute value", at: whole,
      help: "write abs(\(inner)); `|` separates the stages of a pipeline")
  }
}
