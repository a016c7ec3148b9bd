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
  fileprivate var text: String { "\(excerpt(name.text, limit: 40)) (\(place))" }

  fileprivate var place: String { source.place(of: name.span) }
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
    var failure = Failure(
      "calls are nested too deeply",
      help: "does a `def` call itself? The calls: \(chain.joined(separator: " → "))", span: span,
      source: source)
    failure.callers = nil
    return failure
  }

  /// Runs what a call or a `source` leads to. A failure in there tells of it.
  ///
  /// - Parameters:
  ///   - what: a clause about it: "`biggest` was called".
  ///   - span: where that stands, in `text`.
  func leading<Result>(
    to what: String, at span: SourceSpan, in text: SourceText, _ body: () throws -> Result
  ) throws -> Result {
    do {
      return try body()
    } catch var failure as Failure {
      failure.callers?.append("\(what) at \(text.place(of: span))")
      throw failure
    }
  }
}

extension SourceText {
  /// `part.summand:3:12`
  fileprivate func place(of span: SourceSpan) -> String {
    let (line, column) = position(of: span.start)
    return "\(excerpt(name, limit: 40)):\(line):\(column)"
  }
}
