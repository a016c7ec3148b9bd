import TestSupport

@testable import Lang

/// Trees of every shape that `parse` can give, from a seed.
struct RandomTree {
  var random: SeededGenerator
  /// How much deeper the tree may still go.
  private var fuel = 5
  private var isInInterpolation = false

  init(seed: UInt64) { random = SeededGenerator(seed: seed) }

  mutating func script() -> Script {
    Script(statements: (0..<Int.random(in: 0...4, using: &random)).map { _ in statement() })
  }

  private mutating func deeper<Result>(_ body: (inout RandomTree) -> Result) -> Result {
    fuel -= 1
    defer { fuel += 1 }
    return body(&self)
  }

  // MARK: Statements

  private mutating func statement() -> Statement {
    deeper { tree in Statement(kind: tree.statementKind(), span: .none) }
  }

  private mutating func statementKind() -> Statement.Kind {
    guard fuel > 1 else { return .pipeline(pipeline()) }
    switch Int.random(in: 0..<12, using: &random) {
    case 0: return .let(newName(), pipeline())
    case 1: return .def(definition())
    case 2: return .for(newName(), in: commaList(), block())
    case 3: return .if(expression(), then: block(), else: random.chance(50) ? block() : nil)
    case 4: return .assert(expression(), message: random.chance(50) ? expression() : nil)
    case 5: return .source(expression(), once: random.chance(50))
    case 6: return .time(pipeline())
    case 7: return .plan(pipeline())
    case 8: return .report(expression(), block())
    default: return .pipeline(pipeline())
    }
  }

  private mutating func definition() -> Definition {
    let names = ["a", "b", "n"].prefix(Int.random(in: 0...3, using: &random))
    let parameters = names.map { text in
      Parameter(
        name: Name(text: text, span: .none),
        defaultValue: random.chance(40) ? expression() : nil)
    }
    return Definition(name: newName(), parameters: parameters, body: block())
  }

  private mutating func block() -> Block {
    let count = Int.random(in: 0...2, using: &random)
    return Block(statements: (0..<count).map { _ in statement() }, span: .none)
  }

  // MARK: Pipelines

  private mutating func pipeline() -> Pipeline {
    var stages = (0..<Int.random(in: 1...3, using: &random)).map { _ in
      Stage(kind: stageKind(), span: .none)
    }
    if random.chance(8), !isInInterpolation {
      stages.append(Stage(kind: .shell("sort -k2 | head; # \(fuel))"), span: .none))
    }
    return Pipeline(stages: stages, span: .none)
  }

  private mutating func stageKind() -> Stage.Kind {
    guard fuel > 0, random.chance(60) else { return .expression(expression()) }
    let count = Int.random(in: 1...4, using: &random)
    var arguments = (0..<count).map { _ in argument() }
    while case .arrow? = arguments.last?.kind { arguments.removeLast() }
    // Between components an arrow makes a path.
    for i in arguments.indices {
      guard case .arrow = arguments[i].kind else { continue }
      for neighbour in [i - 1, i + 1] where arguments.indices.contains(neighbour) {
        arguments[neighbour].kind = .value(
          Expression(kind: .string(literal(isRaw: true)), span: .none))
      }
    }
    return arguments.isEmpty
      ? .expression(random.chance(30) ? path() : expression())
      : .command(Name(text: random.pick(["a", "b", "x1"]), span: .none), arguments)
  }

  private mutating func argument() -> Argument {
    let kind: Argument.Kind =
      switch Int.random(in: 0..<10, using: &random) {
      case 0: .arrow
      case 1: .option(random.pick([name(), Name(text: "dry-run", span: .none)]), nil)
      case 2: .option(name(), commaList())
      case 3: .named(random.chance(20) ? column() : name(), commaList())
      default: .value(commaList())
      }
    return Argument(kind: kind, span: .none)
  }

  private mutating func callArgument() -> Argument {
    let kind: Argument.Kind =
      switch Int.random(in: 0..<5, using: &random) {
      case 0: .option(name(), random.chance(50) ? expression() : nil)
      case 1: .named(random.chance(20) ? column() : name(), expression())
      default: .value(expression())
      }
    return Argument(kind: kind, span: .none)
  }

