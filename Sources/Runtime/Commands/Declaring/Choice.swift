import Lang

/// A closed set of values that an argument takes: an enum whose raw values are what is written.
/// Binding, usage, `help`, completion, suggestions and errors all come from it.
protocol Choice: CaseIterable, RawRepresentable, Sendable where RawValue == String {
  /// A few words for `help` and completion; empty where the name says it all.
  var summary: String { get }
}

extension Choice {
  var summary: String { "" }
}

/// The values of a `Choice`, as a declaration holds them.
struct Choices: Sendable, Equatable {
  struct Value: Sendable, Equatable {
    var name: String
    var summary: String
  }

  let values: [Value]

  init<C: Choice>(_: C.Type) {
    values = C.allCases.map { Value(name: $0.rawValue, summary: $0.summary) }
  }

  init(_ values: [Value]) { self.values = values }

  var names: [String] { values.map(\.name) }

  func contains(_ name: String) -> Bool { values.contains { $0.name == name } }

  /// For a sentence: `head, layer or depth`.
  var sentence: String {
    let names = names
    guard let last = names.last, names.count > 1 else { return names.first ?? "" }
    return names.dropLast().joined(separator: ", ") + " or " + last
  }
}

extension Session {
  /// The value of a choice that an expression gives: one of its words, or text that a string, a
  /// variable or a calculation holds.
  ///
  /// - Throws: `Failure` for anything else, and for a word that is also a variable which may be meant.
  func choice(_ expression: Lang.Expression, among choices: Choices) throws -> String {
    let values = try self.choices(expression, among: choices, isList: false)
    guard values.count == 1, let value = values.first else {
      throw expected(choices, got: "a list", at: expression.span)
    }
    return value
  }

  /// - Parameter isList: whether a variable that holds a list may be meant.
  func choices(_ expression: Lang.Expression, among choices: Choices, isList: Bool) throws
    -> [String]
  {
    if case .name(let word) = expression.kind {
      let variable = lookUp(word)
      if choices.contains(word) {
        guard let variable, variable.canBeChoice(isList: isList) else { return [word] }
        throw bothChoiceAndVariable(
          word, help: "$\(word) is the variable, \"\(word)\" the choice", at: expression.span)
      }
      guard let variable else { throw unknown(word, among: choices, at: expression.span) }
      return try read(variable, among: choices, isList: isList, at: expression.span)
    }
    switch expression.kind {
    case .list(let items, _) where isList && !items.isEmpty:
      return try items.flatMap { try self.choices($0, among: choices, isList: isList) }
    case .string, .variable, .pipeline, .member, .element, .list, .conditional, .each:
      return try read(
        try evaluate(expression), among: choices, isList: isList, at: expression.span)
    default:
      throw unknown(source.text(in: expression.span), among: choices, at: expression.span)
    }
  }

  private func read(_ value: Value, among choices: Choices, isList: Bool, at span: SourceSpan)
    throws -> [String]
  {
    switch value {
    case .text(let text):
      guard choices.contains(text) else { throw unknown(text, among: choices, at: span) }
      return [text]
    case .list(let items) where isList:
      guard !items.isEmpty else { throw Failure("this list is empty", span: span) }
      return try items.flatMap { try read($0, among: choices, isList: false, at: span) }
    default: throw expected(choices, got: value.kind, at: span)
    }
  }

  /// - Throws: `Failure` for a word that is also a variable which may be meant, where texts in quotes
  ///   mean something else than the words.
  func checkIsNoVariable(_ word: String, at span: SourceSpan) throws {
    guard let variable = lookUp(word), variable.canBeChoice(isList: true) else { return }
    throw bothChoiceAndVariable(
      word, help: "$\(word) is the variable; rename it to mean the word", at: span)
  }

  private func bothChoiceAndVariable(_ word: String, help: String, at span: SourceSpan) -> Failure {
    Failure("`\(word)` is both a choice and a variable", help: help, span: span)
  }

  private func unknown(_ word: String, among choices: Choices, at span: SourceSpan) -> Failure {
    expected(
      choices, got: "'\(excerpt(word))'",
      help: suggestion(for: word, among: choices.names).map { "did you mean `\($0)`?" }, at: span)
  }

  private func expected(
    _ choices: Choices, got: String, help: String? = nil, at span: SourceSpan
  ) -> Failure {
    Failure("expected \(choices.sentence), got \(got)", help: help, span: span)
  }
}

extension Value {
  /// Whether a variable that holds it may be meant where a choice is written. A number, a table and
  /// so on never are, so that `for layer in 0..3 { … by layer }` is the word.
  func canBeChoice(isList: Bool) -> Bool {
    switch self {
    case .text: true
    case .list(let items): isList && items.contains { $0.canBeChoice(isList: false) }
    case .nothing, .missing, .boolean, .integer, .number, .table, .stream, .prompts, .selector,
      .vector, .map, .circuit, .record:
      false
    }
  }
}
