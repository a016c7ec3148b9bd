import Lang
import Model

extension Evaluator {
  func unary(_ op: UnaryOperator, _ operand: Value) throws -> Value {
    switch (op, op == .negate ? operand.counted : operand) {
    case (_, .missing): return .missing
    case (.negate, .integer(let value)):
      guard value != .min else { throw Failure("the number is too large") }
      return .integer(-value)
    case (.negate, .number(let value)): return .number(-value)
    case (.negate, .vector(let vector)): return .vector(try vector.times(-1))
    case (.not, .boolean(let value)): return .boolean(!value)
    case (.negate, _): throw Failure("\(operand.kind) has no negative")
    case (.not, _): throw Failure("`not` needs true or false, not \(operand.kind)")
    }
  }

  func binary(
    _ op: BinaryOperator, _ left: Lang.Expression, _ right: Lang.Expression, at span: SourceSpan
  ) throws -> Value {
    switch op {
    case .and, .or: return try logical(op, left, right)
    case .equal: return try equality(left, right).map(Value.boolean) ?? .missing
    case .notEqual: return try equality(left, right).map { .boolean(!$0) } ?? .missing
    case .less, .lessOrEqual, .greater, .greaterOrEqual:
      return try ordering(op, try evaluate(left), try evaluate(right))
    case .in:
      // A range is looked into without being made: for each row again, that would take its square.
      if case .range(let low, let high) = right.unwrapped.kind {
        return try membership(try evaluate(left), from: try evaluate(low), to: try evaluate(high))
      }
      return try membership(try evaluate(left), try evaluate(right))
    case .add, .subtract, .multiply, .divide, .remainder, .power:
      return try arithmetic(
        op, try evaluate(left).counted, try evaluate(right).counted, at: span)
    }
  }

  /// Three-valued, as in SQL: false and missing is false, true or missing is true.
  private func logical(_ op: BinaryOperator, _ left: Lang.Expression, _ right: Lang.Expression)
    throws -> Value
  {
    let decisive = op == .or
    let first = try truth(left)
    if first == decisive { return .boolean(decisive) }
    let second = try truth(right)
    if second == decisive { return .boolean(decisive) }
    return first == nil || second == nil ? .missing : .boolean(!decisive)
  }

  /// True, false, or nil for missing.
  func truth(_ expression: Lang.Expression) throws -> Bool? {
    switch try evaluate(expression) {
    case .boolean(let value): return value
    case .missing: return nil
    case let other:
      throw Failure(
        "this must be true or false, and is \(other.kind)", help: "compare it with something",
        span: expression.span)
    }
  }

  private func equality(_ left: Lang.Expression, _ right: Lang.Expression) throws -> Bool? {
    try equal(try evaluate(left), try evaluate(right))
  }

  /// Nil if either is missing.
  private func equal(_ left: Value, _ right: Value) throws -> Bool? {
    switch (left, right) {
    case (.missing, _), (_, .missing): return nil
    case (.boolean(let a), .boolean(let b)): return a == b
    case (.integer(let a), .integer(let b)): return a == b
    case (.list(let a), .list(let b)):
      guard a.count == b.count else { return false }
      return try zip(a, b).allSatisfy { try equal($0, $1) ?? false }
    default: break
    }
    if let a = left.asDouble, let b = right.asDouble { return a == b }
    if let a = left.asText, let b = right.asText {
      try left.refuseSeveral(comparedWith: right)
      try right.refuseSeveral(comparedWith: left)
      return a == b
    }
    throw Failure("\(left.kind) and \(right.kind) cannot be compared")
  }

  private func ordering(_ op: BinaryOperator, _ left: Value, _ right: Value) throws -> Value {
    func answer<T: Comparable>(_ a: T, _ b: T) -> Value {
      switch op {
      case .less: .boolean(a < b)
      case .lessOrEqual: .boolean(a <= b)
      case .greater: .boolean(a > b)
      default: .boolean(a >= b)
      }
    }
    switch (left, right) {
    case (.missing, _), (_, .missing): return .missing
    case (.integer(let a), .integer(let b)): return answer(a, b)
    default: break
    }
    if let a = left.asDouble, let b = right.asDouble { return answer(a, b) }
    if let a = left.asText, let b = right.asText { return answer(naturalOrder(a, b), 0) }
    throw Failure("\(left.kind) and \(right.kind) have no order")
  }

  private func membership(_ left: Value, _ right: Value) throws -> Value {
    switch right {
    case .missing: return .missing
    case .list(let values):
      if case .missing = left { return .missing }
      for (index, value) in values.enumerated() {
        if index & 0xFFF == 0xFFF { try Interruption.check() }
        if try equal(left, value) ?? false { return .boolean(true) }
      }
      return .boolean(false)
    case .text(let text):
      guard let part = left.asText else {
        throw Failure("only text can be in text, not \(left.kind)")
      }
      return .boolean(try text.holds(part))
    default:
      throw Failure("`in` needs a list, a range or text on its right, not \(right.kind)")
    }
  }

  private func membership(_ left: Value, from low: Value, to high: Value) throws -> Value {
    let (first, last) = try Self.ends(of: low, high)
    if case .missing = left { return .missing }
    if case .integer(let value) = left { return .boolean(value >= first && value <= last) }
    // One element says whether such a value can be among them at all.
    if try equal(left, .integer(first)) == true { return .boolean(true) }
    let whole = left.asDouble.flatMap { Int(exactly: $0) }
    return .boolean(whole.map { $0 >= first && $0 <= last } ?? false)
  }

