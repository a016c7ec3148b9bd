import Testing

@testable import Runtime

/// Draws of rows. Which rows they are is from `sample` of `Scripts/reference/paper/parts.py`, in Python.
@Suite struct SamplingTests {
  /// The rows 0 to 13, a letter each.
  private let letters = Table(columns: [
    Column("row", .integers((0..<14).map { $0 })),
    Column("letter", .texts("abbabcbccbaaca".map(String.init))),
  ])

  struct Draw: CustomTestStringConvertible {
    var size: Sample.Size
    var names: [String]
    var seed: Int
    var expected: String

    init(_ size: Sample.Size, by names: [String] = [], seed: Int = 0, _ expected: String) {
      (self.size, self.names, self.seed, self.expected) = (size, names, seed, expected)
    }

    var testDescription: String { "\(size) by \(names) seed \(seed)" }
  }

  private static let like = Sample.Size.like([[.text("a")]: 2, [.text("c")]: 1])

  static let draws = [
    Draw(.count(5), "2 5 6 12 13"), Draw(.count(5), seed: 7, "1 5 8 9 12"),
    Draw(.count(2), by: ["letter"], "5 6 7 9 10 13"),
    Draw(.count(2), by: ["letter"], seed: -3, "0 4 5 7 9 13"),
    Draw(.share(0.5), "2 4 5 6 7 12 13"),
    // Of five of each 2.5, which is 3; of four 2.
    Draw(.share(0.5), by: ["letter"], "1 3 5 6 7 9 10 13"),
    Draw(.share(0.25), by: ["letter"], seed: 4, "2 5 10"),
    Draw(like, by: ["letter"], seed: 1, "7 10 11"),
    Draw(.count(0), ""), Draw(.share(1), "0 1 2 3 4 5 6 7 8 9 10 11 12 13"),
  ]

  @Test(arguments: draws)
  func drawn(draw: Draw) throws {
    let (rows, warnings) = try Sample(size: draw.size, seed: draw.seed)
      .rows(of: letters, by: draw.names)
    #expect(rows.map(String.init).joined(separator: " ") == draw.expected)
    #expect(warnings.isEmpty)
    let rest = try Sample(size: draw.size, seed: draw.seed, takesRest: true)
      .rows(of: letters, by: draw.names).rows
    #expect((rows + rest).sorted() == Array(0..<14))
  }

  /// What a group gives does not depend on what else the table has after it.
  @Test func laterGroupsChangeNothing() throws {
    let sample = Sample(size: .count(2), seed: 5)
    let first = try letters.gathered([0, 3, 10, 11, 13])
    let drawn = try sample.rows(of: first, by: ["letter"]).rows.map { [0, 3, 10, 11, 13][$0] }
    let all = try sample.rows(of: letters, by: ["letter"]).rows
    #expect(drawn == all.filter { [0, 3, 10, 11, 13].contains($0) })
  }

  @Test func fewerThanWanted() throws {
    let (rows, warnings) = try Sample(size: .count(20)).rows(of: letters, by: [])
    #expect(rows == Array(0..<14))
    #expect(warnings == ["6 rows fewer than requested: there are no more to draw from"])
    // Four c's there are, and no d at all.
    let wanted = Sample.Size.like([[.text("c")]: 5, [.text("d")]: 2])
    let (some, said) = try Sample(size: wanted).rows(of: letters, by: ["letter"])
    #expect(some == [5, 7, 8, 12])
    #expect(said == ["3 rows fewer than requested: there are no more to draw from"])
    #expect(throws: Failure.self) {
      try Sample(size: .count(1)).rows(of: letters, by: ["letters"])
    }
  }

  @Test func asManyAsAnotherTableHas() throws {
    let counts = try Sample.Size.counts(letters, by: ["letter"])
    #expect(counts == [[.text("a")]: 5, [.text("b")]: 5, [.text("c")]: 4])
    #expect(try Sample.Size.counts(letters, by: []) == [[]: 14])
  }
}

/// Correlations, against numpy's `corrcoef` of the values, and of ranks with the mean for ties.
@Suite struct CorrelationTests {
  private let pairs = """
    kind | x | y
    a    | 1 | 2.5
    a    | 2 | 2
    a    | 2 | 7
    b    | 1 | -1
    a    | 4 | 7
    a    | 4 | 7
    a    | 9 | 30
    a    |   | 8
    b    | 3 | -1
    c    | 5 | 1
    b    | 2 | -1
    c    | 5 |
    d    | 1 | 3
    d    | 2 | 1
    """

  private func check(
    _ found: Table, _ wanted: [(count: Int, r: Double, rho: Double, slope: Double)]
  )
    throws
  {
    #expect(try found.texts("count") == wanted.map { String($0.count) })
    try expectAlike(try found.numbers("pearson"), wanted.map(\.r), within: 1e-14, "pearson")
    try expectAlike(try found.numbers("spearman"), wanted.map(\.rho), within: 1e-14, "spearman")
    try expectAlike(try found.numbers("slope"), wanted.map(\.slope), within: 1e-14, "slope")
  }

  @Test func ofGroups() throws {
    let (found, warnings) = try table(pairs).correlated("x", "y", by: ["kind"])
    #expect(found.columnNames == ["kind", "count", "pearson", "spearman", "slope"])
    #expect(found.measure == "pearson")
    #expect(try found.texts("kind") == ["a", "b", "c", "d"])
    try check(
      found,
      [
        (6, 0.9537537841579786, 0.8128970193249391, 3.4596774193548385),
        // What does not differ goes with nothing, and a line over it is level.
        (3, .nan, .nan, 0), (1, .nan, .nan, .nan), (2, -1, -1, -2),
      ])
    #expect(warnings == ["2 rows left out: one of the two is missing there"])
  }

  @Test func ofAll() throws {
    let (found, _) = try table(pairs).correlated("x", "y", by: [])
    #expect(found.columnNames == ["count", "pearson", "spearman", "slope"])
    try check(found, [(12, 0.8285588625425138, 0.366810308165845, 3.068965517241379)])
  }

  @Test func ofNothing() throws {
    let empty = try table(pairs).take(0)
    #expect(try empty.correlated("x", "y", by: []).table.rowCount == 0)
    for (x, y, names) in [("x", "kind", []), ("x", "z", []), ("x", "y", ["z"])] {
      #expect(throws: Failure.self) { try table(pairs).correlated(x, y, by: names) }
    }
    let twice = try failure {
      _ = try table("count | x\n1 | 2").correlated("x", "x", by: ["count"])
    }
    #expect(twice.message == "the table would have the column `count` twice")
  }

  /// The sum of what is true or false is the number of what is true, the mean its share; what is
  /// missing is none of it.
  @Test func meansOfTruths() throws {
    let truths = Table(columns: [
      Column("kind", .texts(["a", "a", "a", "b", "b"])),
      Column("hits", .booleans([true, false, true, nil, false])),
    ])
    let shares = try truths.grouped(by: ["kind"], [Aggregate(.mean, "hits")]).table
    #expect(try shares.numbers("hits") == [2.0 / 3, 0])
    let counts = try truths.grouped(by: ["kind"], [Aggregate(.sum, "hits")]).table
    #expect(try counts.numbers("hits") == [2, 0])
    let interval = try truths.grouped(by: [], [Aggregate(.mean, "hits")], bootstrap: Bootstrap())
    #expect(interval.table.columnNames == ["hits", "hits_low", "hits_high"])
  }
}
