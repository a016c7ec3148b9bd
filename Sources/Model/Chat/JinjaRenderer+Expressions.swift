// What expressions are.
extension JinjaRenderer {
  func evaluate(_ expression: JinjaExpression) throws -> JinjaValue {
    try step()
    switch expression {
    case .constant(let value): return value
    case .name(let name): return try value(of: name)
    default: return try nested { try evaluateParts(expression) }
    }
  }

  private func evaluateParts(_ expression: JinjaExpression) throws -> JinjaValue {
    switch expression {
    case .constant(let value): return value
    case .name(let name): return try value(of: name)
    case .list(let items): return .list(try JinjaList(try items.map(evaluate)))
    case .tuple(let items): return .tuple(try JinjaList(try items.map(evaluate)))
    case .dictionary(let pairs):
      return .dictionary(
        try JinjaDictionary(try pairs.map { (try evaluate($0.key), try evaluate($0.value)) }))
    case .postfix(let base, let parts):
      return try parts.reduce(try evaluate(base)) { try follow($0, $1) }
    case .arithmetic(let first, let rest):
      return try rest.reduce(try evaluate(first)) { try calculate($0, $1.0, try evaluate($1.1)) }
    case .concatenation(let parts): return try concatenate(parts)
    case .comparison(let first, let rest): return .boolean(try compare(first, rest))
    case .and(let parts): return try first(of: parts) { !$0.isTrue }
    case .or(let parts): return try first(of: parts) { $0.isTrue }
    case .not(let value): return .boolean(!(try evaluate(value).isTrue))
    case .sign(let isNegative, let value): return try signed(try evaluate(value), isNegative)
    case .conditional(let test, let value, let otherwise):
      if try evaluate(test).isTrue { return try evaluate(value) }
      return try otherwise.map(evaluate)
        ?? .undefined("the condition is false, and there is no `else`")
    }
  }

  private func first(of parts: [JinjaExpression], _ decides: (JinjaValue) -> Bool) throws
    -> JinjaValue
  {
    var value = JinjaValue.none
    for part in parts {
      value = try evaluate(part)
      if decides(value) { break }
    }
    return value
  }

  private func concatenate(_ parts: [JinjaExpression]) throws -> JinjaValue {
    var result: JinjaText = []
    for part in parts {
      let part = try text(of: try evaluate(part))
      try charge(text: result.count + part.count)
      result += part
    }
    return .text(result)
  }

  private func compare(_ first: JinjaExpression, _ rest: [(JinjaComparison, JinjaExpression)])
    throws -> Bool
  {
    var left = try evaluate(first)
    for (comparison, expression) in rest {
      let right = try evaluate(expression)
      guard try compare(left, comparison, right) else { return false }
      left = right
    }
    return true
  }

  func compare(_ left: JinjaValue, _ comparison: JinjaComparison, _ right: JinjaValue) throws
    -> Bool
  {
    switch comparison {
    case .equal: try isEqual(left, right)
    case .unequal: try !isEqual(left, right)
    case .less: try isLess(left, right)
    case .lessOrEqual: try isLess(left, right, orEqual: true)
    case .greater: try isLess(right, left)
    case .greaterOrEqual: try isLess(right, left, orEqual: true)
    case .isIn: try contains(right, left)
    case .isNotIn: try !contains(right, left)
    }
  }

  func evaluate(_ arguments: JinjaArguments) throws -> JinjaCall {
    JinjaCall(
      positional: try arguments.positional.map(evaluate),
      named: try arguments.named.map { ($0.name, try evaluate($0.value)) })
  }

  /// A value with one thing done to it.
  func follow(_ value: JinjaValue, _ part: JinjaPostfix) throws -> JinjaValue {
    try step()
    let result: JinjaValue
    switch part.kind {
    case .attribute(let name):
      line = part.line
      result = try attribute(name, of: value)
    case .item(let index):
      let index = try evaluate(index)
      line = part.line
      result = try item(index, of: value)
    case .slice(let start, let stop, let step):
      let bounds = try [start, stop, step].map { try $0.map(evaluate) ?? .none }
      line = part.line
      result = try slice(value, bounds)
    case .call(let arguments):
      let arguments = try evaluate(arguments)
      line = part.line
      result = try call(value, arguments)
    case .filter(let name, let arguments):
      let arguments = try evaluate(arguments)
      line = part.line
      result = try filter(name, value, arguments)
    case .test(let name, let arguments, let isNegated):
      let arguments = try evaluate(arguments)
      line = part.line
      result = .boolean(try test(name, value, arguments) != isNegated)
    }
    return result
  }

  func call(_ value: JinjaValue, _ arguments: JinjaCall) throws -> JinjaValue {
    switch value {
    case .macro(let macro): return try nested { try call(macro, arguments) }
    case .function(let function): return try call(function, arguments)
    case .method(let owner, let name): return try call(method: name, of: owner, arguments)
    case .undefined(let message): throw JinjaError(message)
    default: throw JinjaError("\(value.kind) cannot be called")
    }
  }

  private func call(_ function: JinjaFunction, _ given: JinjaCall) throws -> JinjaValue {
    switch function {
    case .range:
      let bounds = try given.bound(to: ["/", "/", "/"], of: "`range`").compactMap { $0 }
        .map(integer)
      switch bounds.count {
      case 1: return .range(try JinjaRange(0, bounds[0], 1))
      case 2: return .range(try JinjaRange(bounds[0], bounds[1], 1))
      case 3: return .range(try JinjaRange(bounds[0], bounds[1], bounds[2]))
      default: throw JinjaError("`range` needs an argument")
      }
    case .dict: return .dictionary(try dictionary(given, of: "`dict`"))
    case .namespace:
      let namespace = JinjaNamespace()
      let values = try dictionary(given, of: "`namespace`")
      for (key, value) in values.pairs {
        guard case .text(let name) = key else {
          throw JinjaError("a name in a namespace is a text, not \(key.kind)")
        }
        try set(String(name), to: value, in: namespace)
      }
      return .namespace(namespace)
    case .raiseException:
      let message = try given.bound(to: ["message"], of: "`raise_exception`")[0]
      guard let message else { throw JinjaError("`raise_exception` needs a message") }
      throw JinjaError(String(try text(of: message)), isRefusal: true)
    case .strftimeNow:
      guard case .text(let format)? = try given.bound(to: ["format"], of: "`strftime_now`")[0]
      else { throw JinjaError("`strftime_now` needs a text") }
      return .text(JinjaText(try date.formatted(String(format))))
    }
  }

  /// A dictionary, or pairs, and named values after it.
  private func dictionary(_ given: JinjaCall, of what: String) throws -> JinjaDictionary {
    guard given.positional.count <= 1 else {
      throw JinjaError("\(what) takes one argument at most")
    }
    var result = JinjaDictionary()
    switch given.positional.first {
    case nil: break
    case .dictionary(let dictionary): result = dictionary
    case let value?:
      for pair in try items(of: value) {
        let pair = try items(of: pair)
        guard pair.count == 2 else { throw JinjaError("\(what) takes pairs of a key and a value") }
        try result.set(pair[0], pair[1])
      }
    }
    for (name, value) in given.named { try result.set(.text(name), value) }
    try charge(result.keys.count)
    return result
  }
}
