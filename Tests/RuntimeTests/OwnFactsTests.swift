import Lang
import TestSupport
import Testing

@testable import Runtime

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The scripts of `Examples/paper` on one file of facts: subject, answer, relation.
@Suite struct OwnFactsTests {
  @Test func reportOnOneFile() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let facts = "\(folder.path)/own.tsv"
    // The facts of the hand-built model; it has no such token as the last two ask for.
    let rows = [
      "Ada\tRome\tlives in", "Ben\tOslo\tlives in", "Cleo\tLima\tlives in", "Dan\tBonn\tlives in",
      "Ada\tgolf\tplays mostly", "Ben\tpolo\tplays mostly", "Cleo\tchess\tplays mostly",
      "Dan\tjudo\tplays mostly", "Ada\tÆther\tlives in", "Ben\tÆther\tplays mostly",
    ]
    try Data(("subject\tanswer\trelation\n" + rows.joined(separator: "\n") + "\n").utf8)
      .write(to: URL(filePath: facts))
    let arguments = [
      ("model", PaperTests.Subject.handbuilt.model), ("facts", facts), ("top", "3"), ("heads", "3"),
      ("each", "2"), ("few", "2"), ("draws", "2"), ("lots", "2"),
      ("out", "\(folder.path)/page.html"), ("findings", "\(folder.path)/findings.tsv"),
    ]
    let session = Session(
      host: TestHost(format: .tsv), arguments: arguments.map { (name: $0.0, value: $0.1) })
    let path = "Examples/paper/report.summand"
    let result = session.running(try repositoryText(path), name: path)
    try #require(result.status == .done, "\(result.messages)")

    let expected = try PaperTests.Subject.handbuilt.expected()
    let shell = Experiment(session: session, expected: expected)
    #expect(try shell.prompts("chosen").map(\.text) == expected.texts("facts.chosen"))
    #expect(try shell.prompts("held").map(\.text) == expected.texts("facts.held"))
    // R is what the file answers.
    let tokenizer = try #require(try shell.prompts("chosen").first?.model.tokenizer)
    let lives = try #require(try shell.prompts("chosen").first?.fact?.ofRelation.whole)
    #expect(lives.map(tokenizer.text) == [" Rome", " Oslo", " Lima", " Bonn"])

    #expect(result.output.split(separator: "is one file of facts, without").count == 2)
    for part in ["`heads`", "`classes`", "`reversed`"] {
      #expect(result.output.contains("(\(part))"))
    }
    let claims = try readTable(path: "\(folder.path)/findings.tsv").texts("claim")
    let all = try expected.texts("findings", "claim")
    let missing = "subject heads push the subject's other attributes above tokens of like frequency"
    #expect(claims == all.filter { $0 != missing && !$0.hasPrefix("facts are known better") })
  }
}
