import Testing

@testable import Runtime

/// The bootstrap by itself, on literal numbers: within 1e-12 of what Python draws and numpy makes of
/// it.
@Suite struct BootstrapTests {
  private static let folder = "\(Experiment.fixtures)/experiments"

  @Test(arguments: [
    ("plain", "bootstrap.tsv", "key", "interval"),
    ("seeded", "bootstrap.tsv", "key", "interval 80% seed 42 resamples 101"),
    ("by_prompt", "bootstrap.tsv", "key, prompt", "interval 0.5 seed 3 resamples 64"),
    ("unprompted", "unprompted.tsv", "key", "interval 0.99 seed (0 - 1) resamples 500"),
  ])
  func intervals(name: String, file: String, keys: String, interval: String) throws {
    let session = Session(host: TestHost(format: .tsv))
    let result = session.running(
      "let result = read \"\(Self.folder)/\(file)\" | group by \(keys) mean value \(interval)")
    #expect(result.status == .done, "\(result.messages)")
    guard case .table(let value)? = session.lookUp("result") else {
      Issue.record("no table")
      return
    }
    let expected = try Expected("\(Self.folder)/bootstrap.json")
    #expect(try value.table.texts("key") == expected.texts(name, "key"))
    for column in ["value", "value_low", "value_high"] {
      try expectAlike(
        try value.table.numbers(column), try expected.numbers(name, column), within: 1e-12,
        "\(name), \(column)")
    }
    // One row is of a group of its own.
    #expect(result.messages.contains("1 of "))
    #expect(result.messages.contains("fewer than two "))
    #expect(result.messages.contains(name == "plain" ? "prompts, and" : "and no interval"))
  }

  /// The row or prompt that a group has more does not move the interval of another.
  @Test func groupsDoNotDependOnEachOther() throws {
    let text = "key | x\na | 1\na | 2\na | 4\nb | 7\nb | 9"
    func interval(_ text: String) throws -> [Double] {
      let grouped = try table(text).grouped(
        by: ["key"], [Aggregate(.mean, "x")], bootstrap: Bootstrap())
      return [try grouped.table.numbers("x_low")[0], try grouped.table.numbers("x_high")[0]]
    }
    #expect(try interval(text) == interval("key | x\na | 1\na | 2\na | 4"))
    #expect(try interval(text) == interval("key | x\na | 1\nb | 0\na | 2\na | 4"))
  }

  /// numpy.quantile(x, q) by hand: between the two values that it lies between.
  @Test(arguments: [
    (0.0, 1.0), (1.0, 8.0), (0.5, 3.0), (0.25, 1.75), (0.9, 6.8), (0.625, 3.75),
  ])
  func quantiles(share: Double, wanted: Double) {
    #expect(abs(Bootstrap.quantile(share, of: [1, 2, 4, 8].map(Double.init)) - wanted) < 1e-12)
  }

  @Test func whatIsAlwaysTheSameIsCertain() throws {
    let grouped = try table("x\n2.5\n2.5\n2.5").grouped(
      by: [], [Aggregate(.mean, "x")], bootstrap: Bootstrap())
    #expect(lines(grouped.table) == ["x|x_low|x_high", "2.5|2.5|2.5"])
  }
}
