import Lang
import Model
import Testing

@testable import Runtime

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A plan is made by the code that runs, and nothing of it is run.
@Suite("What a pipeline would cost")
struct PlanTests {
  let shell: PipedSession

  init() throws {
    shell = try PipedSession()
    try shell.define(
      """
      let eiffel = prompt "Fact: {subject:The Eiffel Tower} {relation:is in the country of}" \
      -> " France"
      """)
  }

  private var host: TestHost { get throws { try #require(shell.session.host as? TestHost) } }

  @Test(
    "counts the rows that are computed, and the runs",
    arguments: [
      ("colosseum | rank", 1), ("country | take 5 | rank", 5), ("colosseum | dla by head", 1),
      ("colosseum | ablate each L{20,21}H*@last | effect", 1 + 18),
      ("colosseum | patch each L{5,10,20}.resid_pre@{4,last} from eiffel | effect", 1 + 1 + 6),
      ("colosseum | scale each L{3,4} by 1 | effect", 1 + 2),
      ("colosseum | freeze mlps | ablate each L29H*@last | effect", 1 + 1 + 9),
      ("country | take 3 | ablate L20.mlp@last mean over (country | take 7) | effect", 7 + 6),
      ("country | take 3 | ablate L20.mlp@last resample over (country | take 7) | effect", 2 + 6),
      ("country | take 3 | gradient L9.resid_pre@last of prob", 3),
      ("colosseum | patch each L{5,10}H*@last from eiffel | attribute", 1 + 1),
      ("colosseum | ablate each heads | attribute at @subject", 4),
      ("colosseum | knockout each subject -> last at L10..20 | effect", 1 + 11),
    ])
  func counts(pipeline: String, runs: Int) throws {
    let plan = try shell.table("plan \(pipeline)")
    #expect(try plan.numbers("runs").last == Double(runs))
    try host.forgetProgress()
    _ = try shell.table(pipeline)
    #expect(try plan.numbers("rows").last == Double(try host.rowsRun))
    let (rows, unshared) = (try plan.numbers("rows"), try plan.numbers("rows_unshared"))
    #expect(zip(rows, unshared).allSatisfy { $0 > 0 && $0 <= $1 })
    #expect(try plan.numbers("seconds").allSatisfy { $0 > 0 })
  }

  /// The first three tokens of both are the same, and so is all that is made of them.
  @Test(
    "a patch of what is the same in both is not run, and not planned",
    arguments: [
      "patch each L{5,10,20}.resid_pre@* from eiffel",
      "patch each L10.resid_pre@{0..2} from eiffel",
      "patch L5.resid_pre@* from eiffel", "patch each L0.resid_pre@* from eiffel",
      "ablate L3H2@last | patch each L{2,7}.resid_pre@* from eiffel",
    ])
  func commonBeginning(edits: String) throws {
    let plan = try shell.table("plan colosseum | \(edits) | effect")
    try host.forgetProgress()
    _ = try shell.table("colosseum | \(edits) | effect")
    #expect(try plan.numbers("rows").last == Double(try host.rowsRun))
  }

  @Test func runsThatRejoinAreNotForeseen() throws {
    try shell.define("let edited = eiffel | ablate L0H0@last")
    let pipeline = "colosseum | patch each L{5,10,20}.resid_pre@* from edited | effect"
    let plan = try shell.table("plan \(pipeline)")
    #expect(try plan.numbers("runs").last == 1 + 1 + 33)
    try host.forgetProgress()
    let effects = try shell.table("\(pipeline) | sort position").numbers("effect")
    #expect(effects.prefix(9).allSatisfy { $0 == 0 })
    #expect(effects.dropFirst(9).allSatisfy { $0 != 0 })
    let planned = try #require(try plan.numbers("rows").last)
    // From layers 5, 10 and 20 on these three rows, and what comes after each; of the last layer the
    // last position alone.
    let spared = [24, 19, 9].reduce(0) { $0 + (11 + 10 + 9) * $1 + 3 }
    #expect(Double(try host.rowsRun) == planned - Double(spared))
    // The same effects as where it is known before.
    let known = "colosseum | patch each L{5,10,20}.resid_pre@* from eiffel | effect | sort position"
    let foreseen = try shell.table("plan \(known)")
    #expect(try foreseen.numbers("rows").last.map { $0 < planned } == true)
    #expect(try shell.table(known).numbers("effect").prefix(9).allSatisfy { $0 == 0 })
  }

  @Test("a table that is joined to another is measured too")
  func joined() throws {
    let both = try shell.table(
      "plan colosseum | dla by head | join (eiffel | dla by head | top 50) on component | top 3")
    let first = try shell.table("plan colosseum | dla by head")
    let second = try shell.table("plan eiffel | dla by head")
    for column in ["runs", "rows", "flops"] {
      #expect(
        try both.numbers(column).last
          == first.numbers(column).reduce(0, +) + second.numbers(column).reduce(0, +), "\(column)")
    }
    let bare = try shell.table("plan colosseum | dla by head | where (dla + 1) > 2 | top 3")
    #expect(try bare.numbers("rows") == first.numbers("rows"))
  }

  @Test("what blocks that are values measure is measured too")
  func blocks() throws {
    try shell.define("let deep = true; let names = [\"colosseum\"]")
    let first = try shell.table("plan colosseum | dla by head")
    let second = try shell.table("plan eiffel | dla by head")
    let third = try shell.table("plan eiffel | rank")
    func rows(_ line: String) throws -> Double? {
      try shell.table("plan colosseum | dla by head | \(line)").numbers("rows").last
    }
    let (one, two, other) = (
      try #require(try first.numbers("rows").last), try #require(try second.numbers("rows").last),
      try #require(try third.numbers("rows").last)
    )
    let chosen = "if deep { eiffel | dla by head } else { eiffel | rank }"
    #expect(try rows("join (\(chosen)) on component") == one + two)
    #expect(
      try rows("take (if deep { (eiffel | rank).rank } else { 1 })") == one + other)
    #expect(
      try rows("where layer in (for one in [1, 2] { (eiffel | rank).rank })") == one + 2 * other)
    // One for each row is not: it may name what the rows hold.
    #expect(try rows("derive half = (if layer > 3 { 1 } else { 2 })") == one)
  }

  @Test("a plan writes no file")
  func writesNothing() throws {
    let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).tsv").path
    let block = "if true { colosseum | rank | save \"\(file)\"; colosseum | rank } else { 1 }"
    _ = try shell.table("plan colosseum | rank | join (\(block)) on answer")
    #expect(!FileManager.default.fileExists(atPath: file))
  }

  @Test("`time` says in the words of `plan` what was computed")
  func timed() throws {
    let pipelines = [
      "colosseum | rank", "country | take 9 | ablate each L3H*@last | effect",
      "country | take 3 | dla by head", "country | take 3 | lens",
    ]
    for pipeline in pipelines {
      let plan = try shell.table("plan \(pipeline)")
      let words = try ["runs", "rows", "batches"].map {
        "\($0) \(Int(try #require(try plan.numbers($0).last)))"
      }
      let messages = try shell.run("time \(pipeline)").messages
      #expect(messages.contains("computed \(words.joined(separator: ", ")), bytes "))
    }
    let none = try shell.run("time colosseum | tokens").messages
    #expect(none.hasPrefix("took ") && !none.contains("computed"))
  }

  @Test func nothingIsRun() throws {
    try host.forgetProgress()
    _ = try shell.table("plan colosseum | ablate each heads | effect | top 3 | plot bar")
    #expect(try host.rowsRun == 0)
  }

  /// Eleven positions in 30 layers, of which in the last only the one that is asked for; a head at the last position changes that row from the next
  /// layer's norm on, and its own layer's MLP.
  @Test func rowsAreThoseThatChange() throws {
    let one = try shell.table("plan colosseum | rank")
    let clean = 29.0 * 11 + 1
    #expect(try one.numbers("rows") == [clean])
    let last = try shell.table("plan colosseum | ablate each L29H{0,1}@last | effect")
    #expect(try last.numbers("rows") == [clean + 2])
    #expect(try last.numbers("rows_unshared") == [990])
    let first = try shell.table("plan colosseum | ablate each L0H0@last | effect")
    #expect(try first.numbers("rows") == [clean + 30])
    let seen = try shell.table("plan colosseum | activations L4.z@5")
    #expect(try seen.numbers("rows") == [4 * 6 + 1])
  }

  /// All share the two shots that stand before them, and what their own lines begin with.
  @Test func beginningsAreShared() throws {
    try shell.define("let shots = country | take 6 | few_shot 2 from country seed 3")
    let tokens = Double(try shell.table("shots | tokens").numbers("position").count)
    let plan = try shell.table("plan shots | rank")
    let rows = try #require(try plan.numbers("rows").last)
    // In the last layer the last positions alone.
    #expect(rows < 0.5 * (29 * tokens + 6))
    #expect(try plan.numbers("rows_unshared").last == 30 * tokens)
    try host.forgetProgress()
    _ = try shell.table("shots | rank")
    #expect(Double(try host.rowsRun) == rows)
  }

  @Test func stepsAddUp() throws {
    let plan = try shell.table(
      "plan colosseum | patch each L{0,10}.resid_pre@last from eiffel | effect")
    #expect(try plan.texts("step") == ["values", "effect", "total"])
    for column in ["runs", "rows", "rows_unshared", "batches"] {
      let numbers = try plan.numbers(column)
      #expect(numbers.dropLast().reduce(0, +) == numbers.last, "\(column)")
    }
    let bytes = try plan.numbers("bytes")
    #expect(bytes.dropLast().max() == bytes.last)
  }

  // MARK: - Memory

  @Test func tooLittleMemoryIsSaid() throws {
    try host.memory = 1_000_000
    let words = String(repeating: "fact ", count: 60)
    let result = shell.session.running("prompt \"\(words)\" -> \" Italy\" | rank")
    #expect(result.status == .failed)
    #expect(result.output.isEmpty)
    #expect(result.messages.contains("error: one run needs "))
    #expect(result.messages.contains("of the budget"))
    #expect(result.messages.contains("help: allow more: --memory "))
    let plan = shell.session.running("plan prompt \"\(words)\" -> \" Italy\" | rank")
    #expect(plan.status == .failed && plan.messages.contains("of the budget"))
  }

  @Test(arguments: [
    "colosseum | ablate each L{0,3,6,10,15,20,29}H*@last | effect of kl",
    "colosseum | ablate each L{0,5,10,15,20}.mlp | effect", "country | take 12 | rank",
    "colosseum | patch each L{5,25}.resid_pre@* from eiffel | effect of prob",
  ])
  func budgetChangesNoBit(pipeline: String) throws {
    func inBudget(_ bytes: Int) throws -> (batches: Double, rows: Table) {
      try host.memory = bytes
      let batches = try #require(try shell.table("plan \(pipeline)").numbers("batches").last)
      return (batches, try shell.table(pipeline))
    }
    let (small, large) = (try inBudget(1_500_000), try inBudget(1 << 30))
    #expect(small.batches > large.batches)
    #expect(small.rows == large.rows)
  }
}
