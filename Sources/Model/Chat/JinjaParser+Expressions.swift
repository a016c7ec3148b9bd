// Expressions, from the loosest to the tightest, as jinja2's parser has them.
extension JinjaParser {
  mutating func expression(withConditions: Bool = true) throws -> JinjaExpression {
    try nested { try withConditions ? $0.conditional() : $0.or() }
  }

  /// An expression, or several with commas between.
  mutating func tuple(
    withConditions: Bool = true, isInParentheses: Bool = false,
    isEnd: (JinjaParser) -> Bool = { _ in false }
  ) throws -> JinjaExpression {
    var items: [JinjaExpression] = []
    var isTuple = false
    repeat {
      if isEnd(self) || isTupleEnd { break }
      items.append(try expression(withConditions: withConditions))
      if isAt(.comma) { isTuple = true }
    } while skip(.comma)
    if isTuple { return .tuple(items) }
    if let first = items.first { return first }
    guard isInParentheses else { throw expected("an expression") }
    return .tuple([])
  }

  private var isTupleEnd: Bool {
    current.kind == .variableEnd || current.kind == .blockEnd || isAt(.closeParenthesis)
  }

  /// `a if b else c`
  private mutating func conditional() throws -> JinjaExpression {
    var value = try or()
    var count = 0
    while skip("if") {
      count += 1
      guard count <= Self.deepest else { throw failure("this is nested too deeply") }
      let test = try or()
      let otherwise = skip("else") ? try nested { try $0.conditional() } : nil
      value = .conditional(test: test, value, otherwise: otherwise)
    }
    return value
  }

  private mutating func or() throws -> JinjaExpression {
    var parts = [try and()]
    while skip("or") { parts.append(try and()) }
    return parts.count == 1 ? parts[0] : .or(parts)
  }

  private mutating func and() throws -> JinjaExpression {
    var parts = [try not()]
    while skip("and") { parts.append(try not()) }
    return parts.count == 1 ? parts[0] : .and(parts)
  }

  private mutating func not() throws -> JinjaExpression {
    if skip("not") { return .not(try nested { try $0.not() }) }
    return try comparison()
  }

  private mutating func comparison() throws -> JinjaExpression {
    let first = try sum()
    var rest: [(JinjaComparison, JinjaExpression)] = []
    while let comparison = comparisonSign() { rest.append((comparison, try sum())) }
    return rest.isEmpty ? first : .comparison(first, rest)
  }

  private mutating func comparisonSign() -> JinjaComparison? {
    let signs: [JinjaSymbol: JinjaComparison] = [
      .equal: .equal, .unequal: .unequal, .less: .less, .lessOrEqual: .lessOrEqual,
      .greater: .greater, .greaterOrEqual: .greaterOrEqual,
    ]
    if case .symbol(let symbol) = current.kind, let comparison = signs[symbol] {
      advance()
      return comparison
    }
    if skip("in") { return .isIn }
    if isAt("not"), following.kind == .name("in") {
      advance()
      advance()
      return .isNotIn
    }
    return nil
  }

  /// One level of operators that go from left to right.
  private mutating func chain(
    _ symbols: [JinjaSymbol], _ part: (inout JinjaParser) throws -> JinjaExpression
  ) throws -> JinjaExpression {
    let first = try part(&self)
    var rest: [(JinjaSymbol, JinjaExpression)] = []
    while case .symbol(let symbol) = current.kind, symbols.contains(symbol) {
      advance()
      rest.append((symbol, try part(&self)))
    }
    return rest.isEmpty ? first : .arithmetic(first, rest)
  }

  private mutating func sum() throws -> JinjaExpression {
    try chain([.add, .subtract]) { try $0.concatenation() }
  }

  private mutating func concatenation() throws -> JinjaExpression {
    var parts = [try product()]
    while skip(.tilde) { parts.append(try product()) }
    return parts.count == 1 ? parts[0] : .concatenation(parts)
  }

  private mutating func product() throws -> JinjaExpression {
    try chain([.multiply, .divide, .divideWhole, .modulo]) { parser in
      try parser.chain([.power]) { try $0.signed(withFilters: true) }
    }
  }

  /// A sign binds tighter than a filter: `-x | abs` is `(-x) | abs`.
  private mutating func signed(withFilters: Bool) throws -> JinjaExpression {
    try Interruption.check()
    let value: JinjaExpression
    if isAt(.subtract) || isAt(.add) {
      let isNegative = isAt(.subtract)
      advance()
      value = .sign(
        isNegative: isNegative, try nested { try $0.signed(withFilters: false) })
    } else {
      value = try primary()
    }
    var parts: [JinjaPostfix] = []
    while let part = try access() { parts.append(part) }
    if withFilters {
      while let part = try filterOrTest() { parts.append(part) }
    }
    return parts.isEmpty ? value : .postfix(value, parts)
  }

  // MARK: Values

