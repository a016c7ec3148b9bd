import Testing

@testable import Runtime

@Suite struct TableGroupTests {
  let spans = """
    component | span | dla   | n
    L1H0      | subj | 0.25  | 3
    L0H1      | subj | 1.5   | 1
    L1H0      | bos  |       | 5
    L1H0      | subj | -0.75 | 4
    L1H0      | bos  |       | 9
    """

  @Test func groupsComeInOrderOfAppearance() throws {
    let (grouped, warnings) = try table(spans, measure: "dla").grouped(
      by: ["component", "span"], [Aggregate(.mean, "dla")])
    #expect(
      lines(grouped) == ["component|span|dla", "L1H0|subj|-0.25", "L0H1|subj|1.5", "L1H0|bos|"])
    #expect(grouped.measure == "dla")
    #expect(warnings == ["mean dla: 2 of 5 rows skipped, the value is missing there"])
  }

  /// The numbers of `n`: mean, median, stdev of Python's `statistics`.
  @Test(arguments: [
    (AggregateFunction.mean, "5.25", "1.0"), (.sum, "21", "1"), (.min, "3", "1"),
    (.max, "9", "1"), (.count, "4", "1"), (.median, "4.5", "1.0"),
    (.std, "2.6299556396765835", ""), (.first, "3", "1"), (.last, "9", "1"), (.distinct, "4", "1"),
  ])
  func aggregates(function: AggregateFunction, large: String, small: String) throws {
    let grouped = try table(spans).grouped(by: ["component"], [Aggregate(function, "n")]).table
    #expect(lines(grouped) == ["component|n", "L1H0|\(large)", "L0H1|\(small)"])
  }

  @Test func everyFunctionIsTested() {
    #expect(AggregateFunction.allCases.count == 10)
  }

  @Test func missingIsSkippedButCountedByNobody() throws {
    let all: [AggregateFunction] = [.count, .sum, .min, .first, .last, .median, .distinct]
    let grouped = try table(spans).grouped(by: ["span"], all.map { Aggregate($0, "dla") }).table
    #expect(lines(grouped)[1] == "subj|3|1.0|-0.75|0.25|-0.75|0.25|3")
    #expect(lines(grouped)[2] == "bos|0||||||0")
  }

  @Test func severalOfOneColumnAreNamedApart() throws {
    let grouped = try table(spans).grouped(
      by: ["component"],
      [
        Aggregate(.min, "n"), Aggregate(.max, "n"), Aggregate(.count),
        Aggregate(.first, "component"),
      ])
    #expect(
      lines(grouped.table) == [
        "component|min_n|max_n|count|first_component", "L1H0|3|9|4|L1H0", "L0H1|1|1|1|L0H1",
      ])
    #expect(try table(spans).grouped(by: ["span"], []).table.columnNames == ["span", "count"])
    #expect(lines(try table(spans).grouped(by: [], [Aggregate(.sum, "n")]).table) == ["n", "22"])
  }

  @Test func textsHaveAnOrderButNoMean() throws {
    let names = try table(spans).grouped(by: ["span"], [Aggregate(.min, "component")]).table
    #expect(lines(names) == ["span|component", "subj|L0H1", "bos|L1H0"])
    let mean = try failure {
      _ = try table(spans).grouped(by: ["span"], [Aggregate(.mean, "component")])
    }
    #expect(mean.message == "`mean` needs numbers, and `component` is of type text")
    #expect(
      try failure { _ = try table(spans).grouped(by: ["spam"], []) }.help?.contains("`span`")
        == true)
    #expect(throws: Failure.self) { try table(spans).grouped(by: ["span", "span"], []) }
    #expect(throws: Failure.self) {
      try table(spans).grouped(by: ["span"], [Aggregate(.mean, "n"), Aggregate(.mean, "n")])
    }
    #expect(throws: Failure.self) { try table(spans).grouped(by: ["span"], [Aggregate(.mean)]) }
  }

  @Test func sumsThatOverflowBecomeFloats() throws {
    let huge = Table(columns: [Column("n", .integers([Int.max, 1]))])
    let sum = try huge.grouped(by: [], [Aggregate(.sum, "n")]).table
    #expect(sum.columns[0].values == .doubles([0x1p63]))
  }

  @Test func meansOfSinglesAccumulateInDouble() throws {
    let values = [Float](repeating: 0.1, count: 1000)
    let mean = try Table(columns: [Column("x", .singles(values))])
      .grouped(by: [], [Aggregate(.mean, "x")]).table
    let expected = values.reduce(0.0) { $0 + Double($1) } / 1000
    #expect(mean.columns[0].values == .doubles([expected]))
  }

  @Test func pivot() throws {
    let long = try table(
      """
      component | span | dla
      L1H0      | subj | 0.25
      L0H1      | bos  | 1.5
      L1H0      | bos  | -1.0
      L2H0      |      | 2.0
      """, measure: "dla")
    #expect(
      lines(try long.pivoted(rows: ["component"], column: "span")) == [
        "component|subj|bos|missing", "L1H0|0.25|-1.0|", "L0H1||1.5|", "L2H0|||2.0",
      ])
    #expect(
      lines(try long.pivoted(rows: ["dla"], column: "span", value: "component"))[1]
        == "0.25|L1H0||")
    let twice = try Table.stacked([long, try long.take(1)])
    let duplicate = try failure { _ = try twice.pivoted(rows: ["component"], column: "span") }
    #expect(
      duplicate.message
        == "the pivot has several rows for one cell: component = \"L1H0\", span = \"subj\"")
    #expect(duplicate.help?.contains("group by component, span mean dla") == true)
    #expect(throws: Failure.self) { try long.pivoted(rows: ["span"], column: "span") }
    #expect(throws: Failure.self) { try long.pivoted(rows: ["dla"], column: "span") }
    #expect(
      try failure { _ = try long.pivoted(rows: ["componet"], column: "span") }.help?
        .contains("did you mean `component`?") == true)
  }

  @Test func aPivotOfMillionsIsRefused() throws {
    let many = Table(
      columns: [
        Column("a", .integers((0..<8000).map { $0 })),
        Column("b", .integers((0..<8000).map { $0 })),
        Column("x", .doubles([Double](repeating: 1, count: 8000))),
      ], measure: "x")
    let refused = try failure { _ = try many.pivoted(rows: ["a"], column: "b") }
    #expect(refused.message == "the pivot would have 8,000 rows and 8,000 columns")
  }

  @Test func join() throws {
    let dla = try table(
      "component | head | dla\nL1H0 | 0 | 0.5\nL1.mlp | | 2.0\nL9H9 | 9 | 7.0", measure: "dla")
    let effect = try table(
      "component | head | dla | effect\nL1.mlp | | 2.0 | -1\nL1H0 | 0 | 8.0 | -2\nL1H0 | 0 | 8.5 | -3",
      measure: "effect")
    let (inner, warnings) = try dla.joined(with: effect)
    #expect(
      lines(inner) == [
        "component|head|dla|dla_2|effect", "L1H0|0|0.5|8.0|-2", "L1H0|0|0.5|8.5|-3",
        "L1.mlp||2.0|2.0|-1",
      ])
    #expect(inner.measure == "dla")
    #expect(warnings == ["1 row of 3 left out: no match in the other table"])
    let left = try dla.joined(with: effect, keepingUnmatched: true)
    #expect(lines(left.table).last == "L9H9|9|7.0||")
    #expect(left.warnings.isEmpty)
    #expect(
      lines(try dla.joined(with: effect, on: ["head"]).table)[0]
        == "component|head|dla|component_2|dla_2|effect")
    #expect(throws: Failure.self) { try dla.joined(with: try table("x\n1")) }
    #expect(throws: Failure.self) { try dla.joined(with: try table("head\nx"), on: ["head"]) }
    let whole = Table(columns: [Column("head", .doubles([9.0])), Column("y", .integers([1]))])
    #expect(lines(try dla.joined(with: whole, on: ["head"]).table).last == "L9H9|9|7.0|1")
  }
}
