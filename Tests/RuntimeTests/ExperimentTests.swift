import Testing

@testable import Runtime

/// Attributions of facts on the answer, R and S, within 1e-5.
@Suite("DLA on answer, R and S, against float64")
struct ExperimentTests {
  private static let columns = ["dla", "dla_R", "dla_S"]

  /// What the rows are of: facts, and of each the components, or heads and spans.
  private func places(_ shell: Experiment, bySpan: Bool) throws -> (
    prompts: [String], relations: [String], components: [String], spans: [String]
  ) {
    let components = try shell.expected.texts("components")
    var rows: [(ExpectedFact, String, String)] = []
    for fact in try shell.expected.facts() {
      for component in components where !bySpan || component.contains("H") {
        rows += (bySpan ? fact.groups : [""]).map { (fact, component, $0) }
      }
    }
    return (
      rows.map(\.0.text), rows.map(\.0.relation), rows.map(\.1), rows.map(\.2)
    )
  }

  private func check(_ shell: Experiment, _ line: String, of key: String, bySpan: Bool) throws {
    let (table, messages) = try shell.run(line)
    let places = try places(shell, bySpan: bySpan)
    #expect(try table.texts("prompt") == places.prompts)
    #expect(try table.texts("relation") == places.relations)
    #expect(try table.texts("component") == places.components)
    if bySpan { #expect(try table.texts("span") == places.spans) }
    try shell.expectNumbers(table, Self.columns, of: key)
    #expect(table.measure == "dla")
    #expect(messages.contains("the parts sum to the model's"), "\(messages)")
  }

  @Test func components() throws {
    try check(
      try Experiment.tiny(), "all | dla on answer, R, S", of: "by_component", bySpan: false)
  }

  @Test func headsAndSpans() throws {
    try check(
      try Experiment.tiny(), "all | dla by head, span on answer, R, S", of: "by_head_span",
      bySpan: true)
  }

  @Test func centred() throws {
    try check(
      try Experiment.tiny(), "all | dla by head, span on answer, R, S centred", of: "centred",
      bySpan: true)
  }

  @Test func withBiases() throws {
    let shell = try Experiment.gpt2()
    try check(shell, "all | dla on answer, R, S", of: "by_component", bySpan: false)
    try check(shell, "all | dla by head, span on answer, R, S", of: "by_head_span", bySpan: true)
    try check(shell, "all | dla on answer, R, S centred", of: "centred", bySpan: false)
  }

  /// One column by itself has the same numbers, and no rows of prompts without it.
  @Test(arguments: ["R", "S"])
  func aloneAsAmongOthers(name: String) throws {
    let shell = try Experiment.tiny()
    let (table, messages) = try shell.run("all | dla on \(name)")
    let numbers = try shell.expected.numbers("by_component", "dla_\(name)").filter { !$0.isNaN }
    try expectAlike(try table.numbers("dla_\(name)"), numbers, within: 1e-5, name)
    #expect(table.measure == "dla_\(name)")
    #expect(messages.contains("warning: ") == (name == "S"))
    // Of one there is no S at all, of another only the answer is left to be taken out of it.
    #expect(messages.contains("2 of 23 prompts have no S, and no value there") == (name == "S"))
  }

  /// A prompt that has no such attributes, alone.
  @Test func nothingToBeMeasured() throws {
    let shell = try Experiment.tiny()
    let last = try #require(try shell.expected.facts().last)
    #expect(last.ofSubject.isEmpty)
    let folder = "\(Experiment.fixtures)/experiments/facts"
    for (line, message) in [
      ("prompt \"It is\" -> \" the\" | dla on R", "`on R` needs the attributes of the relation"),
      ("prompt \"It is\" -> \" the\" | dla on answer, S", "'It is' has none"),
      ("facts \"\(folder)/facts.tsv\" \"{subject} is\" | dla on S", "these prompts have none"),
      ("all | dla on R mean", "`mean` is over tokens: R and S are means already"),
      ("all | dla on R of logit_diff", "`on` and `of` do not go together"),
    ] {
      let result = shell.session.running(line)
      #expect(result.status == .failed, "\(line)")
      #expect(result.messages.contains(message), "\(line): \(result.messages)")
    }
  }

  /// Means and intervals of what was attributed: from f32 values, so within 1e-5 too.
  @Test func groupsWithIntervals() throws {
    let shell = try Experiment.tiny()
    let table = try shell.table(
      "all | dla by head, span on answer, R, S | group by component, span"
        + " mean dla, dla_R, dla_S interval 90% seed 7 resamples 200")
    let columns = Self.columns.flatMap { [$0, "\($0)_low", "\($0)_high"] }
    #expect(table.columnNames == ["component", "span"] + columns)
    try shell.expectTexts(table, ["component", "span"], of: "grouped")
    try shell.expectNumbers(table, columns, of: "grouped")
  }

  /// Within a relation the prompts are what is drawn, not their heads.
  @Test func intervalsOfRelations() throws {
    let shell = try Experiment.tiny()
    let table = try shell.table(
      "all | dla by head, span | group by relation, span mean dla interval")
    try shell.expectTexts(table, ["relation", "span"], of: "by_relation")
    try shell.expectNumbers(table, ["dla", "dla_low", "dla_high"], of: "by_relation")
  }
}
