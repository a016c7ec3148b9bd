import Model

/// The functions of expressions.
enum Function: String, CaseIterable {
  case abs, sqrt, exp, log, round, min, max, sum, mean, length, coalesce
  case zip, product, shuffle
  case norm, dot, cosine
  case split, concat, replace, upper, lower, contains, starts

  /// Whether `seed=` may stand among its arguments.
  var takesSeed: Bool { self == .shuffle }

  /// - Parameters:
  ///   - seed: of what is drawn at random.
  ///   - undefined: the value of what no number is the result of.
  func apply(
    _ arguments: [Value], seed: Int = 0, undefined: (Undefined) throws -> Value
  ) throws -> Value {
    switch self {
    case .abs, .sqrt, .exp, .log, .round: return try ofNumber(arguments, undefined)
    case .min, .max, .sum, .mean: return try ofNumbers(arguments, undefined)
    case .length: return try length(of: arguments)
    case .coalesce: return try firstPresent(arguments)
    case .norm, .dot, .cosine: return try ofVectors(arguments, undefined)
    case .zip, .product, .shuffle: return try ofLists(arguments, seed: seed)
    case .split, .concat, .replace, .upper, .lower, .contains, .starts:
      return try ofTexts(arguments)
    }
  }

  /// The first that is not missing.
  private func firstPresent(_ arguments: [Value]) throws -> Value {
    guard arguments.count > 1 else {
      throw wrongCount("a value, and what to use if it is missing")
    }
    return arguments.first { if case .missing = $0 { false } else { true } } ?? .missing
  }

  private func ofNumber(_ arguments: [Value], _ undefined: (Undefined) throws -> Value) throws
    -> Value
  {
    guard arguments.count == 1 else { throw wrongCount("one number") }
    let argument = arguments[0].counted
    if case .missing = argument { return .missing }
    if case .integer(let value) = argument, self == .abs, value != .min {
      return .integer(Swift.abs(value))
    }
    guard let x = argument.asDouble else {
      throw Failure("`\(rawValue)` needs a number, not \(arguments[0].kind)")
    }
    switch self {
    case .abs: return .number(Swift.abs(x))
    case .sqrt: return x < 0 ? try undefined(.squareRoot) : .number(x.squareRoot())
    case .exp: return .number(Numerics.exp(x))
    case .log: return x < 0 ? try undefined(.logarithm) : .number(Numerics.log(x))
    default:
      let rounded = x.rounded(.toNearestOrAwayFromZero)
      return Int(exactly: rounded).map(Value.integer) ?? .number(rounded)
    }
  }

  /// Of the numbers given, or of those of one list; what is missing is skipped.
  private func ofNumbers(_ arguments: [Value], _ undefined: (Undefined) throws -> Value) throws
    -> Value
  {
    var values = arguments
    if arguments.count == 1 {
      // `where dla == max(dla)` would be true of every row.
      guard case .list(let list) = arguments[0] else {
        throw Failure(
          "`\(rawValue)` takes a list, or several numbers, and this is one value",
          help: "of a whole column: \(rawValue)(TABLE.column), or `group by … \(rawValue) COLUMN`")
      }
      values = list
    }
    let present = values.map(\.counted).filter {
      if case .missing = $0 { false } else { true }
    }
    let numbers = try present.map { value in
      guard let number = value.asDouble else {
        throw Failure("`\(rawValue)` needs numbers, not \(value.kind)")
      }
      return number
    }
    guard !numbers.isEmpty else { return self == .sum ? .integer(0) : .missing }
    if let exact = ofIntegers(present) { return exact }
    switch self {
    case .min: return present[numbers.firstIndex(of: numbers.min() ?? 0) ?? 0]
    case .max: return present[numbers.firstIndex(of: numbers.max() ?? 0) ?? 0]
    default:
      let sum = numbers.reduce(0, +)
      if sum.isNaN { return try undefined(.indeterminate) }
      return .number(self == .sum ? sum : sum / Double(numbers.count))
    }
  }

  /// Of whole numbers alone, where the result is one: a `Double` does not tell large ones apart.
  private func ofIntegers(_ values: [Value]) -> Value? {
    var integers: [Int] = []
    for value in values {
      guard case .integer(let integer) = value else { return nil }
      integers.append(integer)
    }
    switch self {
    case .min: return integers.min().map(Value.integer)
    case .max: return integers.max().map(Value.integer)
    case .sum:
      var sum = 0
      for integer in integers {
        let (next, overflow) = sum.addingReportingOverflow(integer)
        if overflow { return nil }
        sum = next
      }
      return .integer(sum)
    default: return nil
    }
  }

  private func length(of arguments: [Value]) throws -> Value {
    guard arguments.count == 1 else {
      throw wrongCount("one list, table, text, vector or set of prompts")
    }
    switch arguments[0] {
    case .missing: return .missing
    case .list(let values): return .integer(values.count)
    case .table(let value):
      try value.checkIsWhole("the length")
      return .integer(value.table.rowCount)
    case .prompts(let set): return .integer(set.measuredIndices.count)
    case .text(let text): return .integer(text.count)
    case .vector(let vector): return .integer(vector.elements.count)
    case let other: throw Failure("\(other.kind) has no length")
    }
  }

  func wrongCount(_ wanted: String) -> Failure { Failure("`\(rawValue)` takes \(wanted)") }
}
