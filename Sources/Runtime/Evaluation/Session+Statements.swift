import Lang
import Model

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

// What each statement does.
extension Session {
  func run(_ statements: [Statement]) throws {
    for statement in statements { try run(statement) }
  }

  func run(_ statement: Statement) throws {
    try Interruption.check()
    try checkStack(at: statement.span)
    try placing(at: statement.span, in: source) {
      switch statement.kind {
      case .pipeline(let pipeline):
        try showing(Lang.Printer.print(pipeline)) { try run(pipeline) }
        try checkThatRunsFinished()
      case .let(let name, let pipeline):
        try checkIsFree(name)
        let value = try run(pipeline)
        // A part of what was asked for must not go on under the name of the whole.
        try checkThatRunsFinished()
        if case .nothing = value {
          throw Failure("this has no value to keep", span: pipeline.span)
        }
        set(name.text, to: value)
      case .def(let definition):
        try checkIsFree(definition)
        functions[definition.name.text] = UserFunction(definition: definition, source: source)
      case .for(let name, let list, let block):
        try checkIsFree(name)
        try forEach(name, in: elements(of: list)) { try run(block.statements) }
      case .if(let condition, let then, let otherwise):
        if try isTrue(condition) {
          try run(then.statements)
        } else if let otherwise {
          try run(otherwise.statements)
        }
      case .assert(let condition, let message): try assert(condition, message)
      case .source(let file, let once): try runFile(file, once: once)
      case .time(let pipeline):
        try time(pipeline)
        try checkThatRunsFinished()
      case .plan(let pipeline):
        try showing("plan " + Lang.Printer.print(pipeline)) { try plan(pipeline) }
      case .report(let file, let block): try report(to: file, block)
      }
      try checkThatNothingFailed()
    }
  }

  /// What `verify` found is shown, or kept, before its statement fails.
  private func checkThatNothingFailed() throws {
    guard let failure = statement.failure else { return }
    statement.failure = nil
    throw failure
  }

  private func time(_ pipeline: Pipeline) throws {
    let clock = ContinuousClock()
    let start = clock.now
    var elapsed = Duration.zero
    let computed = try statement.runner.record {
      try showing(Lang.Printer.print(pipeline)) {
        let value = try run(pipeline)
        elapsed = clock.now - start
        return value
      }
    }
    say("took \(Self.seconds(elapsed))")
    if computed.runs > 0 { say(Self.text(of: computed)) }
  }

  static func seconds(_ duration: Duration) -> String {
    let seconds =
      Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
    let (value, unit) = seconds < 1 ? (seconds * 1000, "ms") : (seconds, "s")
    return "\((value * 100).rounded() / 100) \(unit)"
  }

  /// In the words of the columns of `plan`.
  private static func text(of record: RunRecord) -> String {
    "computed runs \(record.runs), rows \(record.rowLayers), batches \(record.batches), "
      + "bytes \(record.bytes)"
  }

  /// Runs `body` with a name for each of some values in turn.
  func forEach(_ name: Name, in values: AnySequence<Value>, _ body: () throws -> Void) throws {
    // Left behind, it would be in the way of columns of its name.
    let outer = frames[frames.count - 1][name.text]
    defer { frames[frames.count - 1][name.text] = outer }
    for value in values {
      try Interruption.check()
      set(name.text, to: value)
      try body()
    }
  }

  /// One at a time: of a range, however long, no list is made.
  func elements(
    of list: Lang.Expression, evaluate: ((Lang.Expression) throws -> Value)? = nil
  ) throws -> AnySequence<Value> {
    let evaluate = evaluate ?? self.evaluate
    if case .range(let low, let high) = list.unwrapped.kind {
      let (first, last) = try placing(at: list.span, in: source) {
        try Evaluator.ends(of: try evaluate(low), try evaluate(high))
      }
      return AnySequence((first...last).lazy.map(Value.integer))
    }
    switch try evaluate(list) {
    case .list(let values): return AnySequence(values)
    case .prompts(let set):
      return AnySequence(
        set.measuredIndices.lazy.map { index in
          // One prompt is not divided again; its sweep is.
          var one = set.shard?.division == .prompts ? set.undivided : set
          one.keep([index])
          return .prompts(one)
        })
    case .selector(let selector):
      return AnySequence(try eachPlace(of: selector))
    case let other:
      throw Failure(
        "`for` needs a list, not \(other.kind)",
        help: "a range (0..29), [a, b], or a table's column",
        span: list.span)
    }
  }

