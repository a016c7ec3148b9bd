import TestSupport
import Testing

@testable import Runtime

@Suite struct TableVerbsTests {
  let heads = """
    component | layer | dla
    L2H10     | 2     | 0.5
    L2H9      | 2     |
    L10H0     | 10    | -3.0
    embed     |       | 0.5
    l2h9      | 2     | 7.25
    """

  @Test(arguments: [
    ([SortKey("component")], "embed L2H9 l2h9 L2H10 L10H0"),
    ([SortKey("component", descending: true)], "L10H0 L2H10 l2h9 L2H9 embed"),
    ([SortKey("dla")], "L10H0 L2H10 embed l2h9 L2H9"),
    ([SortKey("dla", descending: true)], "l2h9 L2H10 embed L10H0 L2H9"),
    ([SortKey("layer"), SortKey("dla", descending: true)], "l2h9 L2H10 L2H9 L10H0 embed"),
    ([SortKey("layer", descending: true)], "L10H0 L2H10 L2H9 l2h9 embed"),
  ])
  func sort(keys: [SortKey], expected: String) throws {
    let sorted = try table(heads).sorted(by: keys)
    let names = (0..<sorted.rowCount).map { sorted.columns[0][$0].description }
    #expect(names.joined(separator: " ") == expected)
  }

  @Test(arguments: [
    ("a", "b", -1), ("L2H9", "L2H10", -1), ("L2H9", "L2H9", 0), ("L02", "L2", 1),
    ("a1b", "a01a", 1),
    ("a", "A", 1), ("Ab", "ab", -1), ("aB", "Ab", 1), ("", "a", -1), ("x9", "x", 1), ("é", "f", 1),
    ("99999999999999999999999", "100000000000000000000000", -1), ("L3.mlp", "L3H1", -1),
    ("embed", "L0H0", -1), (" Italy", "Italy", -1),
  ])
  func naturalOrdering(one: String, other: String, sign: Int) {
    #expect(naturalOrder(one, other).signum() == sign)
    #expect(naturalOrder(other, one).signum() == -sign)
  }

  @Test func naturalOrderIsAnOrder() {
    var chance = SeededGenerator(seed: 7)
    let texts = (0..<60).map { _ in
      String(
        (0..<Int.random(in: 0...4, using: &chance)).map { _ in
          "aA019.".randomElement(using: &chance)!
        })
    }
    for a in texts {
      for b in texts {
        #expect(naturalOrder(a, b).signum() == -naturalOrder(b, a).signum())
        if naturalOrder(a, b) == 0 { #expect(a == b) }
        for c in texts where naturalOrder(a, b) <= 0 && naturalOrder(b, c) <= 0 {
          #expect(naturalOrder(a, c) <= 0, "\(a) \(b) \(c)")
        }
      }
    }
  }

  @Test func topIsSignedAndByTheMeasure() throws {
    let ranked = try table(heads, measure: "layer")
    #expect(lines(try ranked.top(2)) == ["component|layer|dla", "L10H0|10|-3.0", "L2H10|2|0.5"])
    #expect(lines(try ranked.top(1, by: "dla")) == ["component|layer|dla", "l2h9|2|7.25"])
    let unmeasured = try table(heads)
    #expect(try unmeasured.top(1).columns[0][0] == .text("l2h9"))
    #expect(try unmeasured.top(99).rowCount == 5)
    #expect(try unmeasured.top(0).columnNames == ["component", "layer", "dla"])
    #expect(try failure { _ = try unmeasured.top(-1) }.message.contains("not -1"))
    #expect(try failure { _ = try unmeasured.top(1, by: "component") }.message.contains("text"))
    #expect(try failure { _ = try table("a\nx").top(1) }.help == "the columns are `a`")
  }

  @Test func aFewOfManyAreThoseOfTheSortedTable() throws {
    var chance = SeededGenerator(seed: 3)
    for count in [0, 1, 3, 12] {
      for _ in 0..<50 {
        let values = (0..<100).map { _ in
          [Float.nan, -.infinity, .infinity, 0].randomElement(using: &chance)!
            + Float(Int.random(in: 0...5, using: &chance))
        }
        let table = Table(columns: [
          Column("n", .integers((0..<100).map { $0 })), Column("x", .singles(values)),
        ])
        let sorted = try table.sorted(by: [SortKey("x", descending: true)]).take(count)
        #expect(try table.top(count) == sorted)
      }
    }
  }

  @Test(arguments: [
    (2, "1 2"), (-2, "2 3"), (0, ""), (9, "1 2 3"), (-9, "1 2 3"), (Int.min, "1 2 3"),
  ])
  func take(count: Int, expected: String) throws {
    let taken = try table("a\n1\n2\n3").take(count)
    #expect(lines(taken).dropFirst().joined(separator: " ") == expected)
  }

  @Test func columns() throws {
    let all = try table("a | b | c\n1 | x | 2", measure: "c")
    #expect(lines(try all.selecting(["c", "a"])) == ["c|a", "2|1"])
    #expect(try all.selecting(["c", "a"]).measure == "c")
    #expect(try all.selecting(["a"]).measure == nil)
    #expect(lines(try all.dropping(["b"])) == ["a|c", "1|2"])
    #expect(try all.renaming("c", to: "d").measure == "d")
    #expect(lines(try all.setting(Column("b", .integers([9])))) == ["a|b|c", "1|9|2"])
    #expect(lines(try all.setting(Column("z", .integers([9])))) == ["a|b|c|z", "1|x|2|9"])
    #expect(try failure { _ = try all.selecting(["a", "a"]) }.message == "`a` is selected twice")
    #expect(try failure { _ = try all.renaming("a", to: "b") }.message.contains("already"))
    #expect(
      try failure { _ = try all.setting(Column("z", .integers([]))) }.message.contains("0 values"))
  }

