import Lang
import Model
import Testing

@testable import Runtime

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The scripts of `Examples/paper` on small models, against what `Scripts/reference/paper/findings.py` makes of
/// the same files in float64.
@Suite struct PaperTests {
  private static let folder = "Examples/paper"

  static var scripts: [String] {
    get throws { try repositoryFiles(folder, ending: ".summand") }
  }

  enum Subject: String, CaseIterable {
    case tiny, handbuilt

    var model: String { "\(Experiment.fixtures)/\(self == .tiny ? "paper" : "handbuilt")/model" }
    var facts: String { "\(Experiment.fixtures)/\(self == .tiny ? "paper" : "handbuilt")/facts" }

    func expected() throws -> Expected {
      try Expected("\(Experiment.fixtures)/paper/\(rawValue).json")
    }

    /// A session that is given the arguments of which the fixture was made, and others.
    func session(_ expected: Expected, _ others: (String, String)...) throws -> Session {
      let names = ["top", "heads", "threshold", "each", "few", "draws", "lots", "seed"]
      let settings = try names.map { name in
        (name, try #require(expected["settings", name]?.text))
      }
      let arguments = [("model", model), ("facts", facts)] + settings + others
      return Session(
        host: TestHost(format: .tsv), arguments: arguments.map { (name: $0.0, value: $0.1) })
    }
  }

  // MARK: - The report

  /// What it finds, on the page, in Markdown and in its table, and what the findings are made of.
  @Test(arguments: Subject.allCases)
  func report(on subject: Subject) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let (page, findings) = ("\(folder.path)/report.html", "\(folder.path)/findings.tsv")

    let expected = try subject.expected()
    let session = try subject.session(expected, ("out", page), ("findings", findings))
    let path = "\(Self.folder)/report.summand"
    let result = session.running(try repositoryText(path), name: path)
    try #require(result.status == .done, "\(result.messages)")

    let shell = Experiment(session: session, expected: expected)
    for (name, texts) in [("chosen", "facts.chosen"), ("held", "facts.held"), ("few", "facts.few")]
    {
      #expect(try shell.prompts(name).map(\.text) == expected.texts(texts), "\(name)")
    }
    try compareFindings(shell, subject)
    for table in PaperTable.all { try table.compare(shell, subject) }
    try comparePage(page, findings)
    try compareSides(findings)
  }

  /// Two models' findings side by side, here those of one.
  private func compareSides(_ findings: String) throws {
    let session = Session(
      host: TestHost(),
      arguments: [(name: "one", value: findings), (name: "other", value: findings)])
    let path = "\(Self.folder)/findings.summand"
    let result = session.running(try repositoryText(path), name: path)
    #expect(result.status == .done, "\(result.messages)")
    for claim in try readTable(path: findings).texts("claim") {
      #expect(result.output.contains(claim))
    }
  }

  private func compareFindings(_ shell: Experiment, _ subject: Subject) throws {
    let found = try shell.table("findings")
    #expect(
      found.columnNames == ["claim", "value", "value_low", "value_high", "holds", "script"])
    try shell.expectTexts(found, ["claim", "script"], of: "findings")
    try shell.expectNumbers(
      found, ["value", "value_low", "value_high"], of: "findings", within: 2e-5)
    let lows = try shell.expected.numbers("findings", "value_low")
    let (holds, wanted) = (
      try found.texts("holds"), try shell.expected.texts("findings", "holds")
    )
    // Nearer to 0 f32 may fall on either side.
    for (row, claim) in try found.texts("claim").enumerated() where abs(lows[row]) > 2e-5 {
      #expect(holds[row] == wanted[row], "\(claim)")
    }
    if subject == .handbuilt { try checkConstruction(found) }
  }

  /// What must be found where it is known which head does what.
  private func checkConstruction(_ findings: Table) throws {
    let values = Dictionary(
      uniqueKeysWithValues: zip(
        try findings.texts("claim"),
        zip(try findings.numbers("value"), try findings.texts("holds"))))
    for claim in [
      "subject heads add to the answer through the subject, on facts that they were not chosen on",
      "relation heads add to the answer through the relation, on facts that they were not chosen on",
      "subject heads push the subject's other attributes above tokens of like frequency",
      "relation heads push the relation's other attributes above tokens of like frequency",
      "subject heads tell the answer from the relation's other attributes",
      "another subject's run costs more in subject heads than in relation heads",
      "the MLPs push R above tokens of like frequency",
      "the MLPs push R more than they tell the answer from it",
      "all four together say the answer more often than the best of them alone",
      "losing the subject heads costs more than losing others of their layers",
      "facts are known better than the same asked the other way round, where many answers may be right",
    ] {
      let (value, holds) = try #require(values[claim], "\(claim)")
      #expect(value > 0.5 && holds == "true", "\(claim): \(value)")
    }
    // The relation head favours what is nobody's answer; no token but the last reads another.
    for claim in [
      "relation heads tell the answer from the relation's other attributes",
      "what mixed heads add through the relation's tokens depends on these seeing the subject",
      "what relation heads add through the relation's tokens depends on these seeing the subject",
    ] {
      let (value, _) = try #require(values[claim], "\(claim)")
      #expect(value < 1e-4, "\(claim): \(value)")
    }
  }

  /// The numbers of the page are those of the table, to the digit.
  private func comparePage(_ page: String, _ findings: String) throws {
    let html = String(decoding: try readBytes(path: page), as: UTF8.self)
    let saved = try readTable(path: findings)
    let heading = try #require(html.firstRange(of: "What held, and what did not</h2>"))
    let table = html[heading.upperBound...]
    let end = try #require(table.firstRange(of: "</figure>"))
    let shown = table[..<end.lowerBound].matches(of: /data-value="([^"]*)"/).map {
      String($0.output.1)
    }
    let columns = ["value", "value_low", "value_high"]
    let wanted = try (0..<saved.rowCount).flatMap { row in
      try columns.map { try saved.column($0)[row].description }
    }
    #expect(wanted.count == 21 * 3)
    #expect(shown == wanted)

    let markdown = String(
      decoding: try readBytes(path: String(page.dropLast("html".count)) + "md"), as: UTF8.self)
    for text in try saved.texts("claim") + ["## What held, and what did not", "## Caveats"] {
      #expect(markdown.contains(text), "\(text)")
    }
  }

  // MARK: - Each script by itself

  @Test(arguments: try PaperTests.scripts)
  func script(path: String) throws {
    let text = try repositoryText(path)
    #expect(text.hasPrefix("#!/usr/bin/env summand\n"))
    // The first two are run above, Pythia's in a test of its own; setup.summand is what others begin with.
    let elsewhere = ["report.summand", "findings.summand", "pythia-2.8b.summand"]
    guard !elsewhere.contains(where: path.hasSuffix) else { return }
    let subject = Subject.handbuilt
    let session = try subject.session(try subject.expected())
    let result = session.running(text, name: path)
    #expect(result.status == .done, "\(result.messages)")
    #expect(result.output.isEmpty == path.hasSuffix("setup.summand"))
  }
}

