import Foundation
import Lang
import Testing

@testable import Runtime

/// Whatever a command is given: a value, or an error that says where. Nothing crashes, and nothing
/// that is given is ignored.
@Suite struct EveryArgumentTests {
  /// Those that reach outside of the session with what they are given.
  private static let commands = Catalogue.all.map(\.name).filter { $0 != "save" && $0 != "models" }

  private func session() throws -> Session {
    let host = TestHost(environment: [
      "HOME": "/nonexistent", "HF_HUB_OFFLINE": "1", "HF_HOME": "/nonexistent",
      "XDG_CACHE_HOME": "/nonexistent",
    ])
    let session = Session(host: host)
    let lines = "load \"\(tinyModelPath)\" as other\nload \"\(tinyModelPath)\" as tiny\n"
    let (status, _, messages) = session.running(lines + EveryArgument.prologue)
    try #require(status == .done, "\(messages)")
    return session
  }

  /// Each line by itself. What is wrong is a status that no line can have, or an error without its
  /// place.
  private func tryAll(_ lines: [String], in session: Session) {
    for line in lines {
      let (status, _, messages) = session.running(line)
      switch status {
      case .done: break
      case .failed, .unreadable, .usage, .syntax, .assertion:
        #expect(messages.contains("error: "), "\(line): \(messages)")
        #expect(messages.contains(" --> test:"), "\(line): \(messages)")
      case .interrupted, .brokenPipe, .terminated, .hungUp: Issue.record("\(line): \(status)")
      }
    }
  }

