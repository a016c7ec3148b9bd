extension Parser {
  // MARK: Postfix

  /// `x.name`, `x[i]`, `x@position`, in any number.
  mutating func parsePostfix() throws(Abort) -> Expression {
    let start = span.start
    var base = try parsePrimary()
    while !current.isAfterSpace {
      let below = height
      switch kind {
      case .dot where featuresFollow(base):
        base = Expression(kind: try parseFeatures(of: base), span: spanFrom(start))
      case .dot:
        base = Expression(
          kind: .member(base, try parseMemberName()), span: spanFrom(start))
        try grow(over: below)
      case .leftBracket:
        let index = try parseIndex()
        base = Expression(kind: .element(base, index), span: spanFrom(start))
        try grow(over: below, height)
      case .at:
        base = Expression(kind: .at(base, try parsePosition()), span: spanFrom(start))
        try grow(over: below)
      default:
        return base
      }
    }
    return base
  }

  /// Whether what stands after the dot at `current` are several features of a dictionary.
  private func featuresFollow(_ base: Expression) -> Bool {
    guard case .name = base.kind else { return false }
    let next = lexeme(at: index + 1)
    return next.kind == .component && !isBeforeSpace(index)
  }

  /// `sae.L12F*`
  private mutating func parseFeatures(of base: Expression) throws(Abort) -> Expression.Kind {
    advance()
    guard case .name(let name) = base.kind, case .component(var literal) = parseComponent() else {
      throw fail("features must follow `.`", at: span)
    }
    literal.dictionary = name
    literal.text = name + "." + literal.text
    return .component(literal)
  }

  private mutating func parseMemberName() throws(Abort) -> Name {
    let dot = span
    advance()
    if !current.isAfterSpace, kind == .column { return takeColumn() }
    guard !current.isAfterSpace, kind == .identifier else {
      if case .integer = kind {
        throw fail(
          "a name must follow `.`", at: span,
          help: "an item is taken with brackets: x[\(currentText)]")
      }
      throw fail("a name is missing after `.`", at: dot)
    }
    let name = Name(text: currentText, span: span)
    advance()
    if kind == .leftParenthesis, !current.isAfterSpace {
      throw fail(
        "only a name of its own can be called", at: name.span,
        help: "write \(name.text)(…), or a pipeline: … | \(name.text)")
    }
    return name
  }

  private mutating func parseIndex() throws(Abort) -> Expression {
    let opening = span
    let index = try inside(opening, newlines: .skipped) { (parser) throws(Abort) in
      let index = try parser.parseExpression()
      guard parser.kind == .rightBracket else {
        throw parser.failInList(closing: "]", what: "items")
      }
      return index
    }
    advance()
    return index
  }

  // MARK: Primary

  private mutating func parsePrimary() throws(Abort) -> Expression {
    let start = span.start
    let kind = try parsePrimaryKind()
    return Expression(kind: kind, span: spanFrom(start))
  }

  private mutating func parsePrimaryKind() throws(Abort) -> Expression.Kind {
    height = 1
    switch kind {
    case .identifier where beginsBlockValue, .keyword(.if), .keyword(.for):
      return try parseBlockValue()
    case .identifier:
      return try parseName()
    case .column:
      return .column(takeColumn().text)
    case .variable:
      let name = String(currentText.dropFirst())
      advance()
      return .variable(name)
    case .integer, .number, .invalid(.number):
      return parseNumber()
    case .component:
      return parseComponent()
    case .invalid(.component):
      report(lexicalError(.component))
      let text = currentText
      advance()
      return .name(text)
    case .rawString, .path, .stringStart:
      return .string(try parseString())
    case .keyword(.true), .keyword(.false):
      let isTrue = kind == .keyword(.true)
      advance()
      return .boolean(isTrue)
    case .leftParenthesis:
      return .pipeline(try parseParenthesised())
    case .leftBracket:
      return .list(try parseListItems(), bracketed: true)
    case .at:
      return .at(nil, try parsePosition())
    case .star where isEveryPosition:
      let position = Position(kind: .all, span: span)
      advance()
      return .at(nil, position)
    case .dot where lexeme(at: index + 1).kind == .integer && !isBeforeSpace(index):
      return parseFraction()
    default:
      try refuseBars()
      throw failNoValue()
    }
  }

  /// The name between the backticks at `current`.
  mutating func takeColumn() -> Name {
    let pieces = currentText.dropFirst().dropLast().split(
      separator: "``", omittingEmptySubsequences: false)
    let name = Name(text: pieces.joined(separator: "`"), span: span, isQuoted: true)
    advance()
    return name
  }

  private mutating func parseName() throws(Abort) -> Expression.Kind {
    let name = Name(text: currentText, span: span)
    advance()
    guard kind == .leftParenthesis, !current.isAfterSpace else { return .name(name.text) }
    let arguments = try parseCallArguments()
    try grow(over: height)
    return .call(name, arguments)
  }

  private mutating func parseParenthesised() throws(Abort) -> Pipeline {
    let opening = span
    let pipeline = try inside(opening, newlines: .skipped) { (parser) throws(Abort) in
      if parser.kind == .rightParenthesis {
        throw parser.fail(
          "there is nothing in these parentheses", at: opening.joined(with: parser.span))
      }
      let pipeline = try parser.parsePipeline()
      guard parser.kind == .rightParenthesis else { throw parser.failInParentheses(opening) }
      return pipeline
    }
    advance()
    try grow(over: height)
    return pipeline
  }

  private mutating func failInParentheses(_ opening: SourceSpan) -> Abort {
    switch kind {
    case .end, .rightBrace, .leftBrace, .interpolationEnd: return failUnclosed(opening)
    case .semicolon:
      return fail("a statement cannot end inside parentheses", at: span)
    case .comma:
      return fail(
        "`,` is not allowed here", at: span, help: "write a list in brackets: [a, b]")
    default:
      return beginsStatement(index) || kind == .newline ? failUnclosed(opening) : failUnexpected()
    }
  }

  private mutating func parseListItems() throws(Abort) -> [Expression] {
    let opening = span
    var items: [Expression] = []
    var tallest = 0
    try inside(opening, newlines: .skipped) { (parser) throws(Abort) in
      while parser.kind != .rightBracket {
        items.append(try parser.parsePathOrExpression())
        tallest = max(tallest, parser.height)
        if parser.kind != .rightBracket, !parser.take(.comma) {
          throw parser.failInList(closing: "]", what: "items")
        }
      }
    }
    advance()
    try grow(over: tallest)
    return items
  }
}
