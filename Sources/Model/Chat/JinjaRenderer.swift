/// Renders a template as jinja2 does with transformers' settings.
///
/// What comes of it is bounded, whatever the template does: its steps, its texts, how deep its calls
/// and values nest.
final class JinjaRenderer {
  /// What the caller hands over.
  private let variables: [String: JinjaValue]
  let date: ChatDate
  var scope = JinjaScope(parent: nil)
  private var output: JinjaText = []
  /// Of the statement or the value at hand.
  var line = 1
  private var work = 0
  private var depth = 0
  /// Scopes that macros hold and that hold macros.
  private var macroScopes: [JinjaScope] = []

  /// Steps, and values and characters that are made.
  private static let mostWork = 16 << 20
  /// Characters of one text.
  private static let longestText = 4 << 20
  /// Statements and values within each other, calls of macros among them.
  private static let deepest = 200

  enum Flow { case normal, breakLoop, continueLoop }

  init(variables: [String: JinjaValue], date: ChatDate) {
    self.variables = variables
    self.date = date
  }

  /// - Throws: `JinjaError` with its line; `Interruption.Stopped`.
  func render(_ template: [JinjaStatement]) throws -> String {
    defer {
      // A macro and the scope that it was defined in hold each other.
      for scope in macroScopes { scope.values = [:] }
    }
    do {
      _ = try run(template)
      return String(output)
    } catch var error as JinjaError {
      error.line = error.line ?? line
      throw error
    }
  }

  // MARK: Bounds

  /// Accounts for a step that is taken.
  func step() throws { try charge(8) }

  /// Accounts for values that are made.
  func charge(_ count: Int) throws {
    let before = work
    work += min(count, Self.mostWork)
    guard work <= Self.mostWork else { throw JinjaError("this takes too many steps") }
    if before >> 10 != work >> 10 { try Interruption.check() }
  }

  /// Accounts for a list that is to be made: a value takes as much room as some characters.
  func charge(values count: Int) throws {
    let (work, overflow) = count.multipliedReportingOverflow(by: 4)
    try charge(overflow ? .max : work)
  }

  /// Accounts for a text that is to be made.
  func charge(text count: Int) throws {
    try check(length: count)
    try charge(count)
  }

  private func check(length: Int) throws {
    guard length <= Self.longestText else {
      throw JinjaError("this makes a text of more than \(Self.longestText) characters")
    }
  }

  func nested<Result>(_ body: () throws -> Result) throws -> Result {
    guard depth < Self.deepest else { throw JinjaError("calls are nested too deeply") }
    depth += 1
    defer { depth -= 1 }
    return try body()
  }

  // MARK: Output

  func write(_ text: JinjaText) throws {
    try check(length: output.count + text.count)
    try charge(text.count)
    output += text
  }

  /// What statements write.
  private func capturing(_ body: () throws -> Flow) throws -> (JinjaText, Flow) {
    let outer = output
    output = []
    defer { output = outer }
    let flow = try body()
    return (output, flow)
  }

  /// Runs a body with variables of its own.
  private func scoped<Result>(in parent: JinjaScope? = nil, _ body: () throws -> Result) rethrows
    -> Result
  {
    let outer = scope
    scope = JinjaScope(parent: parent ?? outer)
    defer { scope = outer }
    return try body()
  }

  // MARK: Names

  func value(of name: String) throws -> JinjaValue {
    if let value = scope.value(name) ?? variables[name] { return value }
    if let function = JinjaFunction(rawValue: name) { return .function(function) }
    guard !JinjaFunction.unsupported.contains(name) else {
      throw JinjaError("the function `\(name)` is not supported")
    }
    return .undefined("'\(name)' is undefined")
  }

  private func assign(_ value: JinjaValue, to target: JinjaTarget) throws {
    switch target {
    case .name(let name): scope.values[name] = value
    case .member(let owner, let name):
      guard case .namespace(let namespace) = try self.value(of: owner) else {
        throw JinjaError("`\(owner)` is not a namespace: only its values can be set")
      }
      try set(name, to: value, in: namespace)
    case .tuple(let targets):
      let items = try items(of: value)
      guard items.count == targets.count else {
        throw JinjaError("\(items.count) values are put into \(targets.count) variables")
      }
      for (target, item) in zip(targets, items) { try assign(item, to: target) }
    }
  }

  func set(_ name: String, to value: JinjaValue, in namespace: JinjaNamespace) throws {
    guard !name.hasPrefix("_") else {
      throw JinjaError("a name in a namespace cannot begin with `_`: '\(name)'")
    }
    _ = try JinjaList.depth(of: [value])
    namespace.values[name] = value
  }

  // MARK: Statements

  private func run(_ statements: [JinjaStatement]) throws -> Flow {
    for statement in statements {
      line = statement.line
      try step()
      let flow = try nested { try run(statement) }
      if flow != .normal { return flow }
    }
    return .normal
  }

  private func run(_ statement: JinjaStatement) throws -> Flow {
    switch statement.kind {
    case .data(let text): try write(text)
    case .output(let values):
      for value in values { try write(try text(of: try evaluate(value))) }
    case .set(let target, let value): try assign(try evaluate(value), to: target)
    case .setBlock(let target, let filters, let body): return try setBlock(target, filters, body)
    case .loop(let loop): return try self.loop(loop)
    case .choice(let branches, let otherwise):
      for branch in branches {
        if try evaluate(branch.test).isTrue { return try run(branch.body) }
      }
      return try run(otherwise)
    case .with(let values, let body):
      let outer = scope
      return try scoped {
        for (target, value) in values {
          let inner = scope
          scope = outer
          defer { scope = inner }
          let found = try evaluate(value)
          scope = inner
          try assign(found, to: target)
        }
        return try run(body)
      }
    case .macro(let definition):
      macroScopes.append(scope)
      scope.values[definition.name] = .macro(JinjaMacro(definition: definition, scope: scope))
    case .call(let call, let caller): try self.call(call, handingOver: caller)
    case .filter(let filters, let body):
      let (text, flow) = try capturing { try scoped { try run(body) } }
      guard flow == .normal else { return flow }
      try write(try self.text(of: try apply(filters, to: .text(text))))
    case .generation(let body): return try scoped { try run(body) }
    case .breakLoop: return .breakLoop
    case .continueLoop: return .continueLoop
    }
    return .normal
  }

