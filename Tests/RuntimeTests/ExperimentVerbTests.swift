import Testing

@testable import Runtime

/// What the verbs of experiments do with sets of facts, on the model whose weights are set.
@Suite struct ExperimentVerbTests {
  let shell: Experiment
  private let facts = "facts \"\(Experiment.fixtures)/handbuilt/facts\""

  init() throws { shell = try Experiment.handBuilt() }

  private func texts(_ line: String) throws -> [String] { try shell.prompts(line).map(\.text) }

  private func expectFailures(_ lines: KeyValuePairs<String, String>) {
    for (line, message) in lines {
      let result = shell.session.running(line)
      #expect(result.status == .failed, "\(line)")
      #expect(result.messages.contains(message), "\(line): \(result.messages)")
    }
  }

  // MARK: Prompts as rows

  @Test func somePrompts() throws {
    let all = try texts("all")
    #expect(
      try texts("all | where relation == \"plays\" and answer != \" judo\"")
        == Array(all[4..<7]))
    let (half, rest) = (
      try texts("all | sample 50% by relation seed 2"),
      try texts("all | sample 50% by relation seed 2 rest")
    )
    #expect(half.count == 4 && Set(half + rest) == Set(all))
    #expect(half == all.filter(half.contains))
    #expect(half.count { $0.contains("plays") } == 2)
    #expect(try texts("all | sample 50% by relation seed 3") != half)
    // A share, however it is written; a whole number is a count.
    #expect(try texts("all | sample 0.5 by relation seed 2") == half)
    #expect(try texts("all | sample 1").count == 1)
    #expect(try texts("all | sample 100%") == all)
    // A variable keeps what it is of the two.
    try shell.define("let share = 100%; let one = 1")
    #expect(try texts("all | sample share") == all)
    #expect(try texts("all | sample one").count == 1)
    // However many, nothing overflows.
    let huge = try shell.define("let many = all | rank | sample 9000000000000000000 by relation")
    #expect(huge.contains("fewer than requested"))
    let said = try shell.define("let many = all | sample 3 by relation | sample 5 by relation")
    #expect(said.contains("warning: 4 rows fewer than requested: there are no more to draw from"))
    expectFailures([
      "all | where S > 3": "this leaves no prompts", "all | where relation": "needs a condition",
      "all | where kind == 1": "there is no column or variable 'kind'",
      "all | sample 0": "this leaves no prompts",
      "all | sample 100% rest": "this leaves no prompts",
      "all | sample": "`sample` needs a number or a share", "all | sample -1": "a whole number, or",
      "all | sample 150%": "a share up to 100%", "all | sample 2.5": "a whole number, or",
      "all | sample 2 by kind": "there is no column `kind`",
      "all | sample 2 like (all | rank) by relation": "`like` already gives the number",
      "all | sample like 3 by relation": "`like` takes a table",
    ])
  }

  @Test func likeAnotherTable() throws {
    let rows = try shell.table(
      """
      all | take 1 | dla by head
        | sample like (all | take 1 | dla by head | where layer == 1 and head < 3) by layer seed 4
      """)
    #expect(try rows.texts("layer") == ["1", "1", "1"])
    #expect(rows.measure == "dla")
    let both = try shell.table("all | take 1 | dla by head | take 2 | append (all | take 2 | rank)")
    #expect(both.rowCount == 4)
    #expect(both.columnNames.contains("dla") && both.columnNames.contains("rank"))
    #expect(try both.numbers("dla").map(\.isNaN) == [false, false, true, true])
    #expect(try both.numbers("rank").map(\.isNaN) == [true, true, false, false])
    // What is derived of no rows is a column of numbers.
    let none =
      "all | rank | where rank < 0 | derive twice = 2 * rank | group by relation mean twice"
    #expect(try shell.table(none).rowCount == 0)
    expectFailures(["all | rank | append all": "append", "all | append (all | rank)": "table"])
  }

  // MARK: R and S

  @Test func foilsOfRAndS() throws {
    let wanted = try shell.expected.facts()
    for (name, tokens) in [("R", \ExpectedFact.ofRelation), ("S", \.ofSubject)] {
      let found = try shell.prompts("\(facts) vs \(name)")
      #expect(found.map { $0.foils.map(\.token) } == wanted.map { $0[keyPath: tokens] })
    }
    // The answer above R is what is attributed on it, less what is attributed on R.
    let over = try shell.table("\(facts) vs R | dla by head of logit_diff").numbers("dla")
    let apart = try shell.table("all | dla by head on answer, R | derive over = dla - dla_R")
    try expectAlike(over, try apart.numbers("over"), within: 1e-5, "above R")
    expectFailures([
      "\(facts) vs T": "expected R or S, got 'T'",
      "\(facts) reversed vs R": "reversed prompts ask for a subject and have no R",
    ])
  }

  /// The tokens are those that `like_frequency` of `Scripts/reference/paper/parts.py` finds.
  @Test func tokensOfLikeFrequency() throws {
    for (relation, tokens) in [("lives", "66, 70, 76, 77, 81"), ("plays", "87, 88, 93, 97, 104")] {
      let set = "all | where relation == \"\(relation)\" and \"Ada\" in prompt"
      try shell.define("let one = \(set)")
      // Of all facts at once, so that no R and no S of any of them is among the tokens.
      let random = try shell.table(
        "all | dla on R_random | where relation == \"\(relation)\" and \"Ada\" in prompt")
      #expect(random.measure == "dla_R_random")
      let mean = try shell.table("one | dla on \(tokens) mean")
      try expectAlike(
        try random.numbers("dla_R_random"), try mean.numbers("dla"), within: 1e-6, relation)
    }
    let random = try shell.table(
      "all | dla on answer, S_random centred | where \"Ada lives\" in prompt")
    #expect(random.columnNames.suffix(2) == ["dla", "dla_S_random"])
    let mean = try shell.table(
      "all | where \"Ada lives\" in prompt | dla on 66, 87, 105 mean centred")
    try expectAlike(
      try random.numbers("dla_S_random"), try mean.numbers("dla"), within: 1e-6, "S")
    expectFailures([
      "prompt \"Fact: Ada\" -> \" Rome\" | dla on R_random": "needs the attributes of the relation"
    ])
  }

  // MARK: Edits

  /// As if each prompt's donor, which Python's draw names, were patched in.
  @Test func resampledWithinRelation() throws {
    let donors = [
      0: "Dan Dan Ben Ben Ben Ada Dan Cleo", 3: "Ben Dan Ada Cleo Cleo Ada Ada Ben",
    ]
    let names = ["Ada", "Ben", "Cleo", "Dan"]
    func fact(_ relation: String, _ name: String) -> String {
      "all | where relation == \"\(relation)\" and \"\(name)\" in prompt"
    }
    for (seed, drawn) in donors {
      let drawn = drawn.split(separator: " ").map(String.init)
      var patched: [Double] = []
      for (place, donor) in drawn.enumerated() {
        let relation = place < 4 ? "lives" : "plays"
        try shell.define("let donor = \(fact(relation, donor))")
        patched += try shell.table(
          "\(fact(relation, names[place % 4])) | patch L1H2@last from donor | effect of logit"
        ).numbers("effect")
      }
      let resampled = try shell.table(
        "all | ablate L1H2@last resample over all within relation seed \(seed) | effect of logit")
      #expect(try resampled.numbers("effect") == patched, "seed \(seed)")
    }
    try shell.define("let ada = all | where \"Ada\" in prompt")
    expectFailures([
      "all | ablate L1H2@last resample over all within subject":
        "expected relation, got 'subject'",
      "prompt \"Fact: Ada lives in\" -> \" Rome\" | ablate L1H2@last resample over all within relation | rank":
        "has no relation to draw others from",
      "all | ablate L1H2@last mean over all within relation": "`within` goes with `resample`",
      "ada | ablate L1H2@last resample over ada within relation | rank":
        "can replace 'Fact: Ada lives in' within its relation",
    ])
  }

  /// Of the relation's two tokens, which follow the name, the last is the one that answers.
  @Test func cutsWithExceptions() throws {
    func effects(_ cut: String) throws -> [Double] {
      try shell.table("all | \(cut) | effect of kl").numbers("effect")
    }
    let without = try effects("knockout subject -> relation except last")
    let places = try shell.table("all | take 1 | tokens | where span == \"relation\"")
    #expect(places.rowCount == 2)
    let first = try #require(try places.numbers("position").first)
    #expect(without == (try effects("knockout subject -> \(Int(first))")))
    #expect(without != (try effects("knockout subject -> relation")))
    #expect(
      try effects("knockout subject -> relation except \(Int(first))")
        == effects("knockout subject -> last"))
    let seen = try shell.table(
      """
      all | take 1 | knockout subject -> relation except last | attention L1H2@*
        | where source == \(Int(first) - 1) and position >= \(Int(first))
      """)
    let weights = try seen.numbers("weight")
    #expect(weights.count == 2 && weights.first == 0 && weights.last ?? 0 > 0.9, "\(weights)")
    expectFailures([
      "all | knockout subject -> last except last | rank": "'last' without 'last' is empty",
      "all | knockout subject -> relation except place | rank": "there is no span 'place'",
    ])
  }
}
