extension Parser {
  mutating func parsePipeline() throws(Abort) -> Pipeline {
    let start = span.start
    if kind == .pipe {
      try refuseBars()
      throw fail(
        "there is nothing before this `|`", at: span,
        help: "a pipeline begins with a value; `_` is the last result: _ | …")
    }
    var stages = [try parseStage(isFirst: true)]
    var tallest = height
    var pipe = span
    while try takePipe(&pipe) {
      if case .shell? = stages.last?.kind {
        throw fail(
          "nothing can follow a `!` stage", at: pipe,
          help: "`!` hands the rest of its line, pipes included, to sh")
      }
      try requireStage(after: pipe)
      stages.append(try parseStage(isFirst: false))
      tallest = max(tallest, height)
    }
    height = tallest
    return Pipeline(stages: stages, span: spanFrom(start))
  }

  /// Takes a `|`, here or at the beginning of the next line that has anything on it.
  private mutating func takePipe(_ pipe: inout SourceSpan) throws(Abort) -> Bool {
    if kind == .newline, newlines == .end, lexemeAfterNewlines().kind == .pipe {
      skipNewlines()
    } else {
      try refuseBarsAsPipes()
    }
    guard kind == .pipe else { return false }
    pipe = span
    advance()
    skipNewlines()
    return true
  }

  private mutating func requireStage(after pipe: SourceSpan) throws(Abort) {
    switch kind {
    case .pipe:
      throw fail("there is nothing between this `|` and the one before it", at: span)
    case .rightParenthesis, .rightBrace, .rightBracket, .semicolon, .interpolationEnd:
      throw fail("there is nothing after this `|`", at: pipe)
    default:
      return
    }
  }

  private mutating func parseStage(isFirst: Bool) throws(Abort) -> Stage {
    let start = span.start
    let kind = try parseStageKind(isFirst: isFirst)
    return Stage(kind: kind, span: spanFrom(start))
  }

  private mutating func parseStageKind(isFirst: Bool) throws(Abort) -> Stage.Kind {
    switch kind {
    case .shell:
      return .shell(try parseShell())
    case .variable where following.kind == .assign && newlines == .end:
      throw failAssigning()
    case .path where !isAfterOpening:
      throw failPathStage()
    case .identifier where isFirst && beginsBlockValue: break
    case .identifier:
      try checkStageName()
      if beginsArgument(indexAfter(index)), !isNameBeforePath { return try parseCommand() }
    default:
      break
    }
    return .expression(try parsePathOrExpression())
  }

  private mutating func failPathStage() -> Abort {
    fail(
      "a stage cannot begin with a path", at: span,
      help: "`!\(excerpt(span))` runs a program; a file name as a value is written in quotes")
  }

  /// A word that begins a statement, or is assigned to, begins no stage.
  private mutating func checkStageName() throws(Abort) {
    if isReservedStage(word(at: index)) {
      let word = currentText
      throw fail(
        "`\(word)` begins a statement and is not allowed inside a pipeline", at: span,
        help: "put it on a line of its own")
    }
    if following.kind == .assign, newlines == .end {
      throw fail(
        "`=` is not allowed here", at: following.span,
        help: "to name a value write `let \(currentText) = …`; to compare, `==`")
    }
  }

  /// Whether a value is asked for here, as by `let x =`, rather than something that runs.
  private var isAfterOpening: Bool {
    guard index > 0 else { return false }
    let before = lexeme(at: index - 1).kind
    return before == .assign || before == .leftParenthesis
  }

  /// `source`, `time` and `plan` are columns too; the others are nobody's.
  private func isReservedStage(_ word: Token.Keyword?) -> Bool {
    switch word {
    case .let, .def, .for, .if, .assert: true
    default: false
    }
  }

  private mutating func parseShell() throws(Abort) -> String {
    let text = currentText.dropFirst()
    let command = text.drop(while: \.isWhitespace)
    guard !command.isEmpty else {
      throw fail("there is no command after `!`", at: span, help: "for instance: !sort -k2 | head")
    }
    advance()
    let trailing = command.reversed().prefix(while: \.isWhitespace).count
    return String(command.dropLast(trailing))
  }

  // MARK: Commands

  private mutating func parseCommand() throws(Abort) -> Stage.Kind {
    let name = Name(text: currentText, span: span)
    let outer = isInArguments
    isInArguments = true
    defer { isInArguments = outer }
    advance()
    var arguments: [Argument] = []
    var tallest = 0
    while !isAtStageEnd {
      if let last = arguments.last, !current.isAfterSpace { refuseUnspaced(after: last) }
      guard beginsArgument(index, afterSpace: false) else { throw failUnexpected() }
      arguments.append(try parseArgument())
      tallest = max(tallest, height)
    }
    height = tallest
    return .command(name, arguments)
  }

  private var isAtStageEnd: Bool {
    switch kind {
    case .pipe, .newline, .semicolon, .end, .rightParenthesis, .rightBracket, .leftBrace,
      .rightBrace, .interpolationEnd:
      true
    default:
      newlines == .skipped && beginsStatement(index)
    }
  }

  private mutating func refuseUnspaced(after last: Argument) {
    if case .arrow = last.kind { return }
    if kind == .arrow || lexeme(at: index - 1).kind == .comma { return }
    report(
      Diagnostic(
        "a space is missing before `\(excerpt(extent))`", at: extent,
        help: "arguments are separated by spaces, the items of a list by commas"))
  }

