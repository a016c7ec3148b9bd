import Model
import TestSupport
import Testing

@testable import Runtime

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

@Suite("What classes of components say without the others, against float64")
struct SubsetsTests {
  private static let folder = "\(Experiment.fixtures)/experiments"

  /// Logits within 1e-5 of logits of order 1; the likeliest token; the rank, where f32 can tell.
  private func check(
    _ table: Table, _ shell: Experiment, of key: String, prompts: [ExpectedFact]
  ) throws {
    try shell.expectTexts(table, ["subset"], of: key)
    try shell.expectNumbers(table, ["size", "logit"], of: key)
    let rows = table.rowCount / prompts.count
    let answers = prompts.flatMap { [Int](repeating: $0.answer, count: rows) }
    #expect(
      try table.texts("prompt") == prompts.flatMap { [String](repeating: $0.text, count: rows) })
    let tokenizer = try #require(shell.session.model).tokenizer
    #expect(try table.texts("answer") == answers.map(tokenizer.text))
    let tokens = try shell.expected.list(key, "token").map(\.double)
    #expect(
      try table.texts("token") == tokens.map { $0.isNaN ? "" : tokenizer.text(of: Int($0)) })
    #expect(
      try table.texts("is_answer") == zip(tokens, answers).map { "\($0 == Double($1))" })
    let ranks = try table.numbers("rank")
    for (row, wanted) in try shell.expected.list(key, "rank").enumerated() {
      guard let bounds = wanted.array?.map(\.double) else {
        #expect(ranks[row].isNaN, "row \(row): nothing has a rank")
        continue
      }
      #expect((bounds[0]...bounds[1]).contains(ranks[row]), "row \(row): \(ranks[row])")
    }
  }

  @Test func allSixteen() throws {
    let shell = try Experiment.tiny()
    try shell.define("let classes = read \"\(Self.folder)/classes.tsv\"")
    let (table, messages) = try shell.run(
      "facts \"\(Self.folder)/facts\" relation word | take 3 | subsets (classes) with mlps")
    let facts = try shell.expected.facts().filter { $0.relation == "word" }.prefix(3)
    #expect(table.rowCount == 17 * 3)
    try check(table, shell, of: "subsets", prompts: Array(facts))
    #expect(table["partition"] == nil)
    #expect(table.measure == "logit")
    try expectClosed(messages)
  }

  @Test func byLot() throws {
    let shell = try Experiment.tiny()
    try shell.define("let classes = read \"\(Self.folder)/classes.tsv\"")
    let line = "facts \"\(Self.folder)/facts\" relation word | take 3 | subsets (classes)"
    let table = try shell.table("\(line) random 3 seed 5")
    let facts = try shell.expected.facts().filter { $0.relation == "word" }.prefix(3)
    #expect(table.rowCount == (9 + 3 * 8) * 3)
    #expect(
      try table.numbers("partition") == shell.expected.numbers("partitions", "partition"))
    try check(table, shell, of: "partitions", prompts: Array(facts))
    // A partition is the same whoever comes after it; another seed gives others.
    let fewer = try shell.table("\(line) random 1 seed 5")
    let first = try table.numbers("logit").prefix(17)
    #expect(try fewer.numbers("logit").prefix(17) == first)
    #expect(try shell.table("\(line) random 1 seed 6").numbers("logit").prefix(17) != first)
  }

  /// With a component for each kind of bias.
  @Test func withBiases() throws {
    let shell = try Experiment.gpt2()
    try shell.define("let classes = read \"\(Self.folder)/gpt2-classes.tsv\"")
    let (table, messages) = try shell.run("all | take 2 | subsets (classes) with mlps")
    try check(
      table, shell, of: "subsets", prompts: Array(try shell.expected.facts().prefix(2)))
    try expectClosed(messages)
  }

  /// All components together give the model's logits within 1e-5.
  private func expectClosed(_ messages: String) throws {
    let pattern = /give the model's own logits within ([0-9.e-]+)/
    let gap = try #require(try pattern.firstMatch(in: messages).flatMap { Double($0.output.1) })
    #expect(gap < 1e-5, "\(messages)")
  }

  /// A class of one head says what `dla` has of it, to the bit of f32's rounding.
  @Test func oneHeadIsItsAttribution() throws {
    let shell = try Experiment.tiny()
    try shell.define("let few = all | take 1 | dla by head | take 3 | derive class = component")
    let table = try shell.table("all | take 1 | subsets (few)")
    let dla = try shell.table("few").numbers("dla")
    let logits = Dictionary(
      uniqueKeysWithValues: zip(try table.texts("subset"), try table.numbers("logit")))
    for (head, value) in zip(["L0H0", "L0H1", "L0H2"], dla) {
      #expect(abs(try #require(logits[head]) - value) < 1e-6)
    }
  }

  /// A row a span, as `dla by head, span` has them, is no second component.
  @Test func aComponentCountsOnce() throws {
    let shell = try Experiment.tiny()
    try shell.define("let once = all | take 1 | dla by head | derive class = layer % 2")
    try shell.define("let spans = all | take 1 | dla by head, span | derive class = layer % 2")
    #expect(
      try shell.table("all | take 1 | subsets (spans)")
        == shell.table("all | take 1 | subsets (once)"))
  }

  /// In every family all components together are the model, and each class of them gives what `dla`,
  /// which `FamilyAttributionTests` hold to transformers, has of its components.
  @Test(arguments: [
    "gpt2", "gpt_neox", "gptj", "llama3", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3",
    "phi3",
  ])
  func families(name: String) throws {
    let session = Session(host: TestHost(format: .tsv))
    session.models.add(
      try LanguageModel(
        path: Fixtures.path("families/\(name)"),
        pool: WorkerPool(width: 2)), as: name)
    func run(_ line: String) throws -> (table: Table, messages: String) {
      let result = session.running("let result = \(line)")
      try #require(result.status == .done, "\(result.messages)")
      guard case .table(let value)? = session.lookUp("result") else { throw Failure(line) }
      return (value.table, result.messages)
    }
    let start = session.running("let asked = prompt [41, 7, 90, 23, 58, 12, 77, 3, 66] -> \"q\"")
    try #require(start.status == .done, "\(start.messages)")
    let parts = try run("asked | dla").table
    let classes = (0..<parts.rowCount).map { "c\($0 % 6)" }
    session.set(
      "classes",
      to: .table(
        TableValue(Table(columns: parts.columns + [Column("class", .texts(classes))]), origins: []))
    )
    let (table, messages) = try run("asked | subsets (classes)")
    try expectClosed(messages)
    let dla = try parts.numbers("dla")
    let logits = Dictionary(
      uniqueKeysWithValues: zip(try table.texts("subset"), try table.numbers("logit")))
    for kind in 0..<6 {
      let sum = dla.indices.filter { $0 % 6 == kind }.reduce(0) { $0 + dla[$1] }
      #expect(abs(try #require(logits["c\(kind)"]) - sum) < 1e-5, "\(name), class \(kind)")
    }
    #expect(table.rowCount == 65)
  }

  @Test(arguments: [
    ("subsets", "subsets"),
    ("subsets (all | dla by head | take 1)", "no column `class`"),
    ("subsets (two | where class == \"x\")", "the table has no classes"),
    ("subsets (two) random 1000000", "the number of random partitions must be 0 to 100,000"),
    ("subsets (two) random (0 - 1)", "the number of random partitions must be 0 to 100,000"),
    ("subsets (two) seed 3", "`seed` goes with `random`, which is not given"),
    ("subsets (two) by component with heads", "L0H0 is in two classes, 'L0H0' and 'heads'"),
    ("subsets (two | derive component = \"L9H9\")", "'L9H9' is not a component"),
    ("subsets (two | derive component = \"embd\")", "did you mean embed?"),
    ("subsets (seven)", "7 classes are too many"),
    ("ablate L0H0 | subsets (two)", "`subsets` needs prompts without edits"),
    ("ablate each heads | subsets (two)", "`subsets`"),
  ])
  func errors(line: String, message: String) throws {
    let shell = try Experiment.tiny()
    try shell.define("let two = all | take 1 | dla by head | take 2 | derive class = \"a\"")
    try shell.define("let seven = all | take 1 | dla by head | take 7 | derive class = component")
    let result = shell.session.running("all | take 1 | \(line)")
    #expect(result.status == .failed, "\(result.messages)")
    #expect(result.messages.contains(message), "\(line): \(result.messages)")
  }
}