  @Test func anUnknownColumnNamesWhatIsThere() throws {
    let there = try table("component | layer | logit_diff\nx | 1 | 2")
    let slip = try failure { _ = try there.sorted(by: [SortKey("logit_dif")]) }
    #expect(slip.message == "there is no column `logit_dif`")
    #expect(
      slip.help
        == "did you mean `logit_diff`? the columns are `component`, `layer` and `logit_diff`")
    #expect(slip.status == .failed)
    let other = try failure { _ = try there.column("xyz") }
    #expect(other.help == "the columns are `component`, `layer` and `logit_diff`")
  }

  @Test func filterCountsWhatIsUndecided() throws {
    let (kept, warnings) = try table("a\n1\n2\n3").filtered(by: [true, nil, false])
    #expect(lines(kept) == ["a", "1"])
    #expect(warnings == ["1 row left out: the condition is missing there"])
    #expect(try table("a\n1").filtered(by: [true]).warnings.isEmpty)
    #expect(throws: Failure.self) { try table("a\n1").filtered(by: []) }
  }

  @Test func stacked() throws {
    let rows = try table("a | b\n1 | x\n1 | y\n1 | x\n  | x")
    #expect(lines(try rows.gathered([0, 1, 2, 3])) == lines(rows))
    let stacked = try Table.stacked([rows, try table("b | c\nz | 0.5")])
    #expect(lines(stacked) == ["a|b|c", "1|x|", "1|y|", "1|x|", "|x|", "|z|0.5"])
    #expect(stacked.columns.map(\.kind) == [.integers, .texts, .doubles])
    #expect(try Table.stacked([]).rowCount == 0)
  }

  @Test func summary() throws {
    let summary = try table("name | n | x\na | 1 | 0.5\nb | 3 |\na | 2 | -1.5").summary()
    #expect(
      lines(summary) == [
        "column|type|count|missing|min|mean|max|distinct", "name|text|3|0||||2",
        "n|integer|3|0|1.0|2.0|3.0|3", "x|f64|2|1|-1.5|-0.5|0.5|2",
      ])
  }

  @Test func emptyTablesKeepTheirColumns() throws {
    let empty = try table("a | b | x\n1 | y | 0.5", measure: "x").take(0)
    #expect(try empty.sorted(by: [SortKey("a")]).columnNames == ["a", "b", "x"])
    #expect(try empty.top(3).columnNames == ["a", "b", "x"])
    #expect(try empty.filtered(by: []).table.columnNames == ["a", "b", "x"])
    #expect(try empty.grouped(by: ["a"], [Aggregate(.mean, "x")]).table.columnNames == ["a", "x"])
    #expect(try empty.pivoted(rows: ["a"], column: "b").columnNames == ["a"])
    #expect(
      try empty.joined(with: empty, on: ["a"]).table.columnNames == ["a", "b", "x", "b_2", "x_2"])
    #expect(try empty.summary().rowCount == 3)
  }

  @Test func cellsFindTheirType() {
    #expect(Values([.integer(1), .missing]) == .integers([1, nil]))
    #expect(Values([.integer(1), .double(0.5)]) == .doubles([1, 0.5]))
    #expect(Values([.integer(1), .single(0.5)]) == .doubles([1, 0.5]))
    #expect(Values([.single(1), .single(0.5)]) == .singles([1, 0.5]))
    #expect(Values([.boolean(true), .integer(1)]) == .texts(["true", "1"]))
    #expect(Values([.text("a"), .missing, .double(0.1)]) == .texts(["a", nil, "0.1"]))
    #expect(Values([.missing]) == .texts([nil]))
    #expect(Values([.missing], fallback: .integers) == .integers([nil]))
    #expect(Values.singles([.nan])[0] == .missing)
  }
}