  /// Whether an argument of a command begins with the lexeme at `index`.
  func beginsArgument(_ index: Int, afterSpace: Bool = true) -> Bool {
    let lexeme = lexeme(at: index)
    if lexeme.kind == .arrow || index == self.index && isEveryPosition { return true }
    guard lexeme.isAfterSpace || !afterSpace else { return false }
    switch lexeme.kind {
    case .identifier, .column, .variable, .integer, .number, .component, .path, .option,
      .rawString, .stringStart, .leftParenthesis, .leftBracket, .at, .keyword(.true),
      .keyword(.false):
      return !(newlines == .skipped && beginsStatement(index))
    case .keyword(.not):
      return self.lexeme(at: indexAfter(index)).kind != .keyword(.in)
    case .minus:
      return !isBeforeSpace(index)
    case .dot:
      // `.5`
      return self.lexeme(at: index + 1).kind == .integer
    case .invalid(let problem):
      return problem != .foreignOperator
    default:
      return false
    }
  }

  private mutating func parseArgument() throws(Abort) -> Argument {
    let start = span.start
    let kind = try parseArgumentKind()
    return Argument(kind: kind, span: spanFrom(start))
  }

  private mutating func parseArgumentKind() throws(Abort) -> Argument.Kind {
    switch kind {
    case .arrow:
      advance()
      skipNewlines()
      guard beginsArgument(index, afterSpace: false) else {
        throw failExpecting("what `->` leads to")
      }
      return .arrow
    case .option:
      return try parseOption { (parser) throws(Abort) in try parser.parseCommaList() }
    case .identifier where following.kind == .assign, .column where following.kind == .assign:
      return try parseNamed { (parser) throws(Abort) in try parser.parseCommaList() }
    case .variable where following.kind == .assign:
      throw failAssigning()
    default:
      return .value(try parseCommaList())
    }
  }

  private mutating func parseOption(
    value: (inout Parser) throws(Abort) -> Expression
  ) throws(Abort) -> Argument.Kind {
    let name = Name(text: String(currentText.dropFirst(2)), span: span)
    advance()
    guard take(.assign) else { return .option(name, nil) }
    skipNewlines()
    return .option(name, try value(&self))
  }

  private mutating func parseNamed(
    value: (inout Parser) throws(Abort) -> Expression
  ) throws(Abort) -> Argument.Kind {
    let name = kind == .column ? takeColumn() : takeName()
    advance()
    skipNewlines()
    return .named(name, try value(&self))
  }

  private mutating func takeName() -> Name {
    let name = Name(text: currentText, span: span)
    advance()
    return name
  }

  /// `$x = …`
  mutating func failAssigning() -> Abort {
    fail(
      "`\(currentText)` is the value of a variable and cannot be assigned", at: span,
      help: "a new name has no `$`: \(currentText.dropFirst()) = …")
  }

  /// `a` or, as one unbracketed list, `a, b`. In `a = 1, b = 2` the comma ends a list of one.
  mutating func parseCommaList() throws(Abort) -> Expression {
    let start = span.start
    let first = try parsePathOrExpression()
    guard kind == .comma else { return first }
    var items = [first]
    var tallest = height
    while kind == .comma {
      advance()
      skipNewlines()
      if kind == .identifier || kind == .column, following.kind == .assign { break }
      items.append(try parsePathOrExpression())
      tallest = max(tallest, height)
    }
    guard items.count > 1 else { return first }
    try grow(over: tallest)
    return Expression(kind: .list(items, bracketed: false), span: spanFrom(start))
  }

  /// The arguments of `name(…)`, from the parenthesis on.
  mutating func parseCallArguments() throws(Abort) -> [Argument] {
    let opening = span
    var arguments: [Argument] = []
    var tallest = 0
    try inside(opening, newlines: .skipped) { (parser) throws(Abort) in
      while parser.kind != .rightParenthesis {
        let start = parser.span.start
        let kind = try parser.parseCallArgumentKind()
        tallest = max(tallest, parser.height)
        arguments.append(Argument(kind: kind, span: parser.spanFrom(start)))
        if parser.kind != .rightParenthesis, !parser.take(.comma) {
          throw parser.failInList(closing: ")", what: "arguments")
        }
      }
    }
    advance()
    height = tallest
    return arguments
  }

  private mutating func parseCallArgumentKind() throws(Abort) -> Argument.Kind {
    switch kind {
    case .option:
      try parseOption { (parser) throws(Abort) in try parser.parseExpression() }
    case .identifier where following.kind == .assign, .column where following.kind == .assign:
      try parseNamed { (parser) throws(Abort) in try parser.parseExpression() }
    default:
      .value(try parseExpression())
    }
  }

  /// Neither a comma nor the end of a bracketed list.
  mutating func failInList(closing: String, what: String) -> Abort {
    if beginsStatement(index), let bracket = brackets.last { return failUnclosed(bracket) }
    if beginsArgument(index) {
      return fail(
        "`,` or `\(closing)` is missing before `\(excerpt(extent))`", at: extent,
        help: "commas separate \(what); put a command with arguments in parentheses: (top 3)"
      )
    }
    if case .keyword = kind { return failUnexpected() }
    return failExpecting("`,` or `\(closing)`")
  }
}
