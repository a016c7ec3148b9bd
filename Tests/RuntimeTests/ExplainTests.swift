import TestSupport
import Testing

@testable import Runtime

/// `explain`: each row is what a line that anybody can run gives.
@Suite struct ExplainTests {
  private func session() throws -> Session {
    let session = Session(host: TestHost(format: .csv))
    let path = Fixtures.path("tiny-gqa.F32.gguf")
    let result = session.running(
      """
      load "\(path)" as tiny
      let asked = prompt "{subject:a b} {relation:c d}" -> "d" vs "e"
      let bare = prompt "a b" -> "d" vs "e"
      """)
    try #require(result.status == .done, "\(result.messages)")
    return session
  }

  @Test func aHead() throws {
    let session = try session()
    let shown = session.running("asked | explain L1H2 | select aspect, of, value")
    #expect(shown.status == .done && shown.messages == "", "\(shown.messages)")
    func value(_ line: String) -> String {
      String(
        session.running(line + " | show as csv").output.split(separator: "\n").dropFirst().joined(
          separator: " "))
    }
    func of(_ aspect: String) -> String {
      value("asked | explain L1H2 | where aspect == \"\(aspect)\" | select of, value")
    }
    let writes = value(
      "asked | dla by head | where component == L1H2 | derive x = 1.0 * dla | select x")
    #expect(of("writes").hasPrefix("the answer,\(writes) "))
    let own = try #require(Double(writes)).magnitude
    let larger = session.running(
      "length((asked | dla by head | where abs(dla) > \(own)).component)"
    ).output.split(separator: "\n")
    let place = try #require(larger.last.flatMap { Int($0) }) + 1
    #expect(of("writes").hasSuffix("by size,\(Double(place))"), "\(of("writes"))")
    let spans = value(
      "asked | dla by head, span | where component == L1H2 | derive x = 1.0 * dla | select span, x")
    #expect(of("writes from") == spans)
    let weights = value("asked | attention L1H2@last | top 3 | derive x = 1.0 * weight | select x")
    #expect(
      value("asked | explain L1H2 | where aspect == \"reads\" | select value") == weights)
    let kind = value(
      "asked | dla by head, span | classify | where component == L1H2 | select class")
    #expect(of("class") == kind + ",")
    #expect(
      of("without it") == "logit_diff," + value("asked | ablate L1H2@last | effect | select effect")
    )
  }

  @Test func anMLPAndAPromptWithoutSpans() throws {
    let session = try session()
    let mlp = session.running("asked | explain L1.mlp | select aspect").output
    #expect(mlp == "aspect\nwrites\nwrites\nwithout it\n")
    let bare = session.running("bare | explain L0H0 | where aspect == \"class\" | select of").output
    #expect(bare.hasSuffix("of\nunlabelled\n"))
    let planned = session.running("plan asked | explain L1H2")
    #expect(planned.status == .done && planned.output.contains("total"), "\(planned.messages)")
    // Edits of the prompt hold.
    let gone = session.running(
      "asked | ablate L1H2 | explain L1H2 | where aspect == \"writes\" | take 1 | select value")
    #expect(gone.output.hasSuffix("value\n0.0\n"), "\(gone.messages)")
  }

  @Test(arguments: [
    ("asked | explain heads", "`explain` takes one head or one MLP"),
    ("asked | explain L1", "`explain` takes one head or one MLP"),
    ("asked | explain L1H2.q", "`explain` takes one head or one MLP"),
    ("asked | explain L1H2@last", "one component without a position"),
    ("asked | explain L9H2", "L9H2"),
    ("[asked, bare] | explain L1H2", "on one prompt, not on 2"),
    ("prompt \"a\" | explain L1H2", "answer"),
  ])
  func refuses(line: String, message: String) throws {
    let failed = try session().running(line)
    #expect(failed.status == .failed)
    #expect(failed.messages.contains(message), "\(failed.messages)")
    #expect(failed.messages.contains(" --> test:1:"), "\(failed.messages)")
  }
}
