/// Reads a template's statements as jinja2's parser does.
///
/// - Throws: `JinjaError` with the line, for what is not a template, and for a tag that is not known
///   here, by its name.
struct JinjaParser {
  private let tokens: [JinjaToken]
  private var index = 0
  private var depth = 0
  /// `for` statements around the one at hand, within its macro.
  private var loops = 0
  /// The names that the macro at hand reads.
  var names: Set<String> = []

  /// How deep statements and brackets may nest: the parser and the renderer call themselves for each.
  static let deepest = 64

  static func parse(_ template: String) throws -> [JinjaStatement] {
    var parser = JinjaParser(tokens: try JinjaLexer.tokens(of: template))
    let (body, _) = try parser.body(until: [], of: nil)
    return body
  }

  private init(tokens: [JinjaToken]) { self.tokens = tokens }

  // MARK: Tokens

  var current: JinjaToken { tokens[index] }
  var following: JinjaToken { tokens[min(index + 1, tokens.count - 1)] }

  mutating func advance() { index = min(index + 1, tokens.count - 1) }

  func isAt(_ symbol: JinjaSymbol) -> Bool { current.kind == .symbol(symbol) }
  func isAt(_ word: String) -> Bool { current.kind == .name(word) }

  mutating func skip(_ symbol: JinjaSymbol) -> Bool {
    guard isAt(symbol) else { return false }
    advance()
    return true
  }

  mutating func skip(_ word: String) -> Bool {
    guard isAt(word) else { return false }
    advance()
    return true
  }

  mutating func expect(_ symbol: JinjaSymbol) throws {
    guard skip(symbol) else { throw expected("`\(symbol.rawValue)`") }
  }

  mutating func expect(_ word: String) throws {
    guard skip(word) else { throw expected("`\(word)`") }
  }

  private mutating func expectBlockEnd() throws {
    guard current.kind == .blockEnd else { throw expected("`%}`") }
    advance()
  }

  mutating func name() throws -> String {
    guard case .name(let name) = current.kind else { throw expected("a name") }
    advance()
    return name
  }

  func expected(_ what: String) -> JinjaError {
    failure("expected \(what), got \(current.description)")
  }

  func failure(_ message: String) -> JinjaError { JinjaError(message, line: current.line) }

  mutating func nested<Result>(_ body: (inout JinjaParser) throws -> Result) throws -> Result {
    guard depth < Self.deepest else { throw failure("this is nested too deeply") }
    depth += 1
    defer { depth -= 1 }
    return try body(&self)
  }

  // MARK: Bodies

  /// The statements up to a tag that is one of `ends`, whose name comes with them; the tag's name is
  /// read. `tag` is what they are the body of; nil for the whole template.
  private mutating func body(until ends: [String], of tag: String?) throws
    -> ([JinjaStatement], end: String)
  {
    let start = current.line
    var statements: [JinjaStatement] = []
    while true {
      let line = current.line
      func add(_ kind: JinjaStatement.Kind) {
        statements.append(JinjaStatement(kind: kind, line: line))
      }
      switch current.kind {
      case .data(let text):
        advance()
        add(.data(text))
      case .variableBegin:
        advance()
        let value = try tuple()
        guard current.kind == .variableEnd else { throw expected("`}}`") }
        advance()
        add(.output([value]))
      case .blockBegin:
        advance()
        if case .name(let name) = current.kind, ends.contains(name) {
          advance()
          return (statements, name)
        }
        add(try nested { try $0.statement() })
        try expectBlockEnd()
      default:
        guard let tag else { return (statements, "") }
        throw JinjaError("`\(tag)` is not closed: `\(ends.last ?? "")` is missing", line: start)
      }
    }
  }

  /// What follows the opening tag: `%}` and the statements up to an end.
  private mutating func block(_ tag: String, until ends: String...) throws
    -> ([JinjaStatement], end: String)
  {
    _ = skip(.colon)
    try expectBlockEnd()
    return try body(until: ends, of: tag)
  }

  // MARK: Statements

  /// Tags of jinja2 that chat templates have no use for.
  private static let unsupported: Set<String> = [
    "autoescape", "block", "extends", "from", "import", "include",
  ]

  private mutating func statement() throws -> JinjaStatement.Kind {
    let line = current.line
    guard case .name(let tag) = current.kind else { throw expected("the name of a tag") }
    advance()
    switch tag {
    case "set": return try set()
    case "for": return try loop()
    case "if": return try choice()
    case "with": return try with()
    case "macro": return try macro()
    case "call": return try call()
    case "filter":
      let filters = try self.filters(isFirst: true)
      return .filter(filters, try block(tag, until: "endfilter").0)
    case "print":
      var values: [JinjaExpression] = []
      while current.kind != .blockEnd {
        if !values.isEmpty { try expect(.comma) }
        values.append(try expression())
      }
      return .output(values)
    case "generation":
      return .generation(try outsideOfLoops { try $0.block(tag, until: "endgeneration").0 })
    case "break", "continue":
      guard loops > 0 else { throw JinjaError("`\(tag)` stands outside of a `for`", line: line) }
      return tag == "break" ? .breakLoop : .continueLoop
    default:
      throw JinjaError(
        Self.unsupported.contains(tag)
          ? "the tag `\(tag)` is not supported" : "there is no tag \(quoted(tag))", line: line)
    }
  }

