import Model
import Testing

@testable import Runtime

/// What edits are said to mean, where it can be told without a reference.
@Suite("What edits mean")
struct EditMeaningTests {
  let shell: PipedSession

  init() throws {
    shell = try PipedSession()
    try shell.define(
      """
      let eiffel = prompt "Fact: {subject:The Eiffel Tower} {relation:is in the country of}" \
      -> " France"
      let french = prompt "Fact: {subject:The Colosseum} {relation:is in the country of}" \
      -> " France" vs " Italy"
      let tower = prompt "Fact: {subject:The Eiffel Tower} {relation:is in the country of}" -> " Italy"
      let pisa = prompt "Fact: {subject:The Leaning Tower of Pisa} {relation:is in the country of}"
      """)
  }

  private func column(_ name: String, _ line: String) throws -> [Double] {
    try shell.table(line).numbers(name)
  }

  @Test(
    "what puts in what is there already changes no bit",
    arguments: [
      "patch each L{0,15,29}.resid_pre@* from colosseum", "patch L9, L{3,7}H* from colosseum",
      "patch each L{0,29}.ln1.scale, ln_final.scale, L9.q, L9.k, L9.v from colosseum",
      "scale each L9, heads, L{0,29}.mlp by 1", "scale each heads@last by 1",
      "freeze heads, mlps",
      "freeze each embed, L*.q",
      "steer L9.resid_pre@0 by (colosseum | activations L9.resid_pre@last) times 0",
      "ablate L29H1@last mean over colosseum", "ablate L9.mlp mean over colosseum",
    ])
  func nothingChanges(edit: String) throws {
    for metric in ["logit_diff", "kl"] {
      let effects = try column("effect", "colosseum | \(edit) | effect of \(metric)")
      #expect(!effects.isEmpty && effects.allSatisfy { $0 == 0 }, "\(metric)")
    }
  }

  @Test func doublingIsAddingOnceMore() throws {
    let site = "L15.resid_pre@last"
    let scaled = try column("effect", "colosseum | scale \(site) by 2 | effect of logit")
    let steered = try column(
      "effect", "colosseum | steer \(site) by (colosseum | activations \(site)) | effect of logit")
    #expect(scaled == steered)
    #expect(abs(scaled[0]) > 0.1)
  }

  /// What a list names twice is edited once, however the place is written, and read once.
  @Test(arguments: [
    (
      "scale L15.mlp@last, L14.mlp@2, L15.mlp@last by 2",
      "scale L15.mlp@last by 2 | scale L14.mlp@2 by 2"
    ),
    ("scale L15.mlp@relation, L15.mlp@last by 2", "scale L15.mlp@relation by 2"),
    ("scale L15H{1,2}@last, L15H{2,3}@-1 by 3", "scale L15H{1..3}@last by 3"),
    ("scale L15.z@last, L15H3@-1 by 3", "scale L15.z@last by 3"),
  ])
  func namedTwiceIsEditedOnce(list: String, once: String) throws {
    let found = try column("edited", "colosseum | \(list) | effect")
    #expect(found == (try column("edited", "colosseum | \(once) | effect")))
    #expect(found != (try column("base", "colosseum | \(once) | effect")))
  }

  @Test func namedTwiceIsOneRow() throws {
    let swept = try shell.table("colosseum | ablate each L3H1@last, L3H{1,2}@-1 | effect")
    #expect(try swept.texts("component") == ["L3H1", "L3H2"])
    let read = try column("position", "colosseum | activations L3H1@last, L3H1@last")
    #expect(read.count == 64)
  }

  /// Every head of a list gets the vector, as one alone would.
  @Test func severalHeadsAreSteered() throws {
    try shell.define("let v = for i in 1..64 { i * 0.05 }")
    let together = try column("edited", "colosseum | steer L5H{1,2}@last by v | effect")
    let after = try column(
      "edited", "colosseum | steer L5H1@last by v | steer L5H2@last by v | effect")
    #expect(together == after)
    #expect(together != (try column("edited", "colosseum | steer L5H1@last by v | effect")))
  }

  // MARK: - Order