  private func setBlock(
    _ target: JinjaTarget, _ filters: [JinjaPostfix], _ body: [JinjaStatement]
  ) throws -> Flow {
    let (text, flow) = try capturing { try scoped { try run(body) } }
    guard flow == .normal else { return flow }
    try assign(try apply(filters, to: .text(text)), to: target)
    return .normal
  }

  private func apply(_ filters: [JinjaPostfix], to value: JinjaValue) throws -> JinjaValue {
    try filters.reduce(value) { try follow($0, $1) }
  }

  private func loop(_ statement: JinjaLoopStatement) throws -> Flow {
    let values = try evaluate(statement.values)
    var iterator = try iterator(over: values)
    var length = length(of: values)
    let outer = scope
    if let test = statement.test {
      length = nil
      iterator = try JinjaIterator { [iterator] renderer in
        while let item = try iterator.next(renderer) {
          try renderer.charge(1)
          let isKept = try renderer.scoped(in: outer) {
            try renderer.assign(item, to: statement.target)
            return try renderer.evaluate(test).isTrue
          }
          if isKept { return item }
        }
        return nil
      }
    }
    let loop = JinjaLoop(iterator, length: length)
    // As in jinja2, and not as in Python: `else` is done where no pass came to its end.
    var isDone = false
    while let item = try loop.advance(self) {
      try step()
      let flow = try scoped {
        try assign(item, to: statement.target)
        scope.values["loop"] = .loop(loop)
        return try run(statement.body)
      }
      if flow == .breakLoop { break }
      if flow == .normal { isDone = true }
    }
    if isDone { return .normal }
    return try scoped { try run(statement.otherwise) }
  }

  // MARK: Macros

  private func call(_ call: JinjaExpression, handingOver caller: JinjaMacroDefinition) throws {
    guard case .postfix(let base, let parts) = call, let last = parts.last,
      case .call(let arguments) = last.kind
    else { throw JinjaError("`call` needs a call of a macro") }
    let called = try parts.dropLast().reduce(try evaluate(base)) { try follow($0, $1) }
    var values = try evaluate(arguments)
    macroScopes.append(scope)
    values.named.append(("caller", .macro(JinjaMacro(definition: caller, scope: scope))))
    line = last.line
    try write(try text(of: try self.call(called, values)))
  }

  func call(_ macro: JinjaMacro, _ given: JinjaCall) throws -> JinjaValue {
    let definition = macro.definition
    var values: [String: JinjaValue] = [:]
    var named = given.named
    for (index, parameter) in definition.parameters.enumerated() {
      if index < given.positional.count {
        values[parameter.name] = given.positional[index]
      } else if let place = named.firstIndex(where: { $0.name == parameter.name }) {
        values[parameter.name] = named.remove(at: place).value
      }
    }
    if definition.names.contains("caller"), values["caller"] == nil {
      let place = named.firstIndex { $0.name == "caller" }
      values["caller"] =
        place.map { named.remove(at: $0).value } ?? .undefined("No caller defined")
    }
    let more = Array(given.positional.dropFirst(definition.parameters.count))
    if definition.names.contains("varargs") {
      values["varargs"] = .tuple(try JinjaList(more))
    } else if !more.isEmpty {
      throw JinjaError(
        "the macro `\(definition.name)` takes \(definition.parameters.count) arguments at most")
    }
    if definition.names.contains("kwargs") {
      values["kwargs"] = .dictionary(
        try JinjaDictionary(named.map { (.text($0.name), $0.value) }))
    } else if let first = named.first {
      throw JinjaError("the macro `\(definition.name)` takes no argument `\(first.name)`")
    }
    return try scoped(in: macro.scope) {
      for parameter in definition.parameters {
        scope.values[parameter.name] =
          try values[parameter.name] ?? parameter.usual.map { try evaluate($0) }
          ?? .undefined("parameter '\(parameter.name)' was not provided")
      }
      for name in ["caller", "varargs", "kwargs"] {
        if let value = values[name] { scope.values[name] = value }
      }
      return .text(try capturing { try nested { try run(definition.body) } }.0)
    }
  }
}

/// The values that a call hands over.
struct JinjaCall {
  var positional: [JinjaValue] = []
  var named: [(name: String, value: JinjaValue)] = []

  /// The values under the names of what is called, nil where one is not given. A name that begins with
  /// `/` can be given by its place alone.
  func bound(to names: [String], of what: String) throws -> [JinjaValue?] {
    guard positional.count <= names.count else {
      throw JinjaError("\(what) takes \(names.count) arguments at most, not \(positional.count)")
    }
    var values: [JinjaValue?] = Array(positional)
    values += Array(repeating: nil, count: names.count - positional.count)
    for (name, value) in named {
      guard let place = names.firstIndex(of: name) else {
        throw JinjaError("\(what) takes no argument \(quoted(name))")
      }
      guard values[place] == nil else { throw JinjaError("\(what) is given `\(name)` twice") }
      values[place] = value
    }
    return values
  }
}
