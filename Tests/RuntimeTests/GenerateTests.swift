import TestSupport
import Testing

@testable import Runtime

/// Draws and what is made of them. Which tokens rules leave is tested in `SamplingRulesTests`.
@Suite struct GenerateTests {
  private func session() throws -> PipedSession { try PipedSession(tiny: "tiny-gqa.F32.gguf") }

  private static let two = #"[(prompt "{a:The sky}" -> "b"), (prompt "A sea is")]"#

  private func ids(_ line: String, _ session: PipedSession) throws -> [Cell] {
    let column = try session.table(line).column("token_id")
    return (0..<column.count).map { column[$0] }
  }

  @Test func drawsAreThoseOfTheirSeeds() throws {
    let session = try session()
    let plain = try ids(#"prompt "The sky" | generate 6 temperature 1 seed 3"#, session)
    // A sample of several is another than the others, and the first is the one alone.
    let table = try session.table(#"prompt "The sky" | generate 6 samples 4 seed 3"#)
    #expect(table.columnNames == ["sample", "position", "token_id", "token", "prob", "logprob"])
    let ids = try table.column("token_id")
    let samples = (0..<4).map { sample in (0..<6).map { ids[sample * 6 + $0] } }
    #expect(samples[0] == plain)
    #expect(Set(samples).count == 4)
    #expect(
      try self.ids(#"prompt "The sky" | generate 6 top_k 1"#, session)
        == self.ids(#"prompt "The sky" | generate 6"#, session))
    #expect(
      try self.ids(#"prompt "The sky" | generate 6 temperature 0"#, session)
        == self.ids(#"prompt "The sky" | generate 6"#, session))
    // What is there already is not said again.
    let free = try self.ids(#"prompt "The sky" | generate 12 repeat_penalty 100000"#, session)
    #expect(Set(free).count == free.count)
  }

  /// `>` and `7` are the second and the third token.
  @Test func stopsAtATextAcrossTokens() throws {
    let session = try session()
    func tokens(_ stop: String) throws -> Table {
      try session.table(#"prompt "The sky" | generate 12 \#(stop)"#)
    }
    let whole = try tokens("")
    #expect(whole.rowCount == 12)
    let text = try whole.column("token")
    try #require(text[1] == .text(">") && text[2] == .text("7"))
    #expect(try tokens(#"stop "never said", ">7""#) == whole.gathered([0, 1, 2]))
    #expect(try tokens(#"stop ">""#) == whole.gathered([0, 1]))
    #expect(try tokens(#"stop "7>""#) == whole)
  }

  @Test func textsOfSeveral() throws {
    let session = try session()
    try session.define("let set = \(Self.two)")
    let table = try session.table("set | generate 3 samples 2 | text")
    #expect(table.columnNames == ["prompt", "sample", "text"])
    #expect(table.rowCount == 4)
    #expect(try session.table("set | generate 3 | text").columnNames == ["prompt", "text"])
    for line in [
      "set | tokens | text", "set | generate 3 | take -2 | text", "set | logits | take 2 | text",
    ] {
      let result = session.session.running(line)
      #expect(result.messages.contains("`text` needs the rows of `generate`"), "\(line)")
    }
  }

  @Test(arguments: [
    ("generate 3 samples 2 temperature 0", "without a draw all 2 samples are the same"),
    ("generate 3 temperature 0 top_k 2", "`temperature 0` is greedy"),
    ("generate 3 seed 1", "`seed` goes with draws"),
    ("generate 3 temperature 0 seed 1", "`seed` goes with draws"),
    ("generate 3 repeat_penalty 1.1 seed 1", "`seed` goes with draws"),
    ("generate 3 top_p 1.1", "a probability from 0 to 1"),
    ("generate 3 min_p -0.1", "a share from 0 to 1"),
    ("generate 3 top_k 0", "a whole number from 1 on"),
    ("generate 3 repeat_penalty 0", "a number above 0"),
    ("generate 3 temperature -1", "a number from 0 on"),
    ("generate 3 samples 0", "from 1 to 1,000"),
    (#"generate 3 stop """#, "an empty text stops nothing"),
  ])
  func errors(stage: String, wanted: String) throws {
    let result = try session().session.running(#"prompt "The sky" | \#(stage)"#)
    #expect(result.status == .failed && result.messages.contains(wanted), "\(result.messages)")
  }

  /// The tokens themselves, though their bytes are no text; and what comes after them is what would
  /// have come without the stop between.
  @Test func promptsWithWhatWasGenerated() throws {
    let session = try session()
    try session.define("let set = \(Self.two)")
    let table = try session.table("set | generate 3 samples 2 | prompts | tokens")
    let generated = try session.table("set | generate 3 samples 2").column("token_id")
    let (ids, spans) = (try table.column("token_id"), try table.column("span"))
    let rows = (0..<table.rowCount).filter { spans[$0] == .text("generated") }
    #expect(rows.map { ids[$0] } == (0..<12).map { generated[$0] })
    let one = #"prompt "{a:The sky}" | generate"#
    #expect(
      try self.ids("\(one) 2 | prompts | generate 3", session)
        == Array(self.ids("\(one) 5", session).dropFirst(2)))
    #expect(try session.table("\(one) 2 | prompts | activations L0.resid_pre@a").rowCount > 0)
  }

  /// What is continued together, each prompt ending at another token, is what comes one by one; and is
  /// shown in that order.
  @Test(arguments: [
    "", "temperature 1 seed 2", "samples 3 seed 5 top_k 4", #"stop ">" repeat_penalty 1.2"#,
    #"samples 2 stop "7", "e" seed 1"#,
  ])
  func together(rest: String) throws {
    let session = try session()
    try session.define(
      #"""
      let set = [(prompt "{a:The sky}" -> "b"), (prompt "A sea is"), (prompt "no"), (prompt "It is a day of")]
      let edited = set | steer L1.resid_pre by (prompt "x" | activations L1.resid_pre@last)
      """#)
    let host = try #require(session.session.host as? TestHost)
    for name in ["set", "edited"] {
      host.streamed = []
      let all = try session.table("\(name) | generate 9 \(rest)")
      let shown = String(decoding: host.streamed, as: UTF8.self)
      var (rows, text) = ([[Cell]](), "")
      for index in 0..<4 {
        host.streamed = []
        let one = try session.table("\(name) | take \(index + 1) | take -1 | generate 9 \(rest)")
        text += String(decoding: host.streamed, as: UTF8.self)
        rows += try rowsOfTokens(one)
      }
      #expect(try rowsOfTokens(all) == rows)
      #expect(shown == text && !text.isEmpty)
    }
  }

  private func rowsOfTokens(_ table: Table) throws -> [[Cell]] {
    let columns = try ["position", "token_id", "prob", "logprob"].map { try table.column($0) }
    return (0..<table.rowCount).map { row in columns.map { $0[row] } }
  }

  /// Of so little memory that only some fit.
  @Test func groupsChangeNothing() throws {
    let session = try session()
    try session.define(
      #"let set = [(prompt "The sky"), (prompt "A sea is"), (prompt "no"), (prompt "It is")]"#)
    let host = try #require(session.session.host as? TestHost)
    let wanted = try session.table("set | generate 20")
    func batches() throws -> Cell {
      try session.table("plan set | generate 20").column("batches")[0]
    }
    #expect(try batches() == .integer(20))
    host.memory = 100_000
    #expect(try batches() != .integer(20))
    #expect(try session.table("set | generate 20") == wanted)
  }

  @Test func plansEverySample() throws {
    let session = try session()
    func runs(_ line: String) throws -> Cell { try session.table(line).column("runs")[0] }
    #expect(try runs(#"plan prompt "The sky" | generate 5"#) == .integer(5))
    #expect(try runs(#"plan prompt "The sky" | generate 5 samples 3"#) == .integer(13))
  }
}