  @Test func editsApplyInTheirOrder() throws {
    let halfOfEiffel = try column(
      "edited", "colosseum | patch L15.mlp@last from eiffel | scale L15.mlp@last by 0.5 | effect")
    let eiffel = try column("edited", "colosseum | patch L15.mlp@last from eiffel | effect")
    let half = try column("edited", "colosseum | scale L15.mlp@last by 0.5 | effect")
    #expect(halfOfEiffel != eiffel && halfOfEiffel != half)
    let sum = try column(
      "edited",
      """
      colosseum | ablate L15.mlp@last
        | steer L15.mlp@last by (eiffel | activations L15.mlp@last) times 0.5 | effect
      """)
    #expect(sum == halfOfEiffel)
  }

  @Test("a cut holds whatever else is done to the scores")
  func cutsHold() throws {
    let cut = try column("edited", "colosseum | knockout subject -> last at L20 | effect")
    let other = try column(
      "edited", "colosseum | knockout subject -> last at L20 | freeze L20.attn_scores@last | effect"
    )
    #expect(cut == other)
    let weights = try column(
      "weight",
      """
      colosseum | knockout subject -> last at L20 | scale L20.attn_scores by 3
        | attention L20H* | where source >= 2 and source <= 5
      """)
    #expect(weights.count == 36 && weights.allSatisfy { $0 == 0 })
  }

  @Test func whatIsCutOffIsSharedByTheOthers() throws {
    let line = "attention L20H{0,4} | group by head sum weight"
    let sums = try column("weight", "colosseum | knockout subject -> last at L20 | \(line)")
    try expectClose(sums, [1, 1], within: 1e-6)
  }

  // MARK: - Direct effects

  /// All else held, what a head adds to the logit is what `dla` says of it.
  @Test func directEffectIsAttribution() throws {
    let found = try column(
      "effect",
      """
      colosseum | freeze heads, mlps, ln_final.scale | ablate each heads@last | effect of logit
      """)
    let dla = try column("dla", "colosseum | dla by head | sort layer, head")
    try expectClose(found, dla.map { -$0 }, within: 1e-4)
    #expect((dla.max() ?? 0) > 2)
    let total = try column("effect", "colosseum | ablate each heads@last | effect of logit")
    let gaps = zip(found, total).map { abs($0 - $1) }
    #expect((gaps.max() ?? 0) > 0.5, "an indirect effect was held as well")
  }

  /// A path from one head to another: with what lies between them held, the one is reached by the
  /// other through its queries, and nothing that comes before the one is changed.
  @Test func pathEndsWhereItIsSaidTo() throws {
    let sweep = "colosseum | freeze heads, mlps | ablate L23H4@last | activations"
    for (site, changes) in [("L29.resid_mid@last", true), ("L29.mlp_out@last", false)] {
      let values = try column("value", "\(sweep) \(site)")
      let base = try column("value", "colosseum | activations \(site)")
      #expect((values != base) == changes, "\(site)")
    }
  }

  // MARK: - Patches

  @Test(
    "all of the stream is all there is to recover", arguments: ["logit_diff", "prob", "rank", "kl"])
  func recovered(metric: String) throws {
    let rows = try shell.table(
      "french | patch each L{0,29}.resid_post@last from eiffel | effect of \(metric)")
    let recovered = try rows.numbers("recovered")
    #expect(recovered[1] == 1)
    #expect(recovered[0] < 0.5)
    let donor = try column(
      "edited", "french | patch L*.resid_post from eiffel | effect of \(metric)")
    #expect(try rows.numbers("edited")[1] == donor[0])
  }

  /// The donor says France, and so is worse at Italy.
  @Test(
    "nothing to recover from a donor that is no better", arguments: ["logit_diff", "prob", "rank"])
  func worseDonor(metric: String) throws {
    let rows = try shell.table(
      "colosseum | patch each L{0,29}.resid_post@last from eiffel | effect of \(metric)")
    #expect(try rows.numbers("recovered").allSatisfy(\.isNaN))
    #expect(try rows.numbers("effect")[1] != 0)
  }

  /// Each prompt's own answer is looked up in the donor's run.
  @Test("one donor for all", arguments: ["logit", "prob", "kl"])
  func oneDonor(metric: String) throws {
    let patch = "patch L20.resid_pre@last from pisa | effect of \(metric)"
    let alone = try ["french", "tower"].flatMap { try column("recovered", "\($0) | \(patch)") }
    let together = try column("recovered", "[french, tower] | \(patch)")
    #expect(zip(together, alone).allSatisfy { $0 == $1 || ($0.isNaN && $1.isNaN) })
    #expect(alone.count == 2 && alone.allSatisfy { !$0.isNaN } && alone[0] != alone[1])
  }

