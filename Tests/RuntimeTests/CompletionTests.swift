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
