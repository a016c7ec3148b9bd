import TestSupport
import Testing

@testable import Runtime

/// What Tab offers where several models are loaded.
@Suite struct CompletionTests {
  private func session() throws -> Session {
    let session = Session(host: TestHost())
    let folder = Fixtures.folder.path
    let result = session.running(
      "load \"\(folder)/tiny-gqa.F32.gguf\" as first; load \"\(folder)/tiny-mha\" as second")
    try #require(result.status == .done, "\(result.messages)")
    return session
  }

  private func offered(_ line: String, _ session: Session) -> [String] {
    session.complete(line: line, cursor: line.utf8.count).candidates.map(\.text)
  }

  @Test func namesOfLoadedModels() throws {
    let session = try session()
    for line in ["use ", "unload ", "colosseum | with ", "colosseum | compare first "] {
      let names = offered(line, session)
      #expect(names.contains("first ") && names.contains("second "), "\(line): \(names)")
    }
    #expect(offered("use s", session) == ["second "])
    #expect(offered("colosseum | compare first second by ", session).contains("depth"))
    #expect(offered("load x a", session).contains("as "))
  }

  /// `second` is in use, and has 2 layers of 3 heads; `first` 3 of 4.
  @Test func componentsOfThePipelinesModel() throws {
    let session = try session()
    #expect(offered("p | ablate L1H", session).contains("L1H2"))
    #expect(!offered("p | ablate L1H", session).contains("L1H3"))
    #expect(offered("p | with first | ablate L1H", session).contains("L1H3"))
    #expect(!offered("p | with first | logits; p | ablate L1H", session).contains("L1H3"))
  }

  /// Wherever a declaration names the values, they are offered: in their turn, after the keyword,
  /// after a comma, and from their first letter.
  @Test(arguments: Catalogue.all.map(\.name))
  func everyChoiceOfEveryCommand(name: String) throws {
    let command = try #require(Catalogue.command(named: name))
    let every = EveryArgument(command: command)
    let session = Session(host: TestHost())
    for parameter in command.parameters {
      let values = parameter.kind.words.map(\.name)
      guard let first = values.first else { continue }
      let before = parameter.form == .positional ? "" : "\(parameter.name) "
      let required = command.parameters.filter { $0.isRequired && $0.name != parameter.name }
        .map { $0.form == .keyword ? "\($0.name) \(every.usual($0))" : every.usual($0) }
      let lines =
        ["p | \(name) \(before)"]
        + (parameter.form == .positional
          ? [] : ["p | \(name) \(required.joined(separator: " ")) \(before)"])
        + (parameter.isList
          ? ["p | \(name) \(before)\(first), ", "\(name) \(before)\(first),"] : [])
      for line in lines {
        #expect(Set(values).isSubset(of: Set(offered(line, session))), "\(line)")
        for value in values { #expect(offered(line + value.prefix(1), session).contains(value)) }
      }
      // Nothing else, but for variables.
      if parameter.form == .keyword {
        #expect(offered(lines[0], session).sorted() == values.sorted(), "\(lines[0])")
      }
    }
  }

  @Test func valuesOfTheOpenKeyword() throws {
    let session = try session()
    _ = session.running("let rows = prompt \"a\" | tokens")
    #expect(offered("p | dla by head, ", session).contains("span"))
    #expect(offered("p | dla by head, s", session).sorted() == ["source", "span"])
    #expect(offered("help d", session).sorted() == ["derive", "dla", "drop"])
    #expect(offered("rows | group by token ", session).contains("mean "))
    #expect(offered("rows | group by token mean ", session).contains("token_id"))
    #expect(offered("rows | top 3 b", session) == ["by "])
    #expect(offered("rows | join (rows) on tok", session).sorted() == ["token", "token_id"])
    #expect(offered("load x as ", session) == [])
    #expect(offered("qu", session) == ["quit"])
  }

  @Test func thePromptShowsTheModelInUse() throws {
    let session = try session()
    #expect(session.promptName == "second")
    _ = session.running("use first")
    #expect(session.promptName == "first")
    _ = session.running("with second | prompt \"The sky\" | tokens")
    #expect(session.promptName == "first")
    _ = session.running("unload first")
    #expect(session.promptName == "summand")
  }
}
