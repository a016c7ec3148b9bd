import Lang
import Model
import Testing

@testable import Runtime

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
      ("colosseum | patch each L{0,10,20}.resid_pre@* from eiffel | effect", 1 + 1 + 1 + 33),
      ("colosseum | freeze mlps | ablate each L29H*@last | effect", 1 + 1 + 9),
      ("country | take 3 | ablate L20.mlp@last mean over (country | take 7) | effect", 7 + 6),
      ("country | take 3 | ablate L20.mlp@last resample over (country | take 7) | effect", 7 + 6),
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

  @Test func nothingIsRun() throws {
    try host.forgetProgress()
    _ = try shell.table("plan colosseum | ablate each heads | effect | top 3 | plot bar")
    #expect(try host.rowsRun == 0)
  }

  /// Eleven positions in 30 layers; a head at the last position changes that row from the next
  /// layer's norm on, and its own layer's MLP.
  @Test func rowsAreThoseThatChange() throws {
    let one = try shell.table("plan colosseum | rank")
    #expect(try one.numbers("rows") == [330])
    let last = try shell.table("plan colosseum | ablate each L29H{0,1}@last | effect")
    #expect(try last.numbers("rows") == [332])
    #expect(try last.numbers("rows_unshared") == [990])
    let first = try shell.table("plan colosseum | ablate each L0H0@last | effect")
    #expect(try first.numbers("rows") == [360])
  }

  @Test func stepsAddUp() throws {
    let plan = try shell.table(
      "plan colosseum | patch each L{0,10}.resid_pre@last from eiffel | effect")
    #expect(try plan.texts("step") == ["donors", "values", "effect", "total"])
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
    "colosseum | ablate each L{0,15,29}H*@last | effect of kl",
    "colosseum | ablate each L{0,5,10,15,20}.mlp | effect", "country | take 12 | logits | top 40",
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
