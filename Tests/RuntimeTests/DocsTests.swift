import Testing

@testable import Runtime

/// The documentation is true: whatever it shows runs, and says what it is said to say.
@Suite struct DocsTests {
  static var documents: [String] {
    get throws { try repositoryFiles("docs", ending: ".md") + ["README.md"] }
  }

  static var examples: [String] {
    get throws { try repositoryFiles("Examples", ending: ".summand") }
  }

  /// Runs of blocks that share a session: each block alone, or all of a page that says so.
  static var chapters: [DocumentedChapter] {
    get throws { try documents.flatMap(DocumentedChapter.all(in:)) }
  }

  @Test(arguments: try DocsTests.chapters)
  func blocksOfDocumentsRun(chapter: DocumentedChapter) throws {
    let session = try documentedSession()
    for part in chapter.blocks.flatMap(\.parts) {
      let result = session.running(part.text, name: part.testDescription)
      let errors = part.promises("# error:")
      #expect(
        (result.status == .done) == errors.isEmpty,
        "\(part): \(result.status), with these messages:\n\(result.messages)")
      for error in errors + part.promises("# warning:") {
        #expect(result.messages.contains(error), "\(part) said:\n\(result.messages)")
      }
      for text in part.promises("# →") {
        #expect(result.output.contains(text), "\(part) printed:\n\(result.output)")
      }
    }
  }

  @Test func theReferenceHasBlocks() throws {
    #expect(try DocumentedBlock.all(in: "docs/language.md").count > 20)
  }

  @Test(arguments: try DocsTests.examples)
  func scriptsRun(path: String) throws {
    let session = try documentedSession()
    let result = session.running(try repositoryText(path), name: path)
    #expect(result.status == .done, "\(result.messages)")
    #expect(!result.output.isEmpty)
    #expect(!result.messages.contains("warning:"), "\(result.messages)")
  }

  @Test(arguments: try DocsTests.examples)
  func scriptsCanBeStarted(path: String) throws {
    #expect(try repositoryText(path).hasPrefix("#!/usr/bin/env summand\n"))
  }

  @Test(arguments: Catalogue.all.map(\.name))
  func examplesOfDeclarationsRun(command: String) throws {
    let session = try documentedSession()
    for example in Catalogue.command(named: command)?.examples ?? [] {
      let result = session.running(example, name: "an example of \(command)")
      #expect(result.status == .done, "`\(example)` said:\n\(result.messages)")
      #expect(!result.messages.contains("warning:"), "`\(example)` said:\n\(result.messages)")
    }
  }

  /// `### name` begins a command's section, with its usage as `help` has it, and an example.
  @Test(arguments: Catalogue.all.map(\.name))
  func everyCommandHasASection(name: String) throws {
    let command = try #require(Catalogue.command(named: name))
    let text = try repositoryText("docs/language.md")
    let start = try #require(
      text.firstRange(of: "\n### \(name)\n"), "docs/language.md has no section ### \(name)")
    let rest = text[start.upperBound...]
    let section = rest[..<(rest.firstRange(of: "\n##")?.lowerBound ?? rest.endIndex)]
    #expect(section.contains("    \(command.usage)\n"), "the usage is now: \(command.usage)")
    #expect(section.contains("```summand\n"), "### \(name) has no example that runs")
  }

  @Test func everySectionIsOfACommand() throws {
    let names = try repositoryText("docs/language.md").split(separator: "\n")
      .filter { $0.hasPrefix("### ") }.map { String($0.dropFirst(4)) }
    for name in names where Catalogue.command(named: name) == nil {
      Issue.record("docs/language.md has a section ### \(name), and there is no such command")
    }
    #expect(Set(names).count == names.count, "a command has two sections")
  }

  /// docs/findings.md says of everything that the scripts claim whether it held, and of nothing else.
  @Test func findingsAreOfTheScripts() throws {
    let scripts = try repositoryFiles("Examples/paper", ending: ".summand")
      .map(repositoryText).joined()
    // Two pieces more than claims: what comes before the first, and the definition of `claim`.
    let claims = scripts.split(separator: "claim(").count - 2
    let found = try repositoryText("docs/findings.md").split(separator: "\n")
      .filter { $0.contains("| true") || $0.contains("| false") }
      .map { String($0.split(separator: "|")[1]).trimmingSpaces() }
    #expect(found.count == claims)
    for claim in found {
      #expect(scripts.contains("\"\(claim)\""), "no script claims '\(claim)'")
    }
  }

  /// The facts that come with Summand suit the default model.
  @Test func factsAreWhole() throws {
    let session = try documentedSession(format: .tsv)
    let result = session.running(
      #"""
      let rows = read "Examples/facts/country.tsv"
      assert length(rows) >= 30
      assert length(country) == length(rows)
      country | logit_diff | where logit_diff == logit_diff | summary
      """#)
    #expect(result.status == .done, "\(result.messages)")
    guard case .prompts(let set)? = session.lookUp("country") else {
      Issue.record("`country` is no set of prompts")
      return
    }
    for prompt in set.prompts {
      #expect(prompt.foils.count == 2, "\(prompt.name): a foil is several tokens")
      #expect(!prompt.foils.contains { $0.token == prompt.answer?.token }, "\(prompt.name)")
    }
  }
}