  private mutating func commaList() -> Expression {
    guard random.chance(25) else { return random.chance(10) ? path() : expression() }
    let items = (0..<Int.random(in: 2...3, using: &random)).map { _ in
      random.chance(10) ? path() : expression()
    }
    return Expression(kind: .list(items, bracketed: false), span: .none)
  }

  // MARK: Expressions

  private mutating func expression(_ minimum: Parser.Precedence = .or) -> Expression {
    deeper { tree in Expression(kind: tree.expressionKind(minimum), span: .none) }
  }

  private mutating func expressionKind(_ minimum: Parser.Precedence) -> Expression.Kind {
    guard fuel > 0 else { return primaryKind() }
    switch Int.random(in: 0..<8, using: &random) {
    case 0 where minimum <= .not: return .unary(.not, expression(.not))
    case 1:
      // The smallest whole number has its sign within it.
      if random.chance(10) { return .integer(.min) }
      return .unary(.negate, random.chance(20) ? power() : postfix())
    case 2 where minimum <= .range: return .range(expression(.sum), expression(.sum))
    case 3...5:
      let fitting = BinaryOperator.allCases.filter { $0.precedence >= minimum }
      guard !fitting.isEmpty else { return postfixKind() }
      let sign = random.pick(fitting)
      let own = sign.precedence
      if sign == .power { return power().kind }
      return .binary(
        sign, expression(own == .comparison ? own.next : own), expression(own.next))
    default: return postfixKind()
    }
  }

  /// `a ** b`: a minus or another power may stand in the exponent.
  private mutating func power() -> Expression {
    deeper { tree in
      Expression(
        kind: .binary(.power, tree.postfix(), tree.expression(.unary)), span: .none)
    }
  }

  private mutating func postfix() -> Expression {
    deeper { tree in Expression(kind: tree.postfixKind(), span: .none) }
  }

  private mutating func postfixKind() -> Expression.Kind {
    guard fuel > 0 else { return primaryKind() }
    switch Int.random(in: 0..<8, using: &random) {
    case 0: return .member(memberBase(), memberName())
    case 1: return .element(postfix(), expression())
    case 2: return .at(postfix(), position())
    default: return primaryKind()
    }
  }

  private mutating func memberName() -> Name {
    random.chance(20)
      ? column() : Name(text: random.pick(["z", "for", "x1"]), span: .none)
  }

  /// A column in backticks.
  private mutating func column() -> Name {
    let text = random.pick(["the-value", "dla Paris", "1", "a`b", "`", "", "L9H8", "é\t|\"$x"])
    return Name(text: text, span: .none, isQuoted: true)
  }

  /// A name after a component would be part of it.
  private mutating func memberBase() -> Expression {
    let base = postfix()
    if case .component = base.kind { return Expression(kind: .name("x"), span: .none) }
    return base
  }

  private mutating func primaryKind() -> Expression.Kind {
    guard fuel > 0 else { return leafKind() }
    switch Int.random(in: 0..<10, using: &random) {
    case 0: return .pipeline(pipeline())
    case 1: return .list((0..<2).map { _ in item() }, bracketed: true)
    case 2: return .call(name(), (0..<2).map { _ in callArgument() })
    case 3: return .string(interpolated())
    default: return leafKind()
    }
  }

  /// `L9H8 -> L5..12H3@last`
  private mutating func path() -> Expression {
    let others = (0..<Int.random(in: 1...2, using: &random)).map { _ in
      switch Int.random(in: 0..<4, using: &random) {
      case 0: Expression(kind: .name("logits"), span: .none)
      case 1: Expression(kind: .pipeline(deeper { $0.pipeline() }), span: .none)
      case 2:
        Expression(
          kind: .at(Expression(kind: component(), span: .none), position()), span: .none)
      default: Expression(kind: component(), span: .none)
      }
    }
    return Expression(
      kind: .path([Expression(kind: component(), span: .none)] + others), span: .none)
  }

