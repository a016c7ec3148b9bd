// `if` and `for` where a value stands: after `let x =`, in brackets, as an argument.

extension Parser {
  /// Whether the word at `current` is an `if` or a `for` with what belongs to it, not a column of
  /// that name.
  var beginsBlockValue: Bool {
    switch word(at: index) {
    case .if, .for: beginsArgument(indexAfter(index))
    default: false
    }
  }

  mutating func parseBlockValue() throws(Abort) -> Expression.Kind {
    // ` -x` after a command's name begins an argument; here it subtracts.
    let outer = isInArguments
    isInArguments = false
    defer { isInArguments = outer }
    guard word(at: index) == .for else { return try parseConditional() }
    let (name, list) = try parseForHead()
    let below = height
    let body = try parseBlock()
    try grow(over: below)
    return .each(name, in: list, body)
  }

  private mutating func parseConditional() throws(Abort) -> Expression.Kind {
    let keyword = span
    let (condition, then, otherwise, tallest) = try parseBranches(keyword)
    try grow(over: tallest)
    return .conditional(condition, then: then, else: otherwise)
  }

  private mutating func parseBranches(_ keyword: SourceSpan) throws(Abort) -> (
    condition: Expression, then: Block, else: Block, height: Int
  ) {
    advance()
    let condition = try parseExpression()
    let tallest = height
    let then = try parseBlock()
    guard take(.keyword(.else)) else {
      throw fail(
        "an `if` that is a value needs an `else`", at: keyword,
        help: "write if … { … } else { … }, the `else` on the line of the `}`")
    }
    guard word(at: index) == .if else { return (condition, then, try parseBlock(), tallest) }
    let start = span.start
    let keyword = span
    let inner = try nested { (parser) throws(Abort) in try parser.parseBranches(keyword) }
    let statement = Statement(
      kind: .if(inner.condition, then: inner.then, else: inner.else), span: spanFrom(start))
    let block = Block(statements: [statement], span: statement.span)
    return (condition, then, block, max(tallest, inner.height))
  }
}
