import TestSupport
import Testing

@testable import Runtime

/// A list in which some items have `@` and others none reads as something that it does not mean.
@Suite struct MixedPositionTests {
  private let session = Session(host: TestHost(format: .csv))

  init() throws {
    let folder = Fixtures.folder.path
    let result = session.running(
      """
      load "\(folder)/tiny-gqa.F32.gguf"
      let sky = prompt "{subject:The sky} is" -> " is"
      let two = [L1H0, L1H1]
      let mixed = [L1H0, [L1H1@last]]
      let best = sky | dla by head | top 2
      """)
    try #require(result.status == .done, "\(result.messages)")
  }

  @Test(arguments: [
    ("ablate L1H0, L1H2@last", "L1H{0,2}@last", "ablate L1H0 | ablate L1H2@last"),
    ("ablate L1H2@last, L1H0", "L1H{2,0}@last", "ablate L1H0 | ablate L1H2@last"),
    ("ablate L0H1, L2H1@last", "L{0,2}H1@last", "ablate L0H1 | ablate L2H1@last"),
    (
      "ablate L0H1, L2H3@subject", "L0H1@subject, L2H3@subject", "ablate L0H1 | ablate L2H3@subject"
    ),
    (
      "scale L0.mlp, L{1,2}.mlp@0 by 2", "L{0,1,2}.mlp@0",
      "scale L0.mlp by 2 | scale L{1,2}.mlp@0 by 2"
    ),
    (
      "ablate L1H0, L1H2@last mean over sky", "L1H{0,2}@last",
      "ablate L1H0 mean over sky | ablate L1H2@last mean over sky"
    ),
    ("freeze heads, mlps@last", "heads@last, mlps@last", "freeze heads | freeze mlps@last"),
    ("freeze embed, L1.mlp@last", "embed@last, L1.mlp@last", "freeze embed | freeze L1.mlp@last"),
    (
      "patch L1H0, L1H2@last from sky", "L1H{0,2}@last",
      "patch L1H0 from sky | patch L1H2@last from sky"
    ),
    ("ablate two, L0.mlp@last", "two@last, L0.mlp@last", "ablate L1H{0,1} | ablate L0.mlp@last"),
    ("ablate mixed", "L1H{0,1}@last", "ablate L1H0 | ablate L1H1@last"),
    ("ablate [L1H0, L1H1@last]", "L1H{0,1}@last", "ablate L1H0 | ablate L1H1@last"),
    ("ablate [[L1H0], [L1H1@last]]", "L1H{0,1}@last", "ablate L1H0 | ablate L1H1@last"),
    ("ablate \"L1H0\", 'L1H1@last'", "L1H{0,1}@last", "ablate L1H0 | ablate L1H1@last"),
  ])
  func edits(edit: String, together: String, apart: String) {
    let result = session.running("sky | \(edit) | effect")
    #expect(result.status == .failed, "\(edit)")
    #expect(result.messages.contains("in a list, all items have `@` or none"), "\(result.messages)")
    #expect(result.messages.contains("write \(together) for all at @"), "\(result.messages)")
    #expect(result.messages.contains("write \(apart)\n"), "\(result.messages)")
    // What is offered runs, and means two things.
    let words = edit.split(separator: " ").first ?? ""
    let rest = edit.contains(" by ") ? " by 2" : edit.contains(" from ") ? " from sky" : ""
    for line in [apart, "\(words) \(together)\(rest)"] {
      #expect(session.running("sky | \(line) | rank").status == .done, "\(line)")
    }
  }

  @Test(arguments: [
    ("ablate each L1H0, L1H2@last", "sweep them apart and `append` the tables"),
    ("ablate each (best.component), L0.mlp@*", "sweep them apart and `append` the tables"),
    ("ablate best.component, L0.mlp@last", "write (best.component)@last, L0.mlp@last for all"),
    ("ablate L0H0, L0H1@0, L0H2@last", "give each item its own `@`; if"),
    ("steer L0.resid_pre, L1.resid_pre@last by [1]", "write L{0,1}.resid_pre@last for all"),
    ("attention L1H0, L1H2@*", "read them apart and `append` the tables"),
    ("activations L1.mlp, L0.mlp@last", "read them apart and `append` the tables"),
  ])
  func othersToo(stage: String, help: String) {
    let set = stage.hasPrefix("steer") ? "sky" : "sky"
    let result = session.running("\(set) | \(stage)")
    #expect(result.status == .failed, "\(stage)")
    if !stage.hasPrefix("steer") {
      #expect(result.messages.contains(help), "\(stage): \(result.messages)")
    }
    #expect(result.messages.contains("all items have `@` or none"), "\(result.messages)")
  }

  @Test func allOrNoneIsFine() {
    for edit in [
      "ablate L1H0, L1H2", "ablate L1H0@last, L1H2@0", "ablate L1H0@*, L1H2@last", "ablate two",
      "ablate two@last, L0.mlp@last", "ablate each L1H{0,1}@last, L0.mlp@last",
    ] {
      #expect(session.running("sky | \(edit) | effect").status == .done, "\(edit)")
    }
  }

  // MARK: Other words with two meanings

  @Test func spansAndVariables() {
    let both = session.running("let subject = 0; sky | knockout subject -> last | effect")
    #expect(both.messages.contains("`subject` is both a span and a variable"), "\(both.messages)")
    #expect(both.messages.contains("help: @subject is the span, $subject the variable"))
    let one = session.running("sky | knockout $subject -> last | effect").output
    let other = session.running("sky | knockout @subject -> last | effect").output
    #expect(!one.isEmpty && !other.isEmpty && one != other)
  }

  @Test func emptyListsAreErrors() {
    for line in [
      "sky | ablate []", "sky | ablate [[], L1H0]", "sky | knockout subject -> last heads []",
      "sky | dla on []", "sky | knockout [] -> last", "best | classify thresholds []",
    ] {
      let result = session.running("\(line)")
      #expect(result.status == .failed, "\(line)")
      #expect(result.messages.contains("empty"), "\(line): \(result.messages)")
    }
  }

  @Test func wordsOfACommandFromVariables() {
    let named = session.running("let wanted = \"prob\"; sky | ablate L1H0 | effect of $wanted")
    #expect(named.output.contains("prob"), "\(named.messages)")
    let model = session.running("let one = \"tiny\"; let tiny = \"x\"; models | take 0")
    #expect(model.status == .done)
  }
}