  /// A span that stands elsewhere in the donor, whose subject is longer: first to first.
  @Test func spansArePairedByTheirOrder() throws {
    let paired = try column(
      "edited", "colosseum | patch L15.resid_pre@relation from pisa | effect of logit")
    let oneByOne = (6...10).map { position in
      """
      steer L15.resid_pre@\(position) by (pisa | activations L15.resid_pre@\(position + 3))
      """
    }
    let put = try column(
      "edited",
      """
      colosseum | ablate L15.resid_pre@relation | \(oneByOne.joined(separator: " | "))
        | effect of logit
      """)
    #expect(paired == put)
  }

  @Test func onePositionAtATimeIsTheSameAsAllAtOnce() throws {
    let parts = (6...10).map { "L15.resid_pre@\($0)" }.joined(separator: ", ")
    let edited = try ["L15.resid_pre@relation", "L15.resid_pre@6..10", parts].map {
      try column("edited", "colosseum | patch \($0) from eiffel | effect of logit")
    }
    #expect(Set(edited).count == 1)
  }

  @Test func promptsAndDonorsArePairedInOrder() throws {
    let pairs = try column(
      "edited",
      "[colosseum, colosseum] | patch L20.resid_pre@last from [eiffel, pisa] | effect of logit")
    let (one, other) = (
      try column("edited", "colosseum | patch L20.resid_pre@last from eiffel | effect of logit"),
      try column("edited", "colosseum | patch L20.resid_pre@last from pisa | effect of logit")
    )
    #expect(pairs == one + other && one != other)
  }

  // MARK: - Resampling

  @Test func drawIsThatOfItsSeed() throws {
    func edited(_ seed: Int) throws -> [Double] {
      try column(
        "edited",
        """
        country | take 8 | ablate L20.resid_pre@last resample over country seed \(seed)
          | effect of logit
        """)
    }
    let first = try edited(1)
    #expect(try edited(1) == first)
    #expect(try edited(2) != first)
    let unsaid = try column(
      "edited",
      "country | take 8 | ablate L20.resid_pre@last resample over country | effect of logit")
    #expect(try edited(0) == unsaid)
  }

  /// A prompt draws the same, however it was taken from the set that it was made in.
  @Test func drawsAreKeptByPartsOfASet() throws {
    let tail = "ablate L20.resid_pre@last resample seed 1 | effect of logit"
    let six = try column("edited", "country | take 6 | \(tail)")
    #expect(six.count == 6 && Set(six).count == 6)
    for (part, rows) in [
      ("take 6 | take -3", Array(3..<6)), ("take 6 | where answer == \" France\"", [4, 5]),
      ("take 5 | take -1", [4]),
    ] {
      #expect(
        try column("edited", "country | \(part) | \(tail)") == rows.map { six[$0] }, "\(part)")
    }
    let sampled = try shell.table("country | take 6 | sample 3 seed 4 | \(tail)")
    #expect(try Set(sampled.numbers("edited")).isSubset(of: six))
    let known = try column("edited", "country | take 6 | known top 1 | \(tail)")
    #expect(!known.isEmpty && known.count < 6 && Set(known).isSubset(of: six))
    #expect(
      try column("edited", "[(country | take 2), (country | take -1)] | \(tail)").prefix(2)
        == six.prefix(2))
    // The prompts of another set are counted on from the 48 of the first, and join its pool.
    let joined = "country | take 2 | append colosseum"
    let (pool, number) = (
      try shell.table("\(joined) | \(tail)").rowCount,
      try column("edited", "\(joined) | take -1 | \(tail)")
    )
    #expect(pool == 3)
    #expect(number == (try column("edited", "\(joined) | \(tail)")).suffix(1))
  }

  /// With two prompts each can only be given the other's values.
  @Test func noPromptIsItsOwnDonor() throws {
    let drawn = try column(
      "edited",
      "[colosseum, eiffel] | ablate L20.resid_pre@last resample over [colosseum, eiffel] seed 3 "
        + "| effect of kl")
    let crossed = try column(
      "edited",
      "[colosseum, eiffel] | patch L20.resid_pre@last from [eiffel, colosseum] | effect of kl")
    #expect(drawn == crossed && drawn.allSatisfy { $0 > 0 })
  }
}