  /// An item of a list; there an `if` or a `for` is a value wherever it stands.
  private mutating func item() -> Expression {
    deeper { tree in
      guard tree.fuel > 1 else { return tree.expression() }
      switch Int.random(in: 0..<7, using: &tree.random) {
      case 2: return tree.path()
      case 0:
        return Expression(
          kind: .conditional(tree.expression(), then: tree.block(), else: tree.value()),
          span: .none)
      case 1:
        return Expression(
          kind: .each(tree.newName(), in: tree.commaList(), tree.block()), span: .none)
      default: return tree.expression()
      }
    }
  }

  /// A block of one pipeline.
  private mutating func value() -> Block {
    Block(statements: [Statement(kind: .pipeline(pipeline()), span: .none)], span: .none)
  }

  private mutating func leafKind() -> Expression.Kind {
    switch Int.random(in: 0..<13, using: &random) {
    case 0:
      return .integer(
        Int.random(in: 0...Int.max, using: &random) >> Int.random(in: 0...62, using: &random))
    case 1: return .number(number(), .none)
    case 2: return scaledNumber()
    case 3: return .boolean(random.chance(50))
    case 4: return .string(literal(isRaw: random.chance(50)))
    case 5: return component()
    case 6: return .at(nil, position())
    case 7: return .column(column().text)
    case 8: return .variable(name().text)
    default: return .name(name().text)
    }
  }

  private mutating func number() -> Double {
    let value = Double(bitPattern: random.next()).magnitude
    return value.isFinite ? value : 0.5
  }

  /// Only values that some digits give.
  private mutating func scaledNumber() -> Expression.Kind {
    let digits =
      "\(Int.random(in: 0...999, using: &random)).\(Int.random(in: 0...99999, using: &random))"
    let suffix = random.pick(NumberSuffix.all + ["%", "B"])
    guard case .success(let kind) = NumberText.value(of: digits + suffix) else {
      return .integer(1)
    }
    return kind
  }

  // MARK: Leaves

  private mutating func newName() -> Name {
    Name(text: random.pick(["a", "größe", "L", "L9_x", "heads"]), span: .none)
  }

  private mutating func name() -> Name {
    Name(text: random.pick(["a", "b", "x1", "_", "größe", "L", "L9_x", "heads", "層"]), span: .none)
  }

  private mutating func component() -> Expression.Kind {
    let text = random.pick([
      "L9", "L9H8.z", "L*", "L5..12H3", "L9H{1,3}", "L9N123", "L9KV2.v", "L{1,2}.mlp",
      "blocks.9.attn.hook_z", "hook_embed",
    ])
    guard case .component(_, let literal) = ComponentScanner.scan(Array(text.utf8), at: 0) else {
      return .name("heads")
    }
    return .component(literal)
  }

  private mutating func position() -> Position {
    Position(kind: positionKind(canBeSet: true), span: .none)
  }

  private mutating func positionKind(canBeSet: Bool) -> Position.Kind {
    switch Int.random(in: 0..<(canBeSet ? 6 : 5), using: &random) {
    case 0: .all
    case 1: .index(Int.random(in: -9...9, using: &random))
    case 2: .range(1, random.pick([1, 7, -1]))
    case 3: .name(random.pick(["last", "subject"]))
    case 4: .text(random.pick(["Colosseum", " a\"b", "\\", "é\n"]))
    default: .set((0..<2).map { _ in positionKind(canBeSet: false) })
    }
  }

  private mutating func literal(isRaw: Bool) -> StringLiteral {
    let texts =
      isRaw ? ["", "a", "a\\n\"{}", "日"] : ["", " Italy", "a'\"\\(\n\t\u{1}é\u{2028}", "\\"]
    let text = random.pick(texts)
    return StringLiteral(isRaw: isRaw, pieces: text.isEmpty ? [] : [.text(text, offsets: [])])
  }

  private mutating func interpolated() -> StringLiteral {
    let outer = isInInterpolation
    isInInterpolation = true
    defer { isInInterpolation = outer }
    return StringLiteral(
      isRaw: false,
      pieces: [.text("a", offsets: []), .interpolation(pipeline()), .text("\"", offsets: [])])
  }
}

extension SourceSpan {
  fileprivate static let none = SourceSpan(0, 0)
}
