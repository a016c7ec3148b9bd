import TestSupport
import Testing

@testable import Runtime

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The documentation is true: whatever it shows runs, and says what it is said to say.
@Suite struct DocsTests {
  static var documents: [String] {
    get throws {
      try repositoryFiles("docs", ending: ".md") + repositoryFiles("docs/methods", ending: ".md")
        + ["README.md"]
    }
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
    if MadePart.isRecorded, chapter.blocks.allSatisfy({ $0.expected == nil }) { return }
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
      if let expected = part.expected {
        if MadePart.isRecorded {
          try part.record(result.output)
        } else {
          #expect(result.output == expected, "\(part) printed:\n\(result.output)")
        }
      }
      for text in part.promises("# →") {
        #expect(result.output.contains(text), "\(part) printed:\n\(result.output)")
      }
    }
  }

  @Test func thePagesHaveBlocks() throws {
    #expect(try DocumentedBlock.all(in: "docs/language.md").count > 10)
    #expect(try DocumentedBlock.all(in: ReferencePage.path).count > 50)
  }

  /// What a user of TransformerLens does in a week: the table names it, and the block runs it.
  @Test func tasksOfTransformerLensRun() throws {
    let path = "docs/transformerlens.md"
    let tasks = try repositoryText(path).split(separator: "\n").drop { !$0.hasPrefix("| ---") }
      .dropFirst().prefix { $0.hasPrefix("|") }
    #expect(tasks.count >= 30)
    let block = try #require(try DocumentedBlock.all(in: path).last)
    // Commands after a bar, in cells that are a line of the language.
    for task in tasks {
      let cell = try #require(task.replacing("\\|", with: "¦").split(separator: "|").last)
      for span in cell.split(separator: "`", omittingEmptySubsequences: false).enumerated()
        .filter({ $0.offset % 2 == 1 }).map(\.element)
      {
        for stage in span.split(separator: "¦").dropFirst() {
          let command = try #require(stage.split(separator: " ").first)
          #expect(block.text.contains("| \(command)"), "\(task)")
        }
      }
    }
  }

  /// What a script is started with that takes a minute by itself.
  private static let shorter: [String: [(name: String, value: String)]] = [
    "Examples/relation.summand": [("layer", "28"), ("examples", "1"), ("most", "3")]
  ]

  @Test(arguments: try DocsTests.examples)
  func scriptsRun(path: String) throws {
    let arguments = DocsTests.shorter[path]
    let session =
      try arguments.map { Session(host: TestHost(), arguments: $0) } ?? documentedSession()
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

  /// `### name` begins a command's section: its head from the declaration, then an example.
  @Test func everyCommandHasASection() throws {
    try MadePart.check("contents", in: ReferencePage.path, is: ReferencePage.contents)
    for command in Catalogue.all {
      try MadePart.check(
        command.name, in: ReferencePage.path, is: ReferencePage.head(of: command))
      let text = try repositoryText(ReferencePage.path)
      let start = try #require(text.firstRange(of: "\n### \(command.name)\n"))
      let rest = text[start.upperBound...]
      let section = rest[..<(rest.firstRange(of: "\n##")?.lowerBound ?? rest.endIndex)]
      #expect(section.contains(MadePart.mark(command.name)), "### \(command.name)")
      #expect(section.contains("```summand\n"), "### \(command.name) has no example that runs")
    }
  }

  /// Lines whose tables have every column that docs/commands.md lists for a command.
  static let linesWithAllColumns = [
    "models": "models", "model": "model", "tokens": "colosseum | tokens",
    "verify": "load Tests/ModelTests/Fixtures/tiny-gqa.Q8_0.gguf; verify",
    "dictionary":
      "dictionary \"Examples/features/random\" at L15.resid_post as sae over country",
    "lint": "colosseum | lint", "logits": "colosseum | logits", "probs": "colosseum | probs",
    "rank": "colosseum | rank", "logit_diff": "colosseum | logit_diff",
    "effect": """
    let eiffel = prompt "Fact: {subject:The Eiffel Tower} {relation:is in}" -> " Italy"
    eiffel | patch each L2H*@last from colosseum | effect
    """,
    "subsets": """
    let one = colosseum | dla by head | top 1 | derive class = "first"
    colosseum | subsets (one) random 1
    """,
    "faithfulness": """
    let scores = prompt "Fact: The Alps are in" -> " Italy" | patch each L0H1 -> logits from (prompt "Fact: The Alps are at") | attribute
    prompt "Fact: The Alps are in" -> " Italy" | faithfulness scores from (prompt "Fact: The Alps are at") sizes 1% random 1
    """,
    "lre": """
    load Tests/ModelTests/Fixtures/families/llama3
    [(prompt [41, 7] -> "x"), (prompt [41, 8] -> "x")] | lre L0.resid_post@0
    """,
    "graph": """
    load Tests/ModelTests/Fixtures/families/gpt2
    let t = dictionary "Tests/RuntimeTests/Fixtures/graphs/gpt2/layer_0.safetensors" at L0.mlp_out as t0 reads norm
    prompt [41, 7, 90] -> "x" | graph top 2
    """,
    "self_repair": "colosseum | ablate each L29H1@last | self_repair",
    "lens": "colosseum | lens L2.mlp_out", "attention": "colosseum | attention L2H1",
    "attribute": "colosseum | ablate each L2H1@last | attribute",
    "activations": "colosseum | activations L2H1.z@last",
    "examples": "colosseum | examples L2N1", "gradient": "colosseum | gradient L2H1.z@last",
    "generate": "colosseum | generate 1",
    "explain": "colosseum | explain L23H4",
    "vector": "colosseum | activations L2.resid_post@last | vector",
    "direction":
      "direction each (country | take 4) vs (country | take -4) at L2.resid_post@last held 50%",
    "unembed": "colosseum | activations L2.resid_post@last | vector | unembed",
    "describe": "load Tests/ModelTests/Fixtures/tiny-gqa.F32.gguf; describe L0H0 tokens 3",
    "copying": "load Tests/ModelTests/Fixtures/tiny-gqa.F32.gguf; copying L0H0",
    "eigenvalues": "load Tests/ModelTests/Fixtures/tiny-gqa.F32.gguf; eigenvalues L0H0",
    "svd": "load Tests/ModelTests/Fixtures/tiny-gqa.F32.gguf; svd L0H0",
    "composition": "load Tests/ModelTests/Fixtures/tiny-gqa.F32.gguf; composition L0H0 -> L1H0",
    "ov": "load Tests/ModelTests/Fixtures/tiny-gqa.F32.gguf; ov L0H0 on 5",
    "weights": "load Tests/ModelTests/Fixtures/tiny-gqa.F32.gguf; weights L0H0.W_Q",
    "loss": "colosseum | loss", "perplexity": "colosseum | perplexity",
    "correlate": "colosseum | rank | append (colosseum | rank) | correlate logit prob",
    "summary": "colosseum | rank | summary", "history": "history", "vars": "vars",
    "store": "!mkdir -p .build/empty.store\nstore \".build/empty.store\"",
  ]

  @Test(arguments: Catalogue.all.map(\.name))
  func documentedColumnsAreThoseOfTables(command: String) throws {
    let text = try MadePart.writtenText(ReferencePage.path)
    let start = try #require(text.firstRange(of: "\n### \(command)\n")).upperBound
    let section = text[start...].prefix(
      upTo: text[start...].firstRange(of: "\n##")?.lowerBound ?? text.endIndex)
    let head = "| column | meaning |\n| --- | --- |\n"
    guard let table = section.firstRange(of: head) else {
      #expect(DocsTests.linesWithAllColumns[command] == nil, "\(command) lists no columns")
      return
    }
    let documented = section[table.upperBound...].split(
      separator: "\n", omittingEmptySubsequences: false
    )
    .prefix { $0.hasPrefix("|") }.map { String($0.split(separator: "`")[1]) }
    let line = try #require(DocsTests.linesWithAllColumns[command], "\(command): add a line here")
    let session = try documentedSession(format: .tsv)
    let result = session.running(line, name: command)
    #expect(result.status == .done, "\(result.messages)")
    let names = try #require(result.output.split(separator: "\n").first)
    #expect(names.split(separator: "\t").map { $0.filter { $0 != "\"" } } == documented)
  }

  @Test func sectionsAreInTheOrderOfHelp() throws {
    let headings = try repositoryText(ReferencePage.path).split(separator: "\n")
    #expect(
      headings.filter { $0.hasPrefix("### ") }.map { $0.dropFirst(4) }
        == Catalogue.all.map { $0.name[...] })
    #expect(
      headings.filter { $0.hasPrefix("## ") }.map { $0.dropFirst(3).lowercased() }
        == Command.Group.allCases.map(\.rawValue))
  }

  @Test(arguments: OutputFormat.allCases)
  func everyFormatHasARow(format: OutputFormat) throws {
    let names = try repositoryText("docs/running.md").split(separator: "\n")
      .compactMap { $0.hasPrefix("| `") ? $0.split(separator: "|").first : nil }
    #expect(names.contains { $0.contains("`\(format.rawValue)`") })
  }

  /// Links between pages lead to a file, and to a heading of it.
  @Test func linksLeadSomewhere() throws {
    let pages =
      try DocsTests.documents + ["CONTRIBUTING.md"]
      + [
        "Examples/facts/README.md", "Examples/paper/README.md", "Examples/tasks/README.md",
        "Scripts/reference/README.md",
      ]
    for page in pages {
      for match in try repositoryText(page).matches(of: /\]\(([^)\s]*)\)/) {
        let link = match.output.1
        if link.contains("://") { continue }
        let parts = link.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
        let folder = packageRoot.appending(path: page).deletingLastPathComponent()
        let target =
          parts[0].isEmpty
          ? packageRoot.appending(path: page)
          : folder.appending(path: String(parts[0])).standardized
        #expect(FileManager.default.fileExists(atPath: target.path), "\(page): \(link)")
        guard parts.count == 2, let text = try? String(contentsOf: target, encoding: .utf8) else {
          continue
        }
        let anchors = text.matches(of: /(?m)^#+ (.*)$/).map { anchor(of: $0.output.1) }
        #expect(anchors.contains(String(parts[1])), "\(page): \(link)")
      }
    }
  }

  /// As GitHub makes it.
  private func anchor(of heading: Substring) -> String {
    heading.lowercased().filter {
      $0.isLetter || $0.isNumber || $0 == " " || $0 == "-" || $0 == "_"
    }
    .replacing(" ", with: "-")
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
      #expect(!prompt.foils.contains { $0.token == prompt.answers.first?.token }, "\(prompt.name)")
    }
  }
}