  /// A body that is a function of its own: `break` cannot leave it.
  private mutating func outsideOfLoops<Result>(_ body: (inout JinjaParser) throws -> Result) throws
    -> Result
  {
    let outer = loops
    loops = 0
    defer { loops = outer }
    return try body(&self)
  }

  private mutating func set() throws -> JinjaStatement.Kind {
    let target = try target(withMembers: true)
    if skip(.assign) { return .set(target, try tuple()) }
    let filters = try self.filters(isFirst: false)
    return .setBlock(target, filters, try block("set", until: "endset").0)
  }

  private mutating func loop() throws -> JinjaStatement.Kind {
    let line = current.line
    let target = try target(isEnd: { $0.isAt("in") })
    if target.names.contains("loop") {
      throw JinjaError("`loop` cannot be the variable of a `for`", line: line)
    }
    try expect("in")
    let values = try tuple(withConditions: false, isEnd: { $0.isAt("recursive") })
    let test = skip("if") ? try expression() : nil
    if isAt("recursive") { throw failure("`recursive` is not supported") }
    loops += 1
    let (body, end) = try block("for", until: "else", "endfor")
    loops -= 1
    let otherwise = end == "else" ? try block("for", until: "endfor").0 : []
    return .loop(
      JinjaLoopStatement(
        target: target, values: values, test: test, body: body, otherwise: otherwise))
  }

  private mutating func choice() throws -> JinjaStatement.Kind {
    var branches: [(test: JinjaExpression, body: [JinjaStatement])] = []
    while true {
      let test = try tuple(withConditions: false)
      let (body, end) = try block("if", until: "elif", "else", "endif")
      branches.append((test, body))
      switch end {
      case "elif": continue
      case "else": return .choice(branches, otherwise: try block("if", until: "endif").0)
      default: return .choice(branches, otherwise: [])
      }
    }
  }

  private mutating func with() throws -> JinjaStatement.Kind {
    var values: [(target: JinjaTarget, value: JinjaExpression)] = []
    while current.kind != .blockEnd, !isAt(.colon) {
      if !values.isEmpty { try expect(.comma) }
      let target = try target()
      try expect(.assign)
      values.append((target, try expression()))
    }
    return .with(values, try block("with", until: "endwith").0)
  }

  private mutating func macro() throws -> JinjaStatement.Kind {
    let name = try assignable()
    return .macro(try definition(name, tag: "macro", hasSignature: true, end: "endmacro"))
  }

  private mutating func call() throws -> JinjaStatement.Kind {
    let outer = names
    names = []
    let parameters = isAt(.openParenthesis) ? try signature() : []
    let called = try expression()
    guard case .postfix(_, let parts) = called, case .call? = parts.last?.kind else {
      throw failure("`call` needs a call of a macro")
    }
    names = outer.union(names)
    var caller = try definition("caller", tag: "call", hasSignature: false, end: "endcall")
    caller.parameters = parameters
    return .call(called, caller)
  }

  private mutating func definition(
    _ name: String, tag: String, hasSignature: Bool, end: String
  ) throws -> JinjaMacroDefinition {
    let outer = names
    names = []
    let parameters = hasSignature ? try signature() : []
    let body = try outsideOfLoops { try $0.block(tag, until: end).0 }
    defer { names = outer.union(names) }
    return JinjaMacroDefinition(name: name, parameters: parameters, body: body, names: names)
  }

  private mutating func signature() throws -> [(name: String, usual: JinjaExpression?)] {
    try expect(.openParenthesis)
    var parameters: [(name: String, usual: JinjaExpression?)] = []
    while !isAt(.closeParenthesis) {
      if !parameters.isEmpty { try expect(.comma) }
      let name = try assignable()
      if skip(.assign) {
        parameters.append((name, try expression()))
      } else if parameters.last?.usual != nil {
        throw failure("a parameter without a default follows one with a default")
      } else {
        parameters.append((name, nil))
      }
    }
    try expect(.closeParenthesis)
    return parameters
  }

  // MARK: Targets

  private static let constants: Set<String> = ["true", "false", "none", "True", "False", "None"]

  /// A name that can be given a value.
  private mutating func assignable() throws -> String {
    guard case .name(let name) = current.kind, !Self.constants.contains(name) else {
      throw expected("a name")
    }
    advance()
    return name
  }

  private mutating func target(
    withMembers: Bool = false, isEnd: (JinjaParser) -> Bool = { _ in false }
  ) throws -> JinjaTarget {
    var targets: [JinjaTarget] = []
    var isTuple = false
    repeat {
      if isEnd(self) || current.kind == .blockEnd || isAt(.closeParenthesis) { break }
      targets.append(try targetPart(withMembers: withMembers))
      if isAt(.comma) { isTuple = true }
    } while skip(.comma)
    guard let first = targets.first else { throw expected("a name") }
    return isTuple ? .tuple(targets) : first
  }

  private mutating func targetPart(withMembers: Bool) throws -> JinjaTarget {
    if skip(.openParenthesis) {
      let inner = try nested { try $0.target(withMembers: false) }
      try expect(.closeParenthesis)
      return inner
    }
    let name = try assignable()
    guard withMembers, skip(.dot) else { return .name(name) }
    names.insert(name)
    return .member(of: name, try self.name())
  }
}

extension JinjaTarget {
  fileprivate var names: [String] {
    switch self {
    case .name(let name): [name]
    case .tuple(let targets): targets.flatMap(\.names)
    case .member: []
    }
  }
}
