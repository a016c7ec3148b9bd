extension Parser {
  /// From loosest to tightest.
  enum Precedence: Int, Comparable {
    case or, and, not, comparison, range, sum, product, unary, power, postfix

    static func < (left: Precedence, right: Precedence) -> Bool { left.rawValue < right.rawValue }

    var next: Precedence { Precedence(rawValue: rawValue + 1) ?? .postfix }
  }

  private enum Infix {
    case binary(BinaryOperator)
    case notIn
    case range

    var precedence: Precedence {
      switch self {
      case .notIn: .comparison
      case .range: .range
      case .binary(let binary): binary.precedence
      }
    }
  }

  /// Everything with operators at least as tight as `minimum`.
  mutating func parseExpression(_ minimum: Precedence = .or) throws(Abort) -> Expression {
    let start = span.start
    var left = try parsePrefix(minimum)
    var leftHeight = height
    /// The comparison or range that `left` already is.
    var previous: Precedence?
    while let infix = infix(), infix.precedence >= minimum {
      let precedence = infix.precedence
      if previous == precedence, precedence == .comparison || precedence == .range {
        reportChain(of: precedence, after: left)
      }
      takeInfix(infix)
      let right = try parseRight(of: precedence)
      try grow(over: leftHeight, height)
      leftHeight = height
      left = combine(infix, left, right, span: spanFrom(start))
      previous = precedence
    }
    height = leftHeight
    return left
  }

  /// A power binds as in Python: `-2 ** 2` is `-(2 ** 2)`, `2 ** -1` needs no parentheses, and
  /// `2 ** 3 ** 2` is `2 ** (3 ** 2)`.
  private mutating func parseRight(of precedence: Precedence) throws(Abort) -> Expression {
    guard precedence == .power else { return try parseExpression(precedence.next) }
    return try nested { (parser) throws(Abort) in try parser.parseExpression(.unary) }
  }

  private func combine(
    _ infix: Infix, _ left: Expression, _ right: Expression, span: SourceSpan
  ) -> Expression {
    switch infix {
    case .binary(let binary):
      return Expression(kind: .binary(binary, left, right), span: span)
    case .range:
      return Expression(kind: .range(left, right), span: span)
    case .notIn:
      let inside = Expression(kind: .binary(.in, left, right), span: span)
      return Expression(kind: .unary(.not, inside), span: span)
    }
  }

  // MARK: Infix operators

  /// The operator at `current`, if what stands here joins two operands. Operators of other
  /// languages are taken for what was meant and reported when taken.
  private func infix() -> Infix? {
    switch kind {
    case .keyword(.or): return .binary(.or)
    case .keyword(.and): return .binary(.and)
    case .keyword(.in): return .binary(.in)
    case .keyword(.not): return following.kind == .keyword(.in) ? .notIn : nil
    case .equal, .assign: return .binary(.equal)
    case .notEqual: return .binary(.notEqual)
    case .less: return .binary(.less)
    case .lessOrEqual: return .binary(.lessOrEqual)
    case .greater: return .binary(.greater)
    case .greaterOrEqual: return .binary(.greaterOrEqual)
    case .plus: return .binary(.add)
    case .star: return isEveryPosition ? nil : .binary(.multiply)
    case .power: return .binary(.power)
    case .slash: return .binary(.divide)
    case .percent: return .binary(.remainder)
    case .dotDot: return .range
    case .minus:
      let beginsNext = isInArguments && current.isAfterSpace && !isBeforeSpace(index)
      return beginsNext ? nil : .binary(.subtract)
    case .invalid(.foreignOperator):
      switch currentText {
      case "&&", "&": return .binary(.and)
      case "||": return .binary(.or)
      case "===": return .binary(.equal)
      case "<>", "!==": return .binary(.notEqual)
      case "//": return .binary(.divide)
      case "...", "..<", "..=": return .range
      default: return nil
      }
    default: return nil
    }
  }

  private mutating func takeInfix(_ infix: Infix) {
    switch kind {
    case .assign:
      report(
        Diagnostic("`=` does not compare", at: span, help: "write `==`"))
    case .invalid(.foreignOperator):
      report(foreignOperator())
    case .plus, .minus, .star, .slash, .percent, .power:
      let hasOperand = beginsArgument(indexAfter(index), afterSpace: false)
      if current.isAfterSpace != isBeforeSpace(index), hasOperand { reportLopsided() }
    default:
      break
    }
    if case .notIn = infix { advance() }
    advance()
    skipNewlines()
  }

  private mutating func reportLopsided() {
    let sign = currentText
    report(
      Diagnostic(
        "`\(sign)` has a space on one side only", at: span,
        help: "put a space on both sides or on neither: a \(sign) b, a\(sign)b"))
  }

  private mutating func reportChain(of precedence: Precedence, after left: Expression) {
    let isRange = precedence == .range
    var help = "join two comparisons with `and`"
    if case .binary(let sign, _, let middle) = left.kind, !isRange {
      let upper = excerpt(middle.span)
      help = "write \(excerpt(left.span)) and \(upper) \(sign == .in ? "==" : currentText) …"
    }
    report(
      Diagnostic(
        isRange ? "a range has two ends" : "comparisons cannot be chained", at: span,
        help: isRange ? "write first..last" : help))
  }

  // MARK: Prefix operators

  /// What stands before an operand. Each kind has a function of its own: nested brackets come through
  /// here, and need little room on the stack for it.
  private mutating func parsePrefix(_ minimum: Precedence) throws(Abort) -> Expression {
    switch kind {
    case .keyword(.not), .invalid(.exclamation): return try parseNot(minimum)
    case .minus: return try parseNegation()
    case .plus: passPlus()
    default: break
    }
    return try parsePostfix()
  }

  private mutating func parseNot(_ minimum: Precedence) throws(Abort) -> Expression {
    let start = span.start
    if kind == .invalid(.exclamation) {
      report(Diagnostic("`!` does not negate", at: span, help: "write `not`"))
    } else if minimum > .not {
      report(
        Diagnostic(
          "`not` is not allowed after this operator", at: span, help: "put it in parentheses"))
    }
    advance()
    skipNewlines()
    let operand = try nested { (parser) throws(Abort) in try parser.parseExpression(.not) }
    try grow(over: height)
    return Expression(kind: .unary(.not, operand), span: spanFrom(start))
  }

  private mutating func parseNegation() throws(Abort) -> Expression {
    let start = span.start
    advance()
    if kind == .minus {
      throw fail("there are two `-`", at: spanFrom(start).joined(with: span), help: "write -(-x)")
    }
    // Without its sign no whole number holds it.
    if kind == .integer, following.kind != .power, NumberText.isMagnitudeOfSmallest(currentText) {
      advance()
      height = 1
      return Expression(kind: .integer(.min), span: spanFrom(start))
    }
    let operand = try parseExpression(.power)
    try grow(over: height)
    return Expression(kind: .unary(.negate, operand), span: spanFrom(start))
  }

  private mutating func passPlus() {
    report(Diagnostic("a number has no `+` before it", at: span, help: "omit it"))
    advance()
  }
}

extension BinaryOperator {
  var precedence: Parser.Precedence {
    switch self {
    case .or: .or
    case .and: .and
    case .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual, .in: .comparison
    case .add, .subtract: .sum
    case .multiply, .divide, .remainder: .product
    case .power: .power
    }
  }
}
