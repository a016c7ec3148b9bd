extension Parser {
  /// Statements up to the end of the text or of the block.
  mutating func parseStatements(inBlock: Bool) -> [Statement] {
    var statements: [Statement] = []
    while true {
      while kind == .newline || kind == .semicolon { advance() }
      if kind == .end || (inBlock && kind == .rightBrace) { return statements }
      if kind == .rightBrace {
        // The statement before it may already have stopped at it.
        if diagnostics.last?.span != span { _ = failUnexpected() }
        advance()
        continue
      }
      if diagnostics.count >= Self.diagnosticLimit {
        giveUp()
        return statements
      }
      let start = index
      let openBefore = brackets.count
      do throws(Abort) {
        let statement = try parseStatement()
        try parseStatementEnd()
        statements.append(statement)
      } catch {
        brackets.removeLast(brackets.count - openBefore)
        recover(from: start)
      }
      // Whatever happened above, the text gets shorter.
      if index == start { advance() }
    }
  }

  private mutating func parseStatementEnd() throws(Abort) {
    switch kind {
    case .newline, .semicolon, .end: return
    case .rightBrace where !brackets.isEmpty: return
    default: throw failUnexpected()
    }
  }

  private mutating func parseStatement() throws(Abort) -> Statement {
    let start = span.start
    let kind = try nested { (parser) throws(Abort) in try parser.parseStatementKind() }
    return Statement(kind: kind, span: spanFrom(start))
  }

  private mutating func parseStatementKind() throws(Abort) -> Statement.Kind {
    switch word(at: index) {
    case .let: return try parseLet()
    case .def: return try parseDefinition()
    case .for: return try parseFor()
    case .if: return try parseIf()
    case .assert: return try parseAssert()
    case .source:
      advance()
      return try parseSource()
    case .time:
      advance()
      return .time(try parsePipeline())
    case .plan:
      advance()
      return .plan(try parsePipeline())
    case .report:
      advance()
      return .report(try parseFileName(), try parseBlock())
    case .else:
      throw fail(
        "this `else` belongs to no `if`", at: span,
        help: "write `} else {`, on the line of the `}`")
    case .in, .and, .or, .not, .true, .false, nil:
      return .pipeline(try parsePipeline())
    }
  }

  // MARK: let, def

  private mutating func parseLet() throws(Abort) -> Statement.Kind {
    advance()
    let name = try parseNewName("a name", example: "let best = country | dla by head")
    switch kind {
    case .assign:
      advance()
    case .equal:
      report(Diagnostic("a name is given with `=`", at: span, help: "`==` compares"))
      advance()
    default:
      throw failExpecting("`=`", help: "write `let \(name.text) = …`")
    }
    skipNewlines()
    return .let(name, try parsePipeline())
  }

  private mutating func parseDefinition() throws(Abort) -> Statement.Kind {
    advance()
    let name = try parseNewName("a name", example: "def strongest(table, n = 5) { … }")
    guard kind == .leftParenthesis else {
      throw failExpecting("`(`", help: "write `def \(name.text)() { … }`")
    }
    let opening = span
    var parameters: [Parameter] = []
    try inside(opening, newlines: .skipped) { (parser) throws(Abort) in
      while parser.kind != .rightParenthesis {
        let parameter = try parser.parseParameter()
        if let first = parameters.first(where: { $0.name.text == parameter.name.text }) {
          parser.report(
            Diagnostic(
              "there are two parameters `\(parameter.name.text)`", at: parameter.name.span,
              notes: [.init("the first one", at: first.name.span)]))
        }
        parameters.append(parameter)
        if parser.kind != .rightParenthesis, !parser.take(.comma) {
          throw parser.failExpecting("`,` or `)`")
        }
      }
    }
    advance()
    return .def(Definition(name: name, parameters: parameters, body: try parseBlock()))
  }

  private mutating func parseParameter() throws(Abort) -> Parameter {
    let name = try parseNewName("a parameter", example: "def strongest(table, n = 5) { … }")
    guard take(.assign) else { return Parameter(name: name, defaultValue: nil) }
    skipNewlines()
    return Parameter(name: name, defaultValue: try parseExpression())
  }

  /// A name that the script chooses: no word of the language, no component.
  mutating func parseNewName(_ noun: String, example: String) throws(Abort) -> Name {
    let text = currentText
    switch kind {
    case .identifier where text == "_":
      throw fail(
        "`_` is the last result and cannot be assigned", at: span, help: "choose another name")
    case .identifier where Token.Keyword(rawValue: text) == nil:
      let name = Name(text: text, span: span)
      advance()
      try refuseDash(after: name)
      return name
    case .identifier, .keyword:
      throw fail(
        "`\(text)` is a word of the language", at: span, help: "choose another name: my_\(text)")
    case .component, .invalid(.component):
      throw fail(
        "`\(text)` is a component, so it cannot be a name", at: span,
        help: "begin the name with another letter")
    case .variable:
      throw fail(
        "a new name has no `$`", at: span, help: "write \(text.dropFirst())")
    case .column:
      throw fail(
        "backticks name a column, not a variable", at: span,
        help: "a variable's name has letters, digits and `_`")
    case .integer, .number, .invalid(.number):
      throw fail(
        "a name cannot begin with a digit", at: span,
        help: "begin it with a letter: n\(text.filter { $0.isLetter || $0.isNumber })")
    default:
      throw failExpecting(noun, help: "for instance: \(example)")
    }
  }

  /// `let top-heads = …`
  private mutating func refuseDash(after name: Name) throws(Abort) {
    guard kind == .minus, !current.isAfterSpace else { return }
    let rest = following
    let whole = SourceSpan(name.span.start, rest.kind == .identifier ? rest.span.end : span.end)
    let better = text(whole).map { $0 == "-" ? "_" : String($0) }.joined()
    throw fail("a name cannot hold `-`", at: whole, help: "write \(better)")
  }

  // MARK: for, if

  private mutating func parseFor() throws(Abort) -> Statement.Kind {
    let (name, list) = try parseForHead()
    return .for(name, in: list, try parseBlock())
  }

  /// `for NAME in LIST`
  mutating func parseForHead() throws(Abort) -> (name: Name, list: Expression) {
    advance()
    let name = try parseNewName("a name", example: "for layer in 0..29 { … }")
    guard take(.keyword(.in)) else {
      throw failExpecting("`in`", help: "write `for \(name.text) in … { … }`")
    }
    skipNewlines()
    return (name, try parseCommaList())
  }

  private mutating func parseIf() throws(Abort) -> Statement.Kind {
    advance()
    let condition = try parseExpression()
    let then = try parseBlock()
    guard take(.keyword(.else)) else { return .if(condition, then: then, else: nil) }
    guard word(at: index) == .if else { return .if(condition, then: then, else: try parseBlock()) }
    let start = span.start
    let nestedIf = try nested { (parser) throws(Abort) in try parser.parseIf() }
    let statement = Statement(kind: nestedIf, span: spanFrom(start))
    let block = Block(statements: [statement], span: statement.span)
    return .if(condition, then: then, else: block)
  }

  mutating func parseBlock() throws(Abort) -> Block {
    if kind == .newline, lexemeAfterNewlines().kind == .leftBrace {
      let place = lexemeAfterNewlines().span
      report(
        Diagnostic(
          "this `{` is on a line of its own", at: place,
          help: "put it at the end of the line before"))
      skipNewlines()
    }
    guard kind == .leftBrace else { throw failExpectingBlock() }
    let opening = span
    let statements = try inside(opening, newlines: .end) { (parser) throws(Abort) in
      let statements = parser.parseStatements(inBlock: true)
      guard parser.kind == .rightBrace else { throw parser.failUnclosed(opening) }
      return statements
    }
    advance()
    return Block(statements: statements, span: spanFrom(opening.start))
  }

  private mutating func failExpectingBlock() -> Abort {
    switch kind {
    case .pipe:
      fail(
        "a pipeline needs parentheses here", at: span,
        help: "put it in parentheses: if (country | rank).rank == 1 { … }")
    case .newline, .end, .semicolon:
      failExpecting("`{`", help: "the block begins on the same line")
    default:
      beginsArgument(index)
        ? fail(
          "`{` is missing before `\(excerpt(extent))`", at: extent,
          help: "put a command with arguments in parentheses here: (top 3)")
        : failExpecting("`{`")
    }
  }

  // MARK: assert, source

  private mutating func parseAssert() throws(Abort) -> Statement.Kind {
    advance()
    let condition = try parseExpression()
    if kind == .pipe {
      throw fail(
        "a pipeline needs parentheses here", at: span,
        help: "put it in parentheses: assert (country | rank).rank == 1")
    }
    guard take(.comma) else { return .assert(condition, message: nil) }
    skipNewlines()
    return .assert(condition, message: try parseExpression())
  }

  /// `once` is a word only where a file's name follows: a file may be called so.
  private mutating func parseSource() throws(Abort) -> Statement.Kind {
    let file = try parseFileName()
    guard case .name("once") = file.kind else { return .source(file, once: false) }
    switch kind {
    case .newline, .semicolon, .end, .rightBrace: return .source(file, once: false)
    default: return .source(try parseFileName(), once: true)
    }
  }

  private mutating func parseFileName() throws(Abort) -> Expression {
    isInArguments = true
    defer { isInArguments = false }
    return try parseExpression()
  }
}
