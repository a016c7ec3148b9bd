import Model
import TestSupport
import Testing

@testable import Runtime

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

@Suite("Prompts from texts")
struct TextsTests {
  private let shell: PipedSession

  init() throws { shell = try PipedSession(tiny: "tiny-gqa.F32.gguf") }

  private func table(_ line: String, ofFile name: String, _ text: String) throws -> (
    table: Table, messages: String
  ) {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try Data(text.utf8).write(to: folder.appending(path: name))
    return try shell.run(line.replacing("FILE", with: "\"\(folder.path)/\(name)\""))
  }

  @Test("lines as they are, blank ones aside")
  func lines() throws {
    let (rows, messages) = try table(
      "texts FILE | tokens", ofFile: "a.txt", "the sea\r\n\n {a} b \n   \nthe sky")
    var names: [String] = []
    for name in try rows.texts("prompt") where name != names.last { names.append(name) }
    #expect(names == ["the sea", " {a} b ", "the sky"])
    #expect(messages.contains("2 blank texts were skipped"))
  }

  @Test(arguments: [
    ("a.tsv", "id\ttext\n1\tthe sea\n2\tthe sky\n", ""),
    ("a.csv", "text,id\nthe sea,1\nthe sky,2\n", ""),
    ("a.jsonl", "{\"text\":\"the sea\",\"meta\":{\"x\":1}}\n{\"text\":\"the sky\"}\n", ""),
    ("a.json", "[{\"body\":\"the sea\"},{\"body\":\"the sky\"}]", "column body"),
    ("a.txt", "body\tx\nthe sea\t1\nthe sky\t2\n", "column body"),
  ])
  func rows(name: String, text: String, arguments: String) throws {
    let (rows, _) = try table("texts FILE \(arguments) | perplexity", ofFile: name, text)
    #expect(try rows.texts("prompt") == ["the sea", "the sky"])
  }

  @Test(
    "windows: where they begin, and what they count",
    arguments: [
      // Tokens of the text, window, stride; lengths and counted tokens of the windows.
      (10, 4, 4, [4, 4, 2], [3, 3, 1]), (10, 4, 2, [4, 4, 4, 4], [3, 2, 2, 2]),
      (10, 4, 3, [4, 4, 4], [3, 3, 3]), (11, 4, 3, [4, 4, 4, 2], [3, 3, 3, 1]),
      (9, 4, 4, [4, 4], [3, 3]), (3, 4, 1, [3], [2]), (4, 4, 1, [4], [3]),
    ])
  func windows(count: Int, size: Int, stride: Int, lengths: [Int], counted: [Int]) throws {
    // A letter is a token.
    let text = (0..<count).map { $0.isMultiple(of: 2) ? "a" : "%" }.joined()
    let whole = try table("texts FILE tokens 999 | tokens", ofFile: "a.txt", text).table
    try #require(whole.rowCount == count)
    let line = "texts FILE tokens \(size) stride \(stride)"
    let tokens = try table("\(line) | tokens", ofFile: "a.txt", text).table
    let found =
      lengths.count > 1
      ? try Dictionary(grouping: tokens.texts("prompt"), by: \.self).mapValues(\.count)
      : ["a.txt, tokens 0..\(count - 1)": tokens.rowCount]
    #expect(
      found
        == Dictionary(
          uniqueKeysWithValues: lengths.enumerated().map {
            ("a.txt, tokens \($0 * stride)..\($0 * stride + $1 - 1)", $1)
          }))
    let whatCounts = try table("\(line) | perplexity", ofFile: "a.txt", text).table
    #expect(try whatCounts.numbers("tokens") == counted.map(Double.init))
  }

  @Test(arguments: [
    ("texts \"no/such/file\"", "there is no file"),
    ("texts \"\(countryFactsPath)\"", "has no column `text`"),
    ("texts \"\(countryFactsPath)\" column subjct", "did you mean `subject`?"),
    ("texts \"\(countryFactsPath)\" column subject stride 3", "`stride` goes with `tokens`"),
    ("texts \"\(countryFactsPath)\" column subject tokens 1", "a window has 2 to 1,000,000 tokens"),
    ("texts \"\(countryFactsPath)\" column subject tokens 4 stride 5", "begin at most 4 apart"),
    ("texts \"\(countryFactsPath)\" column subject tokens 4 stride 0", "begin at most 4 apart"),
    ("prompts []", "this list is empty"), ("prompts 3", "expected prompts, got a whole number"),
    ("prompts", "`prompts` needs texts or a table"),
    ("\"a b\" | prompts \"a b\"", "not both"),
    ("prompt \"a b\" | tokens | prompts", "has no column `prompt`"),
  ])
  func errors(line: String, error: String) throws {
    let (status, _, messages) = shell.session.running(line)
    #expect(status != .done)
    #expect(messages.contains(error), "\(messages)")
    #expect(messages.contains(" --> test:1:"), "\(messages)")
  }

  @Test("prompts from lists and tables, and appended")
  func prompts() throws {
    try shell.define(
      """
      let asked = [(prompt "the sea is a" -> "b"), (prompt "the sky is a" -> "c")]
      let again = asked | rank | prompts
      let both = prompts ["the sea", "the sky"]
      """)
    let (first, second) = (try shell.table("asked | rank"), try shell.table("again | rank"))
    try expectEqual(second, first)
    #expect(try shell.table("both | append again | logits | top 1 | take 1").rowCount == 1)
    let names = try shell.table("both | append again | perplexity").texts("prompt")
    #expect(names == ["the sea", "the sky", "the sea is a", "the sky is a"])
    let (rows, messages) = try shell.run("asked | dla by head | prompts | tokens | group by prompt")
    #expect(rows.rowCount == 2)
    #expect(messages.contains("rows are 2 prompts"))
  }
}
