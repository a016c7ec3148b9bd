// Signs, operators and `%` formats. Whole numbers are checked: Python's have no end, and these do.
extension JinjaRenderer {
  func signed(_ value: JinjaValue, _ isNegative: Bool) throws -> JinjaValue {
    switch value {
    case .undefined(let message): throw JinjaError(message)
    case .double(let number): return .double(isNegative ? -number : number)
    default:
      guard let number = value.integer else {
        throw JinjaError("\(value.kind) has no sign")
      }
      let (result, overflow) =
        isNegative ? (0).subtractingReportingOverflow(number) : (number, false)
      return try checked(result, overflow)
    }
  }

  private func checked(_ result: Int, _ overflow: Bool) throws -> JinjaValue {
    guard !overflow else { throw JinjaError("a whole number is too large") }
    return .integer(result)
  }

  func calculate(_ left: JinjaValue, _ symbol: JinjaSymbol, _ right: JinjaValue) throws
    -> JinjaValue
  {
    for value in [left, right] {
      if case .undefined(let message) = value { throw JinjaError(message) }
    }
    if symbol == .modulo, case .text(let format) = left { return try self.format(format, right) }
    if let one = left.integer, let other = right.integer {
      return try calculate(one, symbol, other)
    }
    if let one = left.number, let other = right.number { return try calculate(one, symbol, other) }
    switch (left, symbol, right) {
    case (.text(let one), .add, .text(let other)):
      try charge(text: one.count + other.count)
      return .text(one + other)
    case (.list(let one), .add, .list(let other)):
      try charge(values: one.items.count + other.items.count)
      return .list(try JinjaList(one.items + other.items))
    case (.tuple(let one), .add, .tuple(let other)):
      try charge(values: one.items.count + other.items.count)
      return .tuple(try JinjaList(one.items + other.items))
    case (_, .multiply, _):
      if let count = right.integer, let result = try repeated(left, count) { return result }
      if let count = left.integer, let result = try repeated(right, count) { return result }
    default: break
    }
    throw JinjaError("`\(symbol.rawValue)` cannot join \(left.kind) and \(right.kind)")
  }

  private func repeated(_ value: JinjaValue, _ count: Int) throws -> JinjaValue? {
    let count = max(0, count)
    func total(_ length: Int) -> Int {
      let (total, overflow) = length.multipliedReportingOverflow(by: count)
      return overflow ? .max : total
    }
    func items(_ list: JinjaList) throws -> JinjaList {
      try charge(values: total(list.items.count))
      return try JinjaList((0..<(list.items.isEmpty ? 0 : count)).flatMap { _ in list.items })
    }
    switch value {
    case .text(let text):
      try charge(text: total(text.count))
      return .text((0..<(text.isEmpty ? 0 : count)).flatMap { _ in text })
    case .list(let list): return .list(try items(list))
    case .tuple(let list): return .tuple(try items(list))
    default: return nil
    }
  }

  private func calculate(_ one: Int, _ symbol: JinjaSymbol, _ other: Int) throws -> JinjaValue {
    switch symbol {
    case .add:
      let (result, overflow) = one.addingReportingOverflow(other)
      return try checked(result, overflow)
    case .subtract:
      let (result, overflow) = one.subtractingReportingOverflow(other)
      return try checked(result, overflow)
    case .multiply:
      let (result, overflow) = one.multipliedReportingOverflow(by: other)
      return try checked(result, overflow)
    case .divideWhole, .modulo:
      guard other != 0 else { throw JinjaError("a number is divided by zero") }
      let (quotient, overflow) = one.dividedReportingOverflow(by: other)
      if overflow { return try checked(symbol == .modulo ? 0 : quotient, symbol != .modulo) }
      // Python rounds down, and the rest has the divisor's sign.
      let rest = one % other
      let isBelow = rest != 0 && (rest < 0) != (other < 0)
      if symbol == .modulo { return .integer(isBelow ? rest + other : rest) }
      return .integer(isBelow ? quotient - 1 : quotient)
    case .power where other >= 0:
      var (result, base, left) = (1, one, other)
      while left > 0 {
        if left & 1 == 1 {
          let (product, overflow) = result.multipliedReportingOverflow(by: base)
          _ = try checked(product, overflow)
          result = product
        }
        left >>= 1
        guard left > 0 else { break }
        let (square, overflow) = base.multipliedReportingOverflow(by: base)
        _ = try checked(square, overflow)
        base = square
      }
      return .integer(result)
    default: return try calculate(Double(one), symbol, Double(other))
    }
  }

  private func calculate(_ one: Double, _ symbol: JinjaSymbol, _ other: Double) throws -> JinjaValue
  {
    switch symbol {
    case .add: return .double(one + other)
    case .subtract: return .double(one - other)
    case .multiply: return .double(one * other)
    case .divide, .divideWhole, .modulo:
      guard other != 0 else { throw JinjaError("a number is divided by zero") }
      if symbol == .divide { return .double(one / other) }
      let rest = one.truncatingRemainder(dividingBy: other)
      let isBelow = rest != 0 && (rest < 0) != (other < 0)
      if symbol == .modulo { return .double(isBelow ? rest + other : rest) }
      return .double(((one - (isBelow ? rest + other : rest)) / other).rounded(.toNearestOrEven))
    case .power:
      guard one > 0 else { throw JinjaError("`**` of a negative number is not supported") }
      return .double(Numerics.pow(one, other))
    default: throw JinjaError("`\(symbol.rawValue)` cannot join numbers")
    }
  }

  /// `'%s' % value`
  private func format(_ format: JinjaText, _ value: JinjaValue) throws -> JinjaValue {
    var values: [JinjaValue] = if case .tuple(let list) = value { list.items } else { [value] }
    var (result, index): (JinjaText, Int) = ([], 0)
    while index < format.count {
      let scalar = format[index]
      index += 1
      guard scalar == "%" else {
        result.append(scalar)
        continue
      }
      guard index < format.count else { throw JinjaError("a format ends in `%`") }
      let kind = format[index]
      index += 1
      if kind == "%" {
        result.append(kind)
        continue
      }
      guard "sdir".unicodeScalars.contains(kind) else {
        throw JinjaError("the format `%\(kind)` is not supported")
      }
      guard !values.isEmpty else { throw JinjaError("a format has more places than values") }
      let next = values.removeFirst()
      switch kind {
      case "s": result += try text(of: next)
      case "r": result += try representation(of: next)
      default: result += JinjaText("\(try integer(next))")
      }
      try charge(text: result.count)
    }
    let isUsed: Bool = if case .dictionary = value { true } else { values.isEmpty }
    guard isUsed else { throw JinjaError("a format has fewer places than values") }
    return .text(result)
  }
}
