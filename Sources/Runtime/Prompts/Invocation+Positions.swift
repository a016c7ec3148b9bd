import Lang
import Model

// Positions as arguments: what a word, a number, a range, a text or `@…` means after `at`, or on a side
// of an arrow.
extension Invocation {
  /// Whether the command has such a parameter.
  func declares(_ parameter: String) -> Bool {
    command.parameters.contains { $0.name == parameter }
  }

  /// The positions that a parameter gives, several of them joined; nil where it is not given.
  func positions(_ parameter: String, in set: PromptSet) throws -> Position.Kind? {
    let kinds = try expressions(parameter).map { try position($0, of: parameter, in: set) }
    return kinds.count > 1 ? .set(kinds) : kinds.first
  }

  /// A position as a bare label, `@…`, a number, a range, a text or a list of these.
  ///
  /// - Parameter parameter: what it is called where it is none; nil: by what it should be.
  func position(
    _ expression: Lang.Expression, of parameter: String? = nil, in set: PromptSet
  ) throws -> Position.Kind {
    switch expression.kind {
    case .at(nil, let position): return position.kind
    case .name(let name) where session.lookUp(name) == nil: return .name(name)
    case .name(let name)
    where set.prompts.contains { (try? $0.positions(.name(name))) != nil }:
      throw Failure(
        "`\(name)` is both a span and a variable",
        help: "@\(name) is the span, $\(name) the variable", span: expression.span)
    case .list(let items, _) where !items.isEmpty:
      return .set(try items.map { try position($0, of: parameter, in: set) })
    case .range(let first, let last):
      return .range(try index(first), try index(last))
    default: break
    }
    return try placing(at: expression.span) {
      try position(try session.evaluate(expression), of: parameter)
    }
  }

  /// An end of a range, which may count from the end: `3..-1`.
  private func index(_ expression: Lang.Expression) throws -> Int {
    try placing(at: expression.span) {
      switch try session.evaluate(expression) {
      case .integer(let index): return index
      case let other: throw Failure("a position is a whole number, not \(other.kind)")
      }
    }
  }

  private func position(_ value: Value, of parameter: String?) throws -> Position.Kind {
    switch value {
    case .integer(let index): return .index(index)
    case .text(let text): return .text(text)
    case .selector(let selector) where selector.isPosition: return selector.position ?? .all
    case .selector(let selector) where parameter != nil:
      throw Failure(
        "`\(command.name) \(parameter ?? "")` takes a position, not '\(selector.text)'",
        help: "name positions: @*, @last, @subject, @3..5")
    case .list(let values):
      guard !values.isEmpty else { throw Failure("this list is empty") }
      return .set(
        try values.map { value in
          switch value {
          case .integer(let index): return .index(index)
          case .selector(let selector) where selector.isPosition: return selector.position ?? .all
          case let other: throw Failure("a position is a whole number, not \(other.kind)")
          }
        })
    case let other:
      throw Failure(
        "expected a position, got \(other.kind)",
        help: "a span's label, last, a number, a range such as 3..5, or a text in quotes")
    }
  }
}
