import Testing

@testable import Runtime

/// What is made and run part by part is what it would be as a whole.
@Suite("Sweeps in parts")
struct SweepPortionTests {
  private static let pairs =
    "let a = [(prompt \"the sky\" -> \"b\" vs \"c\"), (prompt \"the sun\" -> \"c\" vs \"a\"), "
    + "(prompt \"a sea is\" -> \"a\" vs \"b\")]; let b = [(prompt \"the sun\"), (prompt \"the sea\"), "
    + "(prompt \"a sky is\")]; let c = [(prompt \"the sky\"), (prompt \"the sun\"), (prompt \"a sun is\")]"

  private func shell() throws -> PipedSession {
    let shell = try PipedSession(tiny: "tiny-gqa.F32.gguf")
    try shell.define(Self.pairs)
    return shell
  }

  @Test(
    "effects",
    arguments: [
      "patch each edges from b | effect", "patch each L0 -> L1@* from b | effect of kl",
      "ablate L1.mlp | patch each layers -> logits from b | effect of prob",
      "ablate each heads@*, L1.mlp@last, L*.mlp@* | effect of js", "ablate heads | effect",
      "patch each L*H* from b | effect at *",
    ])
  func effects(line: String) throws {
    let shell = try shell()
    let host = try #require(shell.session.host as? TestHost)
    let whole = try shell.run("a | \(line)")
    let plan = try shell.table("plan a | \(line)")
    host.forgetProgress()
    for atOnce in [1, 7, 50] {
      try CaseStream.$atOnce.withValue(atOnce) {
        let parts = try shell.run("a | \(line)")
        #expect(parts.table.columnNames == whole.table.columnNames)
        for name in whole.table.columnNames {
          #expect(try parts.table.texts(name) == whole.table.texts(name), "\(name)")
        }
        #expect(parts.messages == whole.messages)
        let planned = try shell.table("plan a | \(line)")
        #expect(try planned.texts("step") == plan.texts("step"))
        for name in ["runs", "rows_unshared"] {
          #expect(try planned.numbers(name) == plan.numbers(name))
        }
        let said = shell.session.running("time a | \(line)").messages
        #expect(
          said.contains("computed runs \(Int(try plan.numbers("runs").last ?? 0)),"), "\(said)")
      }
    }
  }

  @Test func progressIsOfAll() {
    let share = RunShare(before: 20, count: 10, of: 40)
    #expect(share.progress(done: 0, of: 6) == (20_000, 40_000))
    #expect(share.progress(done: 3, of: 6) == (25_000, 40_000))
    #expect(share.progress(done: 6, of: 6) == (30_000, 40_000))
    #expect(RunShare(count: 3, of: 3).progress(done: 5, of: 7) == (5, 7))
    #expect(!share.isLast && RunShare(before: 30, count: 10, of: 40).isLast)
  }

  @Test(
    "estimates",
    arguments: [
      "patch each edges from b | attribute steps 2", "patch each L0 -> L1@* from b | attribute",
      "patch each heads@* from b | attribute gradient both", "ablate each mlps | attribute of prob",
      "ablate L1.mlp | patch each L*H*.q from b | attribute softmax exact",
      "patch each heads from b | attribute graddrop",
      "patch each heads from (b | patch L0.mlp from c) | attribute",
    ])
  func estimates(line: String) throws {
    let shell = try shell()
    let whole = try shell.run("a | \(line)")
    let plan = try shell.table("plan a | \(line)")
    for rows in [1, 8] {
      try PromptSet.$rowsOfPortion.withValue(rows) {
        let parts = try shell.run("a | \(line)")
        for name in whole.table.columnNames {
          #expect(try parts.table.texts(name) == whole.table.texts(name), "\(name)")
        }
        #expect(parts.messages == whole.messages)
        let planned = try shell.table("plan a | \(line)")
        #expect(try planned.texts("step") == plan.texts("step"))
        #expect(try planned.numbers("runs") == plan.numbers("runs"))
      }
    }
  }

  @Test func meansOverPrompts() throws {
    let shell = try shell()
    for line in ["patch each edges from b | attribute", "ablate each heads, L1.mlp | attribute"] {
      let grouped = try shell.table(
        "a | \(line) | group by component mean base, estimate")
      let mean = try shell.table("a | \(line) mean")
      #expect(!mean.columnNames.contains("prompt") && mean.columnNames.contains("metric"))
      #expect(try mean.texts("component") == grouped.texts("component"))
      try expectClose(
        try mean.numbers("estimate"), try grouped.numbers("estimate"), within: 1e-12)
      try expectClose(try mean.numbers("base"), try grouped.numbers("base"), within: 1e-12)
    }
  }

  @Test(arguments: [
    ("ablate each heads@last | attribute mean", "positions are each prompt's own"),
    ("ablate each heads | attribute mean at *", "one number of each prompt"),
  ])
  func meansThatAreNone(line: String, error: String) throws {
    let result = try shell().session.running("a | \(line)")
    #expect(result.status == .failed && result.messages.contains(error), "\(result.messages)")
  }
}
