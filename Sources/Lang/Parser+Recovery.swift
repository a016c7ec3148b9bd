extension Parser {
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
    Lang.excerpt(text(SourceSpan(span.start, min(span.end, span.start + 160))), limit: 40)
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
