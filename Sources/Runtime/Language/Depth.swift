import Lang

// How deeply calls, blocks and lists may nest: nothing that a line says may use up the stack.

/// A call of a `def`.
struct Call {
  let name: Name
  /// The text that the call stands in.
  let source: SourceText

  /// Calls within calls. A `def` that calls itself without end shall say so soon.
  static let limit = 1000

  /// `biggest (part.summand:3:12)`
  fileprivate var text: String {
    let (line, column) = source.position(of: name.span.start)
    return "\(excerpt(name.text, limit: 40)) (\(excerpt(source.name, limit: 40)):\(line):\(column))"
  }
}

extension Session {
  /// - Throws: `Failure` where one step more could use up the stack.
  func checkStack(at span: SourceSpan) throws {
    if Stack.isLow { throw nestedTooDeeply(at: span) }
  }

  /// Runs what a call of a `def` asks for.
  func calling<Result>(_ name: Name, _ body: () throws -> Result) throws -> Result {
    calls.append(Call(name: name, source: source))
    defer { calls.removeLast() }
    guard calls.count <= Call.limit else { throw nestedTooDeeply(at: name.span) }
    return try body()
  }

  /// Says by which calls it came to this, the outermost first.
  func nestedTooDeeply(at span: SourceSpan) -> Failure {
    guard !calls.isEmpty else {
      return Failure(
        sourcing.isEmpty
          ? "this is nested too deeply" : "scripts that read scripts are nested too deeply",
        help: "name the inner parts with `let`", span: span, source: source)
    }
    let shown = 3
    var chain = calls.prefix(shown).map(\.text)
    let left = calls.count - 2 * shown
    if left > 0 { chain.append("… \(left) more …") }
    chain += calls.dropFirst(shown).suffix(shown).map(\.text)
    return Failure(
      "calls are nested too deeply",
      help: "does a `def` call itself? The calls: \(chain.joined(separator: " → "))", span: span,
      source: source)
  }
}

extension Value {
  /// How many lists may lie in each other.
  static let deepestList = 64
  /// How many elements a list of lists may have in all of them.
  private static let mostElements = 10_000_000

  /// A list of these elements.
  ///
  /// - Throws: `Failure` for lists within lists that no walk over them, and no end of them, could
  ///   bear.
  init(nesting elements: [Value]) throws {
    var budget = Self.mostElements
    try Self.measure(elements, depth: 1, &budget)
    self = .list(elements)
  }

  private static func measure(_ elements: [Value], depth: Int, _ budget: inout Int) throws {
    guard depth <= deepestList else {
      throw Failure("lists are nested more than \(deepestList) deep")
    }
    budget -= elements.count
    guard budget >= 0 else {
      throw Failure("this list has more than \(mostElements) elements, counting those of its lists")
    }
    for case .list(let inner) in elements { try measure(inner, depth: depth + 1, &budget) }
  }
}
