import Lang
import Testing

@testable import Runtime

/// What a command reads of its arguments is what it declares: no more, no less, and required or not
/// as it says.
@Suite struct DeclarationTests {
  private func session() throws -> Session {
    let session = Session(host: TestHost(environment: ["HOME": "/nonexistent"]))
    let lines = "load \"\(tinyModelPath)\" as other\nload \"\(tinyModelPath)\" as tiny\n"
    let (status, _, messages) = session.running(lines + EveryArgument.prologue)
    try #require(status == .done, "\(messages)")
    return session
  }

  /// Every parameter alone, with every value that it names, and next to every other.
  private func lines(_ every: EveryArgument) -> [String] {
    let parameters = every.command.parameters
    func values(_ parameter: Command.Parameter) -> [String] {
      [every.usual(parameter)] + parameter.kind.words.map(\.name)
    }
    let inputs =
      every.likelyInputs
      + (["effect", "self_repair"].contains(every.command.name) ? ["asked | ablate L0.mlp"] : [])
    return inputs.flatMap { input in
      [every.line(input, [:])]
        + parameters.flatMap { first in
          values(first).flatMap { value in
            parameters.map { second in
              every.line(
                input, [second.name: every.usual(second)].merging([first.name: value]) { $1 })
            }
          }
        }
    }
  }

  @Test(arguments: Catalogue.all.map(\.name))
  func everyParameterIsReadAsDeclared(name: String) throws {
    let command = try #require(Catalogue.command(named: name))
    let session = try session()
    let log = ReadLog()
    ReadLog.$current.withValue(log) {
      for line in lines(EveryArgument(command: command)) { _ = session.running(line) }
    }
    #expect(log.mistakes.isEmpty)
    #expect(log.reads[name, default: []] == Set(command.parameters.map(\.name)))
  }

  /// The names of parameters and the words that lead to them are each one's own.
  @Test(arguments: Catalogue.all.map(\.name))
  func everyWordIsOfOneParameter(name: String) throws {
    let command = try #require(Catalogue.command(named: name))
    let names = command.parameters.map(\.name)
    #expect(Set(names).count == names.count)
    let words = command.parameters.flatMap(\.words)
    #expect(Set(words).count == words.count, "\(words)")
  }

  /// What the stage before may leave out: see `Command.rowLimit`.
  @Test func rowLimitsAreNumbers() throws {
    let limits = Catalogue.all.filter { $0.rowLimit != nil }
    #expect(limits.map(\.name) == ["top", "take"])
    for command in limits {
      #expect(command.parameters.first { $0.name == command.rowLimit }?.kind == .number)
    }
    func limit(_ line: String) throws -> Int? {
      let source = SourceText(name: "test", text: line)
      guard case .pipeline(let pipeline)? = parse(source).script.statements.first?.kind else {
        throw Failure("no pipeline")
      }
      return pipeline.stages[0].rowLimit(in: source)
    }
    #expect(try limit("top 5") == 5)
    #expect(try limit("take 3") == 3)
    #expect(try limit("take count=3") == 3)
    for line in ["take -1", "top 0", "top 5 by prob", "top 2 + 3", "top n", "sample 3", "logits"] {
      #expect(try limit(line) == nil, "\(line)")
    }
  }

  @Test(arguments: [
    "reads 'cuont', which it does not declare",
    "reads 'count' as optional, and declares it as required",
    "reads 'rest' as required, and declares it as optional",
    "reads other choices of 'of' than it declares",
  ])
  func disagreementIsAnError(mistake: String) throws {
    let command = Command(
      name: "forgetful", group: .tables, summary: "Nothing.", input: .none,
      parameters: [
        .positional("count", .number, "a number"), .keyword("rest", .number, "a number"),
        .keyword("of", .choice(Metric.self), "a metric"),
      ], examples: []
    ) { call in
      switch mistake.split(separator: "'")[1] {
      case "cuont": return .integer(try call.integer("cuont") ?? 0)
      case "count": return .integer(try call.integer("count") ?? 0)
      case "rest":
        _ = try call.integer(required: "count")
        return .integer(try call.integer(required: "rest"))
      default:
        _ = try call.integer(required: "count")
        _ = try call.choice("of", AttributedLogit.self)
        return .nothing
      }
    }
    let source = SourceText(name: "test", text: "forgetful 3 rest 1 of logit")
    guard case .pipeline(let pipeline)? = parse(source).script.statements.first?.kind,
      case .command(let name, let arguments) = pipeline.stages[0].kind
    else { throw Failure("no call") }
    var binder = Binder(command, named: name, in: source)
    let call = Invocation(
      command: command, name: name, input: .nothing, arguments: try binder.bind(arguments),
      session: Session(host: TestHost()))
    #expect(try failure { _ = try call.run() }.message == "`forgetful` \(mistake)")
  }
}
