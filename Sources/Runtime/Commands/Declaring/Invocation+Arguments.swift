import Lang
import Model

// Arguments as commands need them. `x(required:)` reads what the binder has made sure of; `x(_:)`
// gives nil where it is not given.
extension Invocation {
  func expression(_ parameter: String) -> Lang.Expression? {
    expressions(parameter, .optional).first
  }

  func expression(required parameter: String) throws -> Lang.Expression {
    try required(expressions(parameter, .required).first, parameter)
  }

  private func required<T>(_ value: T?, _ parameter: String) throws -> T {
    guard let value else {
      throw failure("`\(command.name)` needs \(parameter)", help: "usage: \(command.usage)")
    }
    return value
  }

  // MARK: Values

  func value(_ parameter: String) throws -> Value? {
    try expression(parameter).map(whole)
  }

  func value(required parameter: String) throws -> Value {
    try whole(try expression(required: parameter))
  }

  /// A value of all prompts: what is done with an argument looks at all of its rows.
  private func whole(_ expression: Lang.Expression) throws -> Value {
    let value = try session.evaluate(expression)
    if case .table(let table) = value {
      try placing(at: expression.span) { try table.checkIsWhole("`\(command.name)`") }
    }
    return value
  }

  func integer(_ parameter: String) throws -> Int? {
    try expression(parameter).map(integer)
  }

  func integer(required parameter: String) throws -> Int {
    try integer(try expression(required: parameter))
  }

  private func integer(_ expression: Lang.Expression) throws -> Int {
    try placing(at: expression.span) {
      switch try session.evaluate(expression) {
      case .integer(let value): return value
      case let other: throw Failure("expected a whole number, got \(other.kind)")
      }
    }
  }

  func number(_ parameter: String) throws -> Double? {
    try expression(parameter).map(number)
  }

  func number(required parameter: String) throws -> Double {
    try number(try expression(required: parameter))
  }

  private func number(_ expression: Lang.Expression) throws -> Double {
    try placing(at: expression.span) { try number(try session.evaluate(expression)) }
  }

  private func number(_ value: Value) throws -> Double {
    guard let number = value.asDouble else {
      throw Failure("expected a number, got \(value.kind)")
    }
    guard number.isFinite else { throw Failure("this number is not finite: \(number)") }
    return number
  }

  /// Numbers, and lists and ranges of them.
  func numbers(_ parameter: String) throws -> [Double] {
    func read(_ value: Value) throws -> [Double] {
      guard case .list(let values) = value else { return [try number(value)] }
      guard !values.isEmpty else { throw Failure("this list is empty") }
      return try values.flatMap(read)
    }
    return try expressions(parameter).flatMap { expression in
      try placing(at: expression.span) { try read(try session.evaluate(expression)) }
    }
  }

  // MARK: Text and names

  /// Text as a string, a variable, or the bare words of the source.
  func text(_ parameter: String) throws -> String? {
    try expression(parameter).map { try session.bareText($0) }
  }

  func text(required parameter: String) throws -> String {
    try session.bareText(try expression(required: parameter))
  }

  /// Names as bare words, strings, or lists of them: what a variable or a column holds.
  func names(_ parameter: String) throws -> [String] {
    try expressions(parameter).flatMap { expression -> [String] in
      let value: Value? =
        switch expression.kind {
        case .name(let name): session.lookUp(name)
        case .variable, .list, .pipeline, .member: try session.evaluate(expression)
        default: nil
        }
      guard case .list(let items)? = value else { return [try session.bareText(expression)] }
      guard !items.isEmpty else { throw emptyList(at: expression.span) }
      return try items.map { item in
        guard let text = item.shortText else {
          throw Failure("expected a name, got \(item.kind)", span: expression.span)
        }
        return text
      }
    }
  }

  /// A list of nothing is a mistake in what made it, never a wish for the default.
  func emptyList(at span: SourceSpan) -> Failure { Failure("this list is empty", span: span) }

  // MARK: Choices

  func choice<C: Choice>(_ parameter: String, _ type: C.Type = C.self) throws -> C? {
    try expression(parameter).map { try choice(parameter, $0) }
  }

  func choice<C: Choice>(required parameter: String, _ type: C.Type = C.self) throws -> C {
    try choice(parameter, try expression(required: parameter))
  }

  func choices<C: Choice>(_ parameter: String, _ type: C.Type = C.self) throws -> [C] {
    let choices = choices(of: parameter, type)
    return try expressions(parameter).flatMap { expression in
      try session.choices(expression, among: choices, isList: true)
        .map { try required(C(rawValue: $0), parameter) }
    }
  }

  enum WordOrValue<C: Choice> {
    case word(C)
    case value(Lang.Expression)
  }

