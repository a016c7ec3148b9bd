import Testing

@testable import Runtime

@Suite("Classes of heads, against numpy")
struct ClassifyTests {
  private static let columns = ["subject", "relation", "total"]

  /// Parts within 1e-5; a ratio as far as its divisor can be told.
  private func expectParts(_ table: Table, _ shell: Experiment, of key: String) throws {
    try shell.expectTexts(table, ["component", "class"], of: key)
    try shell.expectNumbers(table, Self.columns, of: key)
    let divisors = try shell.expected.numbers(key, "relation").map(abs)
    func products(_ ratios: [Double]) -> [Double] { zip(ratios, divisors).map { $0 * $1 } }
    try expectAlike(
      products(try table.numbers("ratio")), products(try shell.expected.numbers(key, "ratio")),
      within: 1e-5, "\(key), ratio")
  }

  @Test(arguments: [
    ("plain", "threshold 2"), ("top", "threshold 3 top 6"), ("floor", "threshold 1.5 floor 0.01"),
    ("absolute", "threshold 2 absolute"), ("median", "threshold 2 median positive"),
    ("of_R", "of dla_R threshold 2 absolute median top 8"),
  ])
  func classes(name: String, options: String) throws {
    let shell = try Experiment.tiny()
    let key = "classes.\(name)"
    let (table, messages) = try shell.run(
      "all | dla by head, span on answer, R | classify \(options)")
    try expectParts(table, shell, of: key)
    try shell.expectTexts(table, ["stable"], of: key)
    let names = try table.texts("component")
    #expect(try table.texts("layer") == names.map { String($0.dropFirst().first ?? "?") })
    #expect(try table.texts("head") == names.map { String($0.last ?? "?") })
    #expect(table.measure == "total")

    let classes = try table.texts("class")
    let counts = ["subject", "relation", "mixed", "none"].map { kind in
      "\(classes.count { $0 == kind }) \(kind)"
    }
    #expect(messages.contains("classify: \(counts.joined(separator: ", "))"), "\(messages)")
    let stable = try table.numbers("stable")
    let moved = classes.indices.filter { classes[$0] != "none" && stable[$0] < 3 }
    let matter = classes.count { $0 != "none" }
    #expect(
      messages.contains("; \(matter - moved.count) of \(matter) keep"), "\(messages)")
    #expect(
      messages.contains(moved.prefix(8).map { names[$0] }.joined(separator: ", ")), "\(messages)")
    #expect(messages.contains(" and \(moved.count - 8) more") == (moved.count > 8), "\(messages)")
  }

  /// Nothing can be left out of one relation.
  @Test func oneRelation() throws {
    let shell = try Experiment.tiny()
    let (table, messages) = try shell.run(
      "facts \"\(Experiment.fixtures)/experiments/facts\" relation place | dla by head, span"
        + " | classify threshold 2")
    try expectParts(table, shell, of: "one_relation")
    #expect(table["stable"] == nil)
    #expect(messages.contains("there is one set only, so no relation could be left out"))
  }

  @Test func thresholds() throws {
    let shell = try Experiment.tiny()
    let table = try shell.table(
      "all | dla by head, span | classify top 8 thresholds 1.5, 3, 10")
    #expect(
      table.columnNames == ["threshold", "class", "count", "total", "share", "stable"])
    try shell.expectTexts(table, ["class"], of: "thresholds")
    for column in ["threshold", "count", "stable"] {
      #expect(
        try table.numbers(column) == shell.expected.numbers("thresholds", column), "\(column)")
    }
    // A share is of the sum over all heads, which is small.
    try shell.expectNumbers(table, ["total", "share"], of: "thresholds")
  }

  /// The other way round every ratio is the inverse, and every class the same.
  @Test func theOtherWayRound() throws {
    let shell = try Experiment.tiny()
    let line = "all | dla by head, span | classify"
    let table = try shell.table("\(line) relation, subject threshold 2 absolute")
    #expect(Array(table.columnNames[3...4]) == ["relation", "subject"])
    let usual = try shell.table("\(line) threshold 2 absolute")
    #expect(try table.texts("class") == usual.texts("class"))
    try expectAlike(
      try table.numbers("ratio").map { 1 / $0 }, try usual.numbers("ratio"), within: 1e-12, "ratio")
  }

  // MARK: Borders

  private func classes(
    _ text: String, _ change: (inout HeadClasses) -> Void = { _ in }
  ) throws -> [String] {
    var classes = HeadClasses()
    change(&classes)
    let evidence = try ClassEvidence(try table(text), column: "dla", classes)
    return try classes.classes(of: evidence.parts).map {
      "\(evidence.components[$0.index]) \(classes.name($0.group))"
    }
  }

  private static let borders = """
    component | span     | dla
    at        | subject  | 10
    at        | relation | 1
    above     | subject  | 10.5
    above     | relation | 1
    other     | subject  | 1
    other     | relation | 10
    beyond    | relation | 10.5
    beyond    | subject  | 1
    pulls     | subject  | -20
    pulls     | relation | 1
    alone     | subject  | -0.5
    alone     | relation | 3
    elsewhere | bos      | 2
    """

  /// More than the threshold, not as much.
  @Test func thresholdsAreNotReached() throws {
    #expect(
      try classes(Self.borders) == [
        "above subject", "beyond relation", "at mixed", "other mixed", "alone relation",
        "elsewhere none", "pulls none",
      ])
    #expect(
      try classes(Self.borders) { $0.sign = .absolute } == [
        "pulls subject", "above subject", "beyond relation", "at mixed", "other mixed",
        "alone mixed", "elsewhere none",
      ])
  }

  /// More than the floor, not as much; of two that add the same the first is the larger.
  @Test func floorsAndPlaces() throws {
    #expect(
      try classes(Self.borders) { $0.floor = 11 }.filter { !$0.hasSuffix("none") } == [
        "above subject", "beyond relation",
      ])
    #expect(
      try classes(Self.borders) { $0.top = 3 }.filter { !$0.hasSuffix("none") } == [
        "above subject", "beyond relation", "at mixed",
      ])
  }

  /// Two prompts of one relation count together what one of the other does.
  @Test func relationsCountAlike() throws {
    let text = """
      relation | component | span     | dla
      one      | head      | subject  | 12
      one      | head      | subject  | 8
      one      | head      | subject  | 10
      one      | head      | relation | 1
      two      | head      | subject  | 2
      two      | head      | relation | 0
      """
    let classes = HeadClasses()
    let evidence = try ClassEvidence(try table(text), column: "dla", classes)
    let found = try #require(classes.classes(of: evidence.parts).first)
    #expect(found.parts.first == 6 && found.parts.second == 0.5 && found.parts.total == 6.5)
    #expect(found.ratio == 12 && found.group == .first)
    // Without the second relation it would be mixed.
    #expect(try classes.stability(of: evidence.parts, relations: 2) == [1])
  }

  /// A span that nothing comes through, and values that are missing.
  @Test func holes() throws {
    let text = """
      component | span     | dla
      a         | subject  |
      a         | relation | 1
      b         | subject  | 1
      c         | subject  |
      """
    #expect(try classes(text) == ["a relation", "b subject"])
  }
}
