import Testing

@testable import Model
@testable import Runtime

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Where the space between a prompt and its answer belongs, and names that spans cannot have.
@Suite("Spaces, answers and labels")
struct SpaceTests {
  let shell: PipedSession

  init() throws { shell = try PipedSession() }

  /// A file of facts, for as long as `body` runs.
  private func withFacts(_ name: String, _ text: String, _ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appending(path: name)
    try Data(text.utf8).write(to: file)
    try body(file.path)
  }

  /// With transformers, `(` is the likeliest after `return add`, and has p = 0.97 after `return len`.
  @Test func answersThatAreNotWords() throws {
    let code =
      "{\"subject\": \"add\", \"answer\": \"(\"}\n{\"subject\": \"len\", \"answer\": \"(\"}\n"
    try withFacts("code.ndjson", code) { path in
      let (table, messages) = try shell.run(
        "facts \"\(path)\" \"def f(x): return {subject}\" | rank")
      let (answers, ranks) = (try table.texts("answer"), try table.numbers("rank"))
      let probability = try table.numbers("prob")[1]
      #expect(answers == ["(", "("] && ranks == [1, 1])
      #expect(abs(probability - 0.97) < 0.005)
      #expect(messages.isEmpty, "\(messages)")
    }
    let chinese =
      "{\"subject\": \"中国\", \"answer\": \"北京\"}\n{\"subject\": \"法国\", \"answer\": \"巴黎\"}\n"
    try withFacts("zh.ndjson", chinese) { path in
      let (table, messages) = try shell.run(
        "facts \"\(path)\" \"{subject}的首都是\" first | rank")
      #expect(table.rowCount == 2)
      let answers = try table.texts("answer")
      #expect(answers.allSatisfy { !$0.hasPrefix(" ") })
      #expect(!messages.contains("left out") && !messages.contains("leading space"))
    }
  }

  @Test(arguments: [
    ("Rome", nil as String?, " Rome"), (" Rome", nil, " Rome"), ("(", nil, "("),
    ("4", "2 + 2 =", " 4"),
    ("北京", nil, "北京"), ("กรุงเทพ", nil, "กรุงเทพ"), ("서울", nil, " 서울"), ("Рим", nil, " Рим"),
    ("Rome", "The city of ", "Rome"), ("Rome", "called \"", "Rome"), ("Rome", "called (", "Rome"),
    ("Rome", "the \"eternal city\"", " Rome"), ("", nil, ""), ("-1", nil, "-1"),
  ])
  func spacing(answer: String, prompt: String?, written: String) {
    #expect(AnswerSpacing().written(answer, after: prompt) == written)
    #expect(AnswerSpacing(isExact: true).written(answer, after: prompt) == answer)
  }

  @Test func aSpaceThatWasAddedIsSaid() throws {
    try withFacts("f.tsv", "subject\tanswer\nFrance\tParis\nItaly\t Rome\n") { path in
      let facts = "facts \"\(path)\" \"The capital of {subject} is\""
      let (table, messages) = try shell.run("\(facts) | rank")
      let answers = try table.texts("answer")
      #expect(answers == [" Paris", " Rome"])
      #expect(messages.contains("facts: an answer got a leading space"), "\(messages)")
      let exact = try shell.run("\(facts) exact | rank")
      let written = try exact.table.texts("answer")
      #expect(written == ["Paris", " Rome"])
      #expect(!exact.messages.contains("got a leading space"))
      #expect(
        exact.messages.contains("1 of 2 answers have no leading space"), "\(exact.messages)")
    }
  }

  /// Once a set, and nothing where the token without a space is the likelier.
  @Test func measuresWarnOfSpacesOnce() throws {
    try shell.define("let bare = prompt \"The capital of France is\" -> \"Paris\"")
    let first = try shell.run("bare | rank").messages
    #expect(first.contains("the answer \"Paris\" has no leading space, and \" Paris\" is likelier"))
    let again = try shell.run("bare | logits | top 1").messages
    #expect(again.isEmpty)
    let ends = "prompt \"The capital of France is \" -> \" Paris\""
    let spaced = try shell.run("\(ends) | rank").messages
    #expect(spaced.contains("the prompt ends in a space"))
    for fine in [
      "prompt \"The capital of France is\" -> \" Paris\"", "prompt \"2 + 2 = \" -> \"4\"",
      "prompt \"def f(x): return len\" -> \"(\"",
    ] {
      let messages = try shell.run("\(fine) | rank").messages
      #expect(messages.isEmpty, "\(fine)")
    }
    try shell.define("let many = bare | append (\(ends)), (prompt \"In Rome \" -> \" and\")")
    let said = try shell.run("many | rank").messages
    #expect(said.contains("2 of 3 prompts end in a space"), "\(said)")
    let part = try shell.run("many | take 2 | dla | top 1").messages
    #expect(part.hasPrefix("dla: "))
  }

  @Test(arguments: ["last", "bos", "other", "next", "answer"])
  func labelsWithAMeaning(label: String) throws {
    let prompt = shell.session.running("prompt \"a {\(label):b} c\"")
    #expect(prompt.status == .failed, "\(prompt.messages)")
    try withFacts("n.tsv", "first\t\(label)x\t\(label)\tanswer2\nAda\tLovelace\tx\ty\n") { path in
      let facts = shell.session.running("facts \"\(path)\" \"{\(label)} lives in\"")
      #expect(facts.status == .failed && facts.messages.contains(label))
    }
    guard label != "answer" else { return }
    try withFacts("n.tsv", "first\t\(label)\tanswer\nAda\tLovelace\t London\n") { path in
      // Other columns may have any name, and one in a span of another name is none.
      let ranked = try shell.table("facts \"\(path)\" \"{first} lives in\" | rank")
      #expect(ranked.rowCount == 1)
      let spans = try shell.table(
        "facts \"\(path)\" \"{first} {name:{\(label)}} lives in\" | tokens"
      ).texts("span")
      #expect(spans.contains("name") && !spans.contains(label))
    }
  }

  @Test func aSpanMayEndInASpace() throws {
    let atEnd = try shell.table("prompt \"{s:abc }\" | tokens").texts("span")
    #expect(atEnd == ["s", "s"])
    let trailing = "{\"subject\": \"France \", \"answer\": \"Paris\"}\n"
    try withFacts("trail.ndjson", trailing) { path in
      let (table, messages) = try shell.run(
        "facts \"\(path)\" \"The capital of {subject} is\" first | rank")
      #expect(table.rowCount == 1 && !messages.contains("left out"))
    }
  }
}