  /// One selector a component, each at the position that all were given.
  private func eachPlace(of selector: Selector) throws -> [Value] {
    let model = try requireModel()
    let (configuration, dictionaries) = (model.configuration, dictionaries(of: model))
    // What can only be looked at, a head's keys, can be gone through as well.
    let places =
      try (try? selector.places(on: configuration, for: .patching, dictionaries: dictionaries))
      ?? selector.places(on: configuration, for: .reading, dictionaries: dictionaries)
    let position = selector.position.map { "@\($0.text)" } ?? ""
    return try places.map { .selector(try Selector(parsing: $0.label + position)) }
  }

  func isTrue(_ condition: Lang.Expression) throws -> Bool {
    let evaluator = Evaluator(session: self, row: nil)
    guard let truth = try evaluator.truth(condition) else {
      throw Failure("this value is missing: neither true nor false", span: condition.span)
    }
    return truth
  }

  private func assert(_ condition: Lang.Expression, _ message: Lang.Expression?) throws {
    if try isTrue(condition) { return }
    let said = try message.flatMap { try evaluate($0).shortText }
    var failure = Failure(
      said.map { "assertion failed: \($0)" } ?? "assertion failed", status: .assertion,
      span: condition.span, source: source)
    if case .binary(let op, let left, let right) = condition.kind, op != .and, op != .or,
      let a = try evaluate(left).shortText, let b = try evaluate(right).shortText
    {
      failure.help = "the left side is \(a), the right side \(b)"
    }
    throw failure
  }

  /// Larger files are not scripts but data that was named by mistake.
  static let largestScript = 64 << 20

  private func runFile(_ file: Lang.Expression, once: Bool) throws {
    let path = pathBesideScript(try bareText(file), in: source)
    let place = standardized(path)
    if once, sourced.contains(place) { return }
    guard !sourcing.contains(place) else {
      throw Failure("'\(path)' reads itself", span: file.span)
    }
    let bytes = try placing(at: file.span) { try readBytes(path: path, limit: Self.largestScript) }
    let outer = source
    let text: SourceText
    do {
      text = try SourceText(name: path, validating: bytes)
    } catch let diagnostic {
      throw Failure(
        diagnostic.message, help: diagnostic.help, status: .syntax, span: file.span)
    }
    let parsed = parse(text)
    for diagnostic in parsed.diagnostics { report(diagnostic, in: text) }
    if parsed.hasErrors {
      throw Failure("'\(path)' did not parse", status: .syntax, span: file.span)
    }
    source = text
    sourcing.append(place)
    defer {
      source = outer
      sourcing.removeLast()
    }
    try leading(to: "\(excerpt(path, limit: 40)) was read", at: file.span, in: outer) {
      try run(parsed.script.statements)
    }
    sourced.insert(place)
  }

  /// Prints the value of a line, and keeps it as `_`.
  private func showing(_ line: String, _ body: () throws -> Value) throws {
    let outer = statement.line
    statement.line = line
    defer { statement.line = outer }
    let value = try body()
    if case .nothing = value { return }
    frames[0]["_"] = value
    try Printer(self).print(value)
    putOnPage(value)
  }
}

/// A script's parts are where the script is, wherever it is started; else a path is what it is
/// anywhere.
func pathBesideScript(_ path: String, in source: SourceText) -> String {
  guard !path.hasPrefix("/"), !path.hasPrefix("~"), let slash = source.name.lastIndex(of: "/")
  else { return path }
  let neighbour = source.name[...slash] + path
  return FileManager.default.fileExists(atPath: String(neighbour)) ? String(neighbour) : path
}

/// Spelled one way, whatever the line has: `./a.summand` next to `/scripts/a.summand` is that file.
func standardized(_ path: String) -> String { URL(filePath: path).standardizedFileURL.path }
