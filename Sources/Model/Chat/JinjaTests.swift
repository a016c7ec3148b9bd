/// The tests that follow `is`.
enum JinjaTest: String {
  case boolean, callable, defined, divisibleby, even, float, integer, iterable, lower, mapping, none
  case number, odd, sameas, sequence, string, undefined, upper
  case isFalse = "false"
  case isTrue = "true"
  case isIn = "in"

  /// Of jinja2, not known here.
  static let unsupported: Set<String> = ["escaped", "filter", "test"]

  static let comparisons: [String: JinjaComparison] = [
    "==": .equal, "eq": .equal, "equalto": .equal, "!=": .unequal, "ne": .unequal, ">": .greater,
    "gt": .greater, "greaterthan": .greater, ">=": .greaterOrEqual, "ge": .greaterOrEqual,
    "<": .less, "lt": .less, "lessthan": .less, "<=": .lessOrEqual, "le": .lessOrEqual,
  ]
}

extension JinjaRenderer {
  func test(_ name: String, _ value: JinjaValue, _ given: JinjaCall) throws -> Bool {
    func argument() throws -> JinjaValue {
      guard let value = try given.bound(to: ["/"], of: "the test `\(name)`")[0] else {
        throw JinjaError("the test `\(name)` needs a value")
      }
      return value
    }
    if let comparison = JinjaTest.comparisons[name] {
      return try compare(value, comparison, try argument())
    }
    guard let test = JinjaTest(rawValue: name) else {
      throw JinjaError(
        JinjaTest.unsupported.contains(name)
          ? "the test `\(name)` is not supported" : "there is no test \(quoted(name))")
    }
    switch test {
    case .divisibleby:
      let rest = try calculate(value, .modulo, try argument())
      return !rest.isTrue
    case .isIn: return try contains(try argument(), value)
    case .sameas: return try isSame(value, try argument())
    default:
      _ = try given.bound(to: [], of: "the test `\(name)`")
      return try test == .odd || test == .even
        ? isOdd(value) == (test == .odd) : isKind(test, value)
    }
  }

  private func isOdd(_ value: JinjaValue) throws -> Bool {
    try isEqual(try calculate(value, .modulo, .integer(2)), .integer(1))
  }

  private func isKind(_ test: JinjaTest, _ value: JinjaValue) throws -> Bool {
    switch (test, value) {
    case (.defined, .undefined), (.none, .undefined): return false
    case (.defined, _), (.undefined, .undefined), (.none, .none): return true
    case (.undefined, _), (.none, _): return false
    case (.boolean, .boolean), (.integer, .integer), (.float, .double): return true
    case (.isTrue, .boolean(let value)): return value
    case (.isFalse, .boolean(let value)): return !value
    case (.string, .text), (.string, .markup), (.mapping, .dictionary): return true
    case (.number, .integer), (.number, .double), (.number, .boolean): return true
    case (.callable, .macro), (.callable, .function), (.callable, .method): return true
    // `loop` can be called where it is recursive, and an undefined value where it is an error.
    case (.callable, .loop), (.callable, .undefined): return true
    case (.iterable, .iterator), (.iterable, .loop): return true
    case (.iterable, _): return length(of: value) != nil
    case (.sequence, .view): return false
    case (.sequence, _): return length(of: value) != nil
    case (.lower, _): return try isCase(value, "islower")
    case (.upper, _): return try isCase(value, "isupper")
    default: return false
    }
  }

  private func isCase(_ value: JinjaValue, _ method: String) throws -> Bool {
    try call(method: method, of: .text(try text(of: value)), JinjaCall()).isTrue
  }

  /// `is` of Python, for values that are objects of their own: none, true, false, a namespace.
  private func isSame(_ value: JinjaValue, _ other: JinjaValue) throws -> Bool {
    switch (value, other) {
    case (.none, .none): true
    case (.boolean(let one), .boolean(let other)): one == other
    case (.namespace(let one), .namespace(let other)): one === other
    case (.boolean, _), (_, .boolean), (.none, _), (_, .none): false
    default: throw JinjaError("`sameas` is supported for true, false and none alone")
    }
  }
}