  /// Values, and words that have a meaning of their own there. A word that is also a variable which
  /// may be meant is an error.
  func tokensOrWords<C: Choice>(_ parameter: String, _ type: C.Type) throws -> [WordOrValue<C>] {
    let choices = choices(of: parameter, type)
    return try expressions(parameter).map { expression in
      guard case .name(let name) = expression.kind, choices.contains(name) else {
        return .value(expression)
      }
      try session.checkIsNoVariable(name, at: expression.span)
      return .word(try required(C(rawValue: name), parameter))
    }
  }

  private func choice<C: Choice>(_ parameter: String, _ expression: Lang.Expression) throws -> C {
    let word = try session.choice(expression, among: choices(of: parameter, C.self))
    return try required(C(rawValue: word), parameter)
  }

  /// The values of an enum, which must be those that the parameter declares.
  private func choices<C: Choice>(of parameter: String, _: C.Type) -> Choices {
    let choices = Choices(C.self)
    let declared = command.parameters.first { $0.name == parameter }?.kind.words
    if declared != choices.values {
      mistake("reads other choices of '\(parameter)' than it declares")
    }
    return choices
  }

  // MARK: Columns, components, models, prompts

  /// The columns that the command's arguments are about, where they are those of its input.
  private var inputColumns: [String]? {
    if case .table(let value) = input { value.table.columnNames } else { nil }
  }

  /// Names of columns: bare words, words in backticks, texts, and lists of texts.
  func columns(_ parameter: String) throws -> [String] {
    try columns(expressions(parameter))
  }

  /// The columns that are written after one keyword of several.
  func columns(_ parameter: String, after keyword: String) throws -> [String] {
    try columns(expressions(parameter, after: keyword))
  }

  private func columns(_ expressions: [Lang.Expression]) throws -> [String] {
    let columns = inputColumns
    return try expressions.flatMap { try session.columnNames($0, among: columns) }
  }

  func column(_ parameter: String) throws -> String? {
    try columns(expressions(parameter, .optional)).first
  }

  func column(required parameter: String) throws -> String {
    try required(try columns(expressions(parameter, .required)).first, parameter)
  }

  func selectors(_ parameter: String) throws -> [(selector: Selector, span: SourceSpan)] {
    try expressions(parameter).flatMap { expression in
      try session.selectors(expression).map { ($0, expression.span) }
    }
  }

  func table(_ parameter: String) throws -> TableValue? { try expression(parameter).map(table) }

  func table(required parameter: String) throws -> TableValue {
    try table(try expression(required: parameter))
  }

  func tables(_ parameter: String) throws -> [TableValue] {
    try expressions(parameter).map(table)
  }

  private func table(_ expression: Lang.Expression) throws -> TableValue {
    let value = try whole(expression)
    guard case .table(let table) = value else {
      throw Failure("expected a table, got \(value.kind)", span: expression.span)
    }
    return table
  }

  func prompts(_ parameter: String) throws -> PromptSet? {
    try expression(parameter).map(prompts)
  }

  func prompts(required parameter: String) throws -> PromptSet {
    try prompts(try expression(required: parameter))
  }

  enum WordOrPrompts<C: Choice> {
    case word(C)
    case prompts(PromptSet)
  }

  /// Prompts, or a word that has a meaning of its own there. A word that is also a variable is an
  /// error.
  func promptsOrWord<C: Choice>(required parameter: String, _ type: C.Type) throws
    -> WordOrPrompts<C>
  {
    try promptsOrWord(try expression(required: parameter), of: parameter, type)
  }

  /// The same where it is given.
  func promptsOrWord<C: Choice>(_ parameter: String, _ type: C.Type) throws -> WordOrPrompts<C>? {
    try expression(parameter).map { try promptsOrWord($0, of: parameter, type) }
  }

  private func promptsOrWord<C: Choice>(
    _ expression: Lang.Expression, of parameter: String, _ type: C.Type
  ) throws -> WordOrPrompts<C> {
    let choices = choices(of: parameter, type)
    guard case .name(let name) = expression.kind, choices.contains(name) else {
      return .prompts(try prompts(expression))
    }
    guard session.lookUp(name) == nil else {
      throw Failure(
        "`\(name)` is both a choice and a variable",
        help: "$\(name) is the variable; rename it to mean the word", span: expression.span)
    }
    return .word(try required(C(rawValue: name), parameter))
  }

  private func prompts(_ expression: Lang.Expression) throws -> PromptSet {
    try placing(at: expression.span) {
      try session.asPrompts(try session.evaluate(expression))
    }
  }

  /// The loaded model that a parameter names.
  func model(required parameter: String) throws -> LoadedModels.Entry {
    let expression = try expression(required: parameter)
    return try placing(at: expression.span) {
      let name = try session.bareText(expression)
      if case .name(let word) = expression.kind, word != name,
        session.models.entry(named: word) != nil
      {
        throw Failure(
          "`\(word)` is both a model and a variable",
          help: "\"\(word)\" in quotes is the model, $\(word) the variable")
      }
      return try session.requireModel(named: name)
    }
  }
}
