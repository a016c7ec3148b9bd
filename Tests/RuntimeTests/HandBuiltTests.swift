import Testing

@testable import Runtime

/// A model whose weights are set, so that the truth is known: `Scripts/reference/facts/handbuilt.py` tells
/// which head does what. Numbers within 1e-4 of float64, of attributions up to 3.
@Suite struct HandBuiltTests {
  let shell: Experiment
  private static let heads = ["L1H2": "subject", "L1H0": "relation", "L1H1": "mixed"]

  init() throws { shell = try Experiment.handBuilt() }

  private var attribution: String { "all | dla by head, span on answer, R, S" }

  @Test func numbers() throws {
    let table = try shell.table(attribution)
    try shell.expectNumbers(table, ["dla", "dla_R", "dla_S"], of: "by_head_span")
    try shell.expectNumbers(
      try shell.table("all | dla on answer, R, S | where component == \"L2.mlp\""),
      ["dla", "dla_R", "dla_S"], of: "mlp")
  }

  /// Exactly these heads, each in its class, whether chosen by a floor or by their number.
  @Test(arguments: [
    "floor 0.3", "top 3", "top 3 median", "top 3 absolute", "top 3 threshold 2",
    "floor 0.3 threshold 50",
  ])
  func classesAreFound(options: String) throws {
    let (table, messages) = try shell.run("all | dla by head, span | classify \(options)")
    #expect(table.rowCount == 12)
    var found: [String: String] = [:]
    for (component, name) in zip(try table.texts("component"), try table.texts("class"))
    where name != "none" { found[component] = name }
    #expect(found == Self.heads)
    #expect(messages.contains("1 subject, 1 relation, 1 mixed, 9 none"))
    #expect(messages.contains("the same whichever of the 2 relations is left out"), "\(messages)")
  }

  @Test func classesInNumbers() throws {
    let table = try shell.table("all | dla by head, span | classify floor 0.3")
    // The others are noise, whose order f32 may see otherwise.
    let three = try table.gathered([0, 1, 2])
    for column in ["subject", "relation", "total"] {
      try expectAlike(
        try three.numbers(column), Array(try shell.expected.numbers("classes", column).prefix(3)),
        within: 1e-5, column)
    }
    #expect(
      try three.texts("component")
        == shell.expected.texts("classes", "component").prefix(3).map(\.self))
    let rows = try shell.table("all | dla by head, span | classify floor 0.3 thresholds 2, 10, 50")
    #expect(try rows.numbers("count") == [1, 1, 1, 9, 1, 1, 1, 9, 1, 1, 1, 9])
    #expect(try rows.numbers("stable") == [1, 1, 1, 9, 1, 1, 1, 9, 1, 1, 1, 9])
  }

  /// Whoever is asked about, the relation head says the same.
  @Test func theRelationHeadDoesNotDependOnTheSubject() throws {
    let rows = try shell.table(
      "\(attribution) | where component == \"L1H0\" and span == \"relation\""
        + " | group by relation min dla max dla mean dla_R")
    let (low, high) = (try rows.numbers("min_dla"), try rows.numbers("max_dla"))
    #expect(zip(low, high).allSatisfy { $0 > 2 && $1 - $0 < 0.01 * $0 })
    // All of R, the answer no more than the others.
    #expect(zip(high, try rows.numbers("dla_R")).allSatisfy { $0 < $1 })
  }

  /// What is true of the subject, under either relation, though only one is asked.
  @Test func theSubjectHeadDoesNotDependOnTheRelation() throws {
    let rows = try shell.table(
      "\(attribution) | where component == \"L1H2\" and span == \"subject\"")
    let (relations, values) = (try rows.texts("relation"), try rows.numbers("dla_S"))
    let lives = zip(relations, values).filter { $0.0 == "lives" }.map(\.1)
    let plays = zip(relations, values).filter { $0.0 == "plays" }.map(\.1)
    #expect(lives.count == 4 && plays.count == 4)
    for (one, other) in zip(lives, plays) { #expect(one > 2.5 && abs(one - other) < 0.02 * one) }
    // R without the answer it does not know.
    #expect(try rows.numbers("dla_R").allSatisfy { abs($0) < 0.05 })
  }

  /// The MLP lifts R, and does not prefer the answer.
  @Test func theMLPLiftsAllOfR() throws {
    let rows = try shell.table("all | dla on answer, R | where component == \"L2.mlp\"")
    let (answer, others) = (try rows.numbers("dla"), try rows.numbers("dla_R"))
    for (answer, others) in zip(answer, others) {
      #expect(others > 1 && answer < others && answer > 0.9 * others)
    }
    let fact = try #require(try shell.expected.facts().first)
    let tokens = ([fact.answer] + fact.ofRelation).map(String.init).joined(separator: ", ")
    let each = try shell.table(
      "all | take 1 | dla on \(tokens) | where component == \"L2.mlp\"")
    let values = try each.columns.suffix(5).map { try #require($0.values.number(0)) }
    #expect((values.min() ?? 0) > 0.9 * (values.max() ?? 0))
  }

  /// No mechanism finds an answer by itself, nor do the relation head and the MLPs; all of them do.
  @Test func theSumSucceedsWhereThePartsFail() throws {
    try shell.define(
      "let classes = all | dla by head, span | classify floor 0.3 | where class != \"none\"")
    let (table, _) = try shell.run("all | subsets (classes) with mlps")
    try shell.expectTexts(table, ["subset"], of: "subsets")
    try shell.expectNumbers(table, ["logit"], of: "subsets", within: 1e-4)
    var right: Set<String> = []
    for (subset, isAnswer) in zip(try table.texts("subset"), try table.texts("is_answer"))
    where isAnswer == "true" { right.insert(subset) }
    #expect(
      right == [
        "mixed+subject", "relation+subject", "mixed+relation+subject", "mixed+mlps+subject",
        "mlps+subject", "mlps+relation+subject", "mixed+mlps+relation+subject", "everything",
      ])
    // Of each of the eight facts.
    let counts = try shell.table("result | where is_answer | group by subset count is_answer")
    #expect(try counts.numbers("is_answer") == [Double](repeating: 8, count: 8))
  }

  @Test func withoutTheSubjectHeadNoAnswerIsFound() throws {
    #expect(
      try shell.table("all | rank").numbers("rank") == [Double](repeating: 1, count: 8))
    let cut = "all | ablate L1H2@last"
    #expect(try shell.table("\(cut) | rank").numbers("rank").allSatisfy { $0 > 1 })
    let tops = try shell.table("\(cut) | logits | where rank == 1")
    let wanted = try shell.expected.numbers("without_subject")
    #expect(try tops.numbers("token_id") == wanted)
    // A head that does nothing is not missed.
    #expect(
      try shell.table("all | ablate L2H0@last | rank").numbers("rank")
        == [Double](repeating: 1, count: 8))
  }
}