  private mutating func primary() throws -> JinjaExpression {
    switch current.kind {
    case .name(let name):
      advance()
      switch name {
      case "true", "True": return .constant(.boolean(true))
      case "false", "False": return .constant(.boolean(false))
      case "none", "None": return .constant(.none)
      default:
        names.insert(name)
        return .name(name)
      }
    case .text(var text):
      advance()
      while case .text(let more) = current.kind {
        text += more
        advance()
      }
      return .constant(.text(text))
    case .integer(let number):
      advance()
      return .constant(.integer(number))
    case .double(let number):
      advance()
      return .constant(.double(number))
    case .symbol(.openParenthesis):
      advance()
      let value = try nested { try $0.tuple(isInParentheses: true) }
      try expect(.closeParenthesis)
      return value
    case .symbol(.openBracket):
      advance()
      var items: [JinjaExpression] = []
      while !skip(.closeBracket) {
        if !items.isEmpty {
          try expect(.comma)
          if skip(.closeBracket) { break }
        }
        items.append(try expression())
      }
      return .list(items)
    case .symbol(.openBrace): return try dictionary()
    default: throw expected("an expression")
    }
  }

  private mutating func dictionary() throws -> JinjaExpression {
    try expect(.openBrace)
    var pairs: [(key: JinjaExpression, value: JinjaExpression)] = []
    while !skip(.closeBrace) {
      if !pairs.isEmpty {
        try expect(.comma)
        if skip(.closeBrace) { break }
      }
      let key = try expression()
      try expect(.colon)
      pairs.append((key, try expression()))
    }
    return .dictionary(pairs)
  }

  // MARK: What follows a value

  /// `.name`, `[…]`, `(…)`; nil where there is none.
  private mutating func access() throws -> JinjaPostfix? {
    let line = current.line
    if skip(.dot) {
      switch current.kind {
      case .name(let name):
        advance()
        return JinjaPostfix(kind: .attribute(name), line: line)
      case .integer(let number):
        advance()
        return JinjaPostfix(kind: .item(.constant(.integer(number))), line: line)
      default: throw expected("a name or a number")
      }
    }
    if skip(.openBracket) { return JinjaPostfix(kind: try subscripted(), line: line) }
    return isAt(.openParenthesis) ? JinjaPostfix(kind: .call(try arguments()), line: line) : nil
  }

  private mutating func subscripted() throws -> JinjaPostfix.Kind {
    var items: [JinjaExpression] = []
    var isTuple = false
    while !skip(.closeBracket) {
      if !items.isEmpty {
        try expect(.comma)
        isTuple = true
      }
      let first = isAt(.colon) ? nil : try expression()
      guard skip(.colon) else {
        if let first { items.append(first) }
        continue
      }
      guard items.isEmpty else { throw failure("a slice among several indices is not supported") }
      let end = isAt(.colon) || isAt(.closeBracket) ? nil : try expression()
      let step = skip(.colon) && !isAt(.closeBracket) ? try expression() : nil
      try expect(.closeBracket)
      return .slice(first, end, step)
    }
    guard let only = items.first else { throw expected("an index") }
    return .item(isTuple ? .tuple(items) : only)
  }

  /// `| filter`, `is test`, `(…)`; nil where there is none.
  private mutating func filterOrTest() throws -> JinjaPostfix? {
    let line = current.line
    if skip(.pipe) { return try filter(line) }
    if skip("is") { return try test(line) }
    return isAt(.openParenthesis) ? JinjaPostfix(kind: .call(try arguments()), line: line) : nil
  }

  /// - Parameter isFirst: whether the first stands without its `|`.
  mutating func filters(isFirst: Bool) throws -> [JinjaPostfix] {
    var filters = isFirst ? [try filter(current.line)] : []
    while isAt(.pipe) {
      let line = current.line
      advance()
      filters.append(try filter(line))
    }
    return filters
  }

  private mutating func filter(_ line: Int) throws -> JinjaPostfix {
    let name = try dottedName()
    let arguments = isAt(.openParenthesis) ? try self.arguments() : JinjaArguments()
    return JinjaPostfix(kind: .filter(name, arguments), line: line)
  }

  private mutating func dottedName() throws -> String {
    var name = try self.name()
    while skip(.dot) { name += "." + (try self.name()) }
    return name
  }

  private mutating func test(_ line: Int) throws -> JinjaPostfix {
    let isNegated = skip("not")
    let name = try dottedName()
    var arguments = JinjaArguments()
    if isAt(.openParenthesis) {
      arguments = try self.arguments()
    } else if beginsTestArgument {
      if isAt("is") { throw failure("tests cannot follow each other with `is`") }
      let value = try primary()
      var parts: [JinjaPostfix] = []
      while let part = try access() { parts.append(part) }
      arguments.positional = [parts.isEmpty ? value : .postfix(value, parts)]
    }
    return JinjaPostfix(kind: .test(name, arguments, isNegated: isNegated), line: line)
  }

  private var beginsTestArgument: Bool {
    switch current.kind {
    case .name(let name): !["else", "or", "and"].contains(name)
    case .text, .integer, .double: true
    case .symbol(let symbol): symbol == .openBracket || symbol == .openBrace
    default: false
    }
  }

  private mutating func arguments() throws -> JinjaArguments {
    try expect(.openParenthesis)
    var arguments = JinjaArguments()
    var isFirst = true
    while !skip(.closeParenthesis) {
      if !isFirst {
        try expect(.comma)
        if skip(.closeParenthesis) { break }
      }
      isFirst = false
      if isAt(.multiply) || isAt(.power) {
        throw failure("`\(current.description)` before an argument is not supported")
      }
      if case .name(let name) = current.kind, following.kind == .symbol(.assign) {
        advance()
        advance()
        arguments.named.append((name, try expression()))
      } else {
        guard arguments.named.isEmpty else {
          throw failure("an argument without a name follows one with a name")
        }
        arguments.positional.append(try expression())
      }
    }
    return arguments
  }
}