/// A table that the scripts print, made once more after the report has run, and its columns.
private struct PaperTable {
  let key: String
  let line: String
  var texts: [String] = []
  var numbers: [String] = []
  /// Not where most of what is compared is the noise of a model built by hand.
  var onlyTiny = false
  /// Numbers that are missing in the fixture, f32 may have otherwise.
  var mayBeUnsure = false

  func compare(_ shell: Experiment, _ subject: PaperTests.Subject) throws {
    if onlyTiny && subject != .tiny { return }
    let found = try shell.table(line)
    try shell.expectTexts(found, texts, of: key)
    guard mayBeUnsure else {
      return try shell.expectNumbers(found, numbers, of: key, within: 2e-5)
    }
    for name in numbers {
      let (found, wanted) = (try found.numbers(name), try shell.expected.numbers(key, name))
      let sure = wanted.indices.filter { !wanted[$0].isNaN }
      #expect(2 * sure.count > wanted.count)
      try expectAlike(sure.map { found[$0] }, sure.map { wanted[$0] }, within: 2e-5, key)
    }
  }

  private static func ends(_ names: String...) -> [String] {
    names.flatMap { [$0, "\($0)_low", "\($0)_high"] }
  }

  private static let interval = "interval seed args.seed"

  static let all: [PaperTable] = [
    PaperTable(key: "mechanisms", line: "mechanisms", texts: ["component", "class", "layer"]),
    // heads.summand
    PaperTable(
      key: "heads.classes", line: "classes", texts: ["component", "class", "stable"],
      numbers: ["subject", "relation", "total"]),
    PaperTable(
      key: "heads.means",
      line: "parts | where component in mechanisms.component"
        + " | group by component, span mean dla \(interval)",
      texts: ["component", "span"], numbers: ends("dla")),
    PaperTable(
      key: "heads.thresholds",
      line: "parts | classify top args.heads thresholds 2, 3, 5, 10, 20, 50",
      texts: ["class", "count", "stable"], numbers: ["threshold", "total"]),
    PaperTable(
      key: "heads.again",
      line: """
        mechanisms
          | join (other_facts | derive other_facts = class | select component, other_facts) on component
          | join (other_words | derive other_words = class | select component, other_words) on component
        """, texts: ["component", "other_facts", "other_words"]),
    PaperTable(
      key: "heads.other_words", line: "other_words | take args.heads",
      texts: ["component", "class"], numbers: ["subject", "relation", "total"]),
    // classes.summand
    PaperTable(
      key: "classes.pushed", line: "pushed | pushes", texts: ["class", "measure"],
      numbers: ends("value")),
    PaperTable(
      key: "classes.pulled",
      line: """
        estimated_by_class((pulled | derive value = dla_S), "S")
          | append (estimated_by_class((pulled | derive value = dla_S_random), "S_random"))
          | append (estimated_by_class((pulled | derive value = dla_S - dla_S_random), "S - S_random"))
        """, texts: ["class", "measure"], numbers: ends("value")),
    mixed("subject"), mixed("relation"),
    // exchange.summand
    PaperTable(
      key: "exchange.by_heads", line: "exchange | group by heads mean value \(interval)",
      texts: ["heads"], numbers: ends("value")),
    // propagation.summand
    PaperTable(
      key: "propagation.by_span",
      line: "clean | append cut | derive value = dla - dla_R"
        + " | group by class, span, when mean value \(interval)",
      texts: ["class", "span", "when"], numbers: ends("value")),
    PaperTable(
      key: "propagation.lost",
      line: """
        clean | join (cut | derive dla_cut = dla, R_cut = dla_R
            | select prompt, relation, class, span, dla_cut, R_cut) on prompt, relation, class, span
          | derive value = (dla - dla_R) - (dla_cut - R_cut) | group by class, span mean value \(interval)
        """, texts: ["class", "span"], numbers: ends("value")),
    PaperTable(
      key: "propagation.effect",
      line: "between | knockout subject -> relation except last | effect of logit_diff"
        + " | derive value = effect | estimated \"effect\"", numbers: ends("value")),
    // mlps.summand
    PaperTable(
      key: "mlps.by_layer", line: "by_mlp | group by layer mean dla, dla_R, dla_R_random",
      texts: ["layer"], numbers: ["dla", "dla_R", "dla_R_random"]),
    PaperTable(
      key: "mlps.by_relation",
      line: "together | derive over_R = dla - dla_R, R_over_random = dla_R - dla_R_random"
        + " | group by relation mean R_over_random, over_R \(interval)",
      texts: ["relation"], numbers: ends("R_over_random", "over_R")),
    // additivity.summand
    PaperTable(
      key: "additivity.subsets",
      line: "given | where size > 0 | group by subset, size mean hits \(interval)",
      texts: ["subset", "size"], numbers: ends("hits")),
    PaperTable(
      key: "additivity.ranks",
      line: "given | append (by_lot | where size > 0)",
      texts: ["prompt", "partition", "subset"], numbers: ["rank"], mayBeUnsure: true),
    PaperTable(
      key: "additivity.null",
      line: "by_lot | where size > 0 | group by size, partition mean hits"
        + " | group by size mean hits min hits max hits",
      texts: ["size"], numbers: ["mean_hits", "min_hits", "max_hits"]),
    PaperTable(
      key: "additivity.gaps",
      line: """
        additivity("subject", "relation")
          | append (additivity("subject", "mixed")), (additivity("relation", "mixed")),
            (additivity("subject", "mlps")), (additivity("relation", "mlps")), (additivity("mixed", "mlps"))
          | group by classes mean first, second, both, gap \(interval)
        """, texts: ["classes"], numbers: ends("first", "second", "both", "gap")),
    // causes.summand
    PaperTable(
      key: "causes.heads", line: "heads_beside", texts: ["component", "kind"],
      numbers: ["dla", "lost"]),
    PaperTable(
      key: "causes.beside", line: "beside | correlate dla lost by kind", texts: ["kind", "count"],
      numbers: ["pearson", "slope"]),
    PaperTable(
      key: "causes.over_heads", line: "heads_beside | correlate dla lost by kind",
      texts: ["kind", "count"], numbers: ["pearson", "slope"]),
    PaperTable(
      key: "causes.beside", line: "beside | correlate dla lost by kind", numbers: ["spearman"],
      onlyTiny: true),
    PaperTable(
      key: "causes.over_heads", line: "heads_beside | correlate dla lost by kind",
      numbers: ["spearman"], onlyTiny: true),
    PaperTable(
      key: "causes.repaired",
      line: "repaired | where component in important.component"
        + " | group by component mean direct, lost, value \(interval)",
      texts: ["component"], numbers: ends("direct", "lost", "value")),
    // knockouts.summand
    PaperTable(
      key: "knockouts.by_loss",
      line: "fates | group by without mean hits, logprob median rank \(interval)",
      texts: ["without"], numbers: ends("hits", "logprob") + ["rank"]),
    // reversed.summand
    PaperTable(
      key: "reversed.by_direction",
      line: "both | group by direction mean first, among \(interval)",
      texts: ["direction"], numbers: ends("first", "among")),
    PaperTable(
      key: "reversed.by_relation",
      line: "both | group by relation, direction mean first, among",
      texts: ["relation", "direction"], numbers: ["first", "among"]),
    PaperTable(
      key: "reversed.ranks", line: "both", texts: ["prompt", "direction"], numbers: ["rank"],
      onlyTiny: true, mayBeUnsure: true),
  ]

  private static func mixed(_ span: String) -> PaperTable {
    PaperTable(
      key: "classes.mixed_\(span)",
      line: "held_parts | where class == \"mixed\" and span == \"\(span)\""
        + " | group by prompt, relation, class sum dla, dla_R, dla_R_random | pushes",
      texts: ["class", "measure"], numbers: ends("value"))
  }
}