  private func arithmetic(
    _ op: BinaryOperator, _ left: Value, _ right: Value, at span: SourceSpan
  ) throws -> Value {
    switch (left, right) {
    case (.missing, _), (_, .missing): return .missing
    case (.integer(let a), .integer(let b)): return try whole(op, a, b, at: span)
    case (.text(let a), .text(let b)) where op == .add:
      try Self.checkSize(ofTexts: [a, b])
      return .text(a + b)
    case (.list(let a), .list(let b)) where op == .add:
      try Memory.reserve(
        (a.count + b.count) * MemoryLayout<Value>.stride,
        for: "a list of \(thousands(a.count + b.count)) values")
      return .list(a + b)
    default: break
    }
    if let vector = try vectorArithmetic(op, left, right) { return vector }
    guard let a = left.asDouble, let b = right.asDouble else {
      throw Failure("`\(op.rawValue)` needs numbers, not \(left.kind) and \(right.kind)")
    }
    return try real(op, a, b, at: span)
  }

  private func whole(_ op: BinaryOperator, _ a: Int, _ b: Int, at span: SourceSpan) throws -> Value
  {
    let (result, overflow): (Int, Bool)
    switch op {
    case .add: (result, overflow) = a.addingReportingOverflow(b)
    case .subtract: (result, overflow) = a.subtractingReportingOverflow(b)
    case .multiply: (result, overflow) = a.multipliedReportingOverflow(by: b)
    case .remainder:
      if b == 0 { return try session.undefined(.division, at: span) }
      // Of the smallest number and -1 only the quotient overflows.
      (result, overflow) = b == -1 ? (0, false) : a.remainderReportingOverflow(dividingBy: b)
    case .power:
      guard b >= 0, let power = a.raised(to: b) else { fallthrough }
      return .integer(power)
    default: return try real(op, Double(a), Double(b), at: span)
    }
    return overflow ? try real(op, Double(a), Double(b), at: span) : .integer(result)
  }

  private func real(_ op: BinaryOperator, _ a: Double, _ b: Double, at span: SourceSpan) throws
    -> Value
  {
    let result: Double
    switch op {
    case .add: result = a + b
    case .subtract: result = a - b
    case .multiply: result = a * b
    case .power:
      if a == 0, b < 0 { return try session.undefined(.division, at: span) }
      result = Numerics.power(a, b)
      if result.isNaN { return try session.undefined(.power, at: span) }
    default:
      if b == 0 { return try session.undefined(.division, at: span) }
      result = op == .remainder ? a.truncatingRemainder(dividingBy: b) : a / b
    }
    return result.isNaN ? try session.undefined(.indeterminate, at: span) : .number(result)
  }

  func range(_ low: Value, _ high: Value) throws -> Value {
    let (first, last) = try Self.ends(of: low, high)
    let (length, overflows) = last.subtractingReportingOverflow(first)
    guard !overflows, length < 10_000_000 else {
      throw Failure("the range \(first)..\(last) is too long")
    }
    try Memory.reserve(
      (length + 1) * MemoryLayout<Value>.stride, for: "the range \(first)..\(last) as a list")
    return .list(try (first...last).mapChecked(Value.integer))
  }

  static func ends(of low: Value, _ high: Value) throws -> (Int, Int) {
    guard case .integer(let first) = low, case .integer(let last) = high else {
      throw Failure("a range goes from one whole number to another")
    }
    guard first <= last else {
      throw Failure("the range \(first)..\(last) runs backwards")
    }
    return (first, last)
  }
}

extension Int {
  /// Nil where it is too large.
  fileprivate func raised(to exponent: Int) -> Int? {
    if self == 0 || self == 1 { return exponent == 0 ? 1 : self }
    if self == -1 { return exponent % 2 == 0 ? 1 : -1 }
    guard exponent < Int.bitWidth else { return nil }
    var power = 1
    for _ in 0..<exponent {
      let (next, overflow) = power.multipliedReportingOverflow(by: self)
      if overflow { return nil }
      power = next
    }
    return power
  }
}

extension Lang.Expression {
  /// Without the parentheses around it.
  var unwrapped: Lang.Expression {
    guard case .pipeline(let pipeline) = kind, pipeline.stages.count == 1,
      case .expression(let inner) = pipeline.stages[0].kind
    else { return self }
    return inner.unwrapped
  }
}

extension Value {
  /// A column of components has one in each cell, and no position: nothing would be equal.
  fileprivate func refuseSeveral(comparedWith other: Value) throws {
    guard case .selector(let selector) = self, case .text = other else { return }
    guard selector.position == nil else {
      throw Failure(
        "`\(selector.text)` has a position, and a component's name has none",
        help: "compare the columns one by one: component == … and position == …")
    }
    guard selector.isOneComponent else {
      throw Failure(
        "`\(selector.text)` is several components, so no cell equals it",
        help: "compare the columns `layer` and `head`, or write a list: component in [L9H1, L9H3]")
    }
  }

  /// As arithmetic takes it: true is 1, false 0.
  var counted: Value {
    if case .boolean(let truth) = self { .integer(truth ? 1 : 0) } else { self }
  }

  /// Text, or what is written as text: a selector.
  var asText: String? {
    switch self {
    case .text(let text): text
    case .selector(let selector): selector.text
    case .nothing, .missing, .boolean, .integer, .number, .list, .table, .stream, .prompts,
      .vector, .map, .circuit, .record:
      nil
    }
  }
}