  @Test(arguments: commands) func everyNumber(name: String) throws {
    let every = EveryArgument(command: try #require(Catalogue.command(named: name)))
    let parameters = every.command.parameters.filter { $0.kind == .number || $0.kind == .value }
    guard !parameters.isEmpty else { return }
    let session = try session()
    tryAll(
      every.lines(parameters, EveryArgument.numbers, inputs: every.likelyInputs), in: session)
    // Next to each other: what one parameter refuses, another may do with.
    for first in parameters {
      for second in parameters where second.name != first.name {
        tryAll(
          ["9223372036854775807", "-1", "0"].flatMap { value in
            every.likelyInputs.map { every.line($0, [first.name: "1", second.name: value]) }
          }, in: session)
      }
    }
  }

  @Test(arguments: commands) func everyKindOfArgument(name: String) throws {
    let every = EveryArgument(command: try #require(Catalogue.command(named: name)))
    let session = try session()
    tryAll(
      every.lines(
        every.command.parameters, EveryArgument.others + ["0", "-1.5", "(missing)"],
        inputs: Array(every.likelyInputs.prefix(1))), in: session)
  }

  @Test(arguments: commands) func everyKindOfInput(name: String) throws {
    let every = EveryArgument(command: try #require(Catalogue.command(named: name)))
    let session = try session()
    tryAll(EveryArgument.inputs.map { every.line($0, [:]) }, in: session)
    // Without what must be given, and with a word too many.
    for input in EveryArgument.inputs {
      let stage = (input.isEmpty ? "" : "\(input) | ") + name
      let lines: [String] = [
        stage, "\(stage) 1 2 3 \"x\" y", "\(stage) --nonsense", "\(stage) x = 1, y = 2",
        "\(stage) -> 1",
      ]
      tryAll(lines, in: session)
    }
  }

  @Test func everyFunctionAndOperator() throws {
    let session = try session()
    let values = EveryArgument.numbers + EveryArgument.others.filter { !$0.contains("@") }
    let functions = Function.allCases.map(\.rawValue)
    tryAll(functions.flatMap { name in values.map { "\(name)(\($0))" } }, in: session)
    tryAll(functions.flatMap { name in values.map { "\(name)(\($0), \($0))" } }, in: session)
    let operands =
      EveryArgument.numbers + [#""text""#, "[1]", "true", "(parts)", "(asked)", "L0H0"]
    let operators = ["+", "-", "*", "/", "%", "==", "<", ">=", "in", "and", "or", "not in", ".."]
    for left in operands {
      for right in operands {
        for sign in operators { tryAll(["(\(left)) \(sign) (\(right))"], in: session) }
      }
      let lines: [String] = ["-(\(left))", "not (\(left))", "[1, 2][\(left)]", "\"\\(\(left))\""]
      tryAll(lines, in: session)
    }
    for number in EveryArgument.numbers {
      let lines: [String] = [
        "parts | where dla * \(number) > \(number)", "parts | derive x = \(number) % layer",
        "for i in [\(number)] { i }", "assert \(number)", "if \(number) { 1 }",
        "prompt [\(number)] | rank", "asked | dla on \(number)",
      ]
      tryAll(lines, in: session)
    }
  }

  @Test func everyPlotOfNumbersThatAreNone() throws {
    let session = try session()
    let kinds = Plot.Kind.allCases.map(\.rawValue)
    let tables = [
      "parts", "none", "holes", "huge", "attended", "huge | pivot component span head",
      "huge | pivot layer span dla", "parts | take 1", "huge | summary",
    ]
    tryAll(
      tables.flatMap { table in
        kinds.flatMap { kind in
          [
            "", " dla", " source", " component, dla", " head, dla", " layer, dla",
            " layer, head, dla",
            " source, dla by span", " component, dla by layer", " facet span",
            " dla by component bins 3 facet layer",
          ].map { "\(table) | plot \(kind)\($0)" }
        }
      }, in: session)
  }

  /// Given and without effect: each of these was accepted once.
  @Test(arguments: [
    ("parts | plot heatmap layer, head, dla by span", "`by` has no effect on `plot heatmap`"),
    ("parts | plot bar component, dla bins 3", "`bins` has no effect on `plot bar`"),
    ("parts | plot scatter layer, head, dla", "draws 2 columns, not 3"),
    ("attended | plot attention weight, source", "draws one column, not 2"),
    ("parts | plot heatmap layer, head, dla, span", "draws 3 columns, not 4"),
    ("asked | lens at [@0, L0]", "`lens at` takes a position, not 'L0'"),
    ("asked | attention L0H0@last at @0", "`at` and `@` both give positions"),
    ("prompt \"a\" vs \"b\"", "foils need an answer"),
  ])
  func whatHasNoEffectIsAnError(line: String, error: String) throws {
    let (status, _, messages) = try session().running(line)
    #expect(status == .failed)
    #expect(messages.contains(error), "\(messages)")
    #expect(messages.contains(" --> test:1:"), "\(messages)")
  }

  /// A command that forgets a parameter is found out.
  @Test func anArgumentThatNobodyReadsIsAnError() throws {
    let forgetful = Command(
      name: "forgetful", group: .tables, summary: "Nothing.", input: .none,
      parameters: [
        .positional("count", .number, required: false, "a number"),
        .keyword("by", .column, "a column"), .flag("rest", "a word"),
      ], examples: []
    ) { .integer(try $0.integer("count") ?? 0) }
    let session = Session(host: TestHost())
    func run(_ text: String) throws -> Value {
      let source = SourceText(name: "test", text: text)
      let parsed = parse(source)
      guard case .pipeline(let pipeline)? = parsed.script.statements.first?.kind,
        case .command(let name, let arguments) = pipeline.stages[0].kind
      else { throw Failure("no call") }
      var binder = Binder(forgetful, named: name, in: source)
      return try Invocation(
        command: forgetful, name: name, input: .nothing, arguments: try binder.bind(arguments),
        session: session
      ).run()
    }
    if case .integer(let count) = try run("forgetful 3") { #expect(count == 3) }
    #expect(try failure { _ = try run("forgetful 3 by x") }.message == "`by` has no effect here")
    #expect(try failure { _ = try run("forgetful 3 rest") }.message == "`rest` has no effect here")
  }
}
