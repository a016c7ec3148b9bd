import Model
import TestSupport
import Testing

@testable import Runtime

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

@Suite("Folders of facts, against what Python reads in them")
struct FactsTests {
  let shell: Experiment

  init() throws { shell = try Experiment.tiny() }

  private func check(_ found: [Prompt], _ wanted: [ExpectedFact]) throws {
    try #require(found.map(\.text) == wanted.map(\.text))
    for (prompt, fact) in zip(found, wanted) {
      #expect(prompt.tokens == fact.tokens)
      #expect(prompt.tokens.indices.map(prompt.group) == fact.spans, "\(fact.text)")
      #expect(prompt.answers.first?.token == fact.answer, "\(fact.text)")
      let read = try #require(prompt.fact)
      #expect([read.relation, read.subject] == [fact.relation, fact.subject])
      #expect(read.ofRelation.others == fact.ofRelation, "R of \(fact.text)")
      #expect(read.ofSubject.others == fact.ofSubject, "S of \(fact.text)")
    }
  }

  @Test func everyFact() throws {
    try check(try shell.prompts("all"), try shell.expected.facts())
  }

  @Test func anotherTemplate() throws {
    let folder = "\"\(Experiment.fixtures)/experiments/facts\""
    try check(
      try shell.prompts("facts \(folder) template 2"), try shell.expected.facts("template_2"))
    try check(try shell.prompts("facts \(folder) template 1"), try shell.expected.facts())
  }

  /// In the order of the file, whatever the order in which they are named.
  @Test func someRelations() throws {
    let found = try shell.prompts(
      "facts \"\(Experiment.fixtures)/experiments/facts\" relation word, place")
    try check(found, try shell.expected.facts().filter { $0.relation != "thing" })
  }

  @Test func whatIsLeftOutIsSaid() throws {
    let said = try shell.define("let again = facts \"\(Experiment.fixtures)/experiments/facts\"")
    #expect(said.contains("1 of 24 facts are left out: the answer \" Wall\" is several tokens\n"))
    // Of R `Great` and `Fact` are several tokens, and `l` is there twice; of S `Italy` and `France`.
    #expect(
      said.contains(
        "20 of 22 attributes of relations (R) and 28 of 30 attributes of subjects (S) are one token"
      ), "\(said)")
  }

  @Test func theFirstTokenOfAnAnswer() throws {
    let found = try shell.prompts(
      "facts \"\(Experiment.fixtures)/experiments/facts\" relation place first")
    #expect(found.count == 8)
    let answer = try #require(found.last?.answers.first)
    #expect([answer.text, answer.written] == [" ", " Wall"])
  }

  /// The article of a subject is not asked for, and whoever is asked for a subject has no R, no S.
  @Test func reversed() throws {
    let found = try shell.prompts(
      "facts \"\(Experiment.fixtures)/experiments/facts\" reversed")
    let wanted = try shell.expected.list("reversed")
    #expect(found.map(\.text) == wanted.map { $0["text"]?.string })
    #expect(
      found.map { $0.answers.first?.token } == wanted.map { $0["answer"].map { Int($0.double) } })
    #expect(
      found.allSatisfy {
        $0.fact?.ofRelation.others == [] && $0.fact?.ofSubject.others == []
          && $0.fact?.relation != nil
      })
    let result = shell.session.running("result | dla on R")
    #expect(result.status == .failed)
    #expect(result.messages.contains("`on R` needs the attributes of the relation"))
  }

  /// The prompts whose answers have at most this rank. 50 is the rank of one of them, 1 of none.
  @Test(arguments: [50, 49, 130, 320])
  func known(top: Int) throws {
    let facts = try shell.expected.facts()
    let isKnown = try shell.expected.numbers("ranks").map { Int($0) <= top }
    let wanted = zip(facts, isKnown).filter(\.1).map(\.0)
    try check(try shell.prompts("all | known top \(top)"), wanted)
    let said = try shell.define("let kept = all | known --top \(top)")
    func count(_ relation: String) -> String {
      let all = facts.count { $0.relation == relation }
      return "\(relation) \(wanted.count { $0.relation == relation }) of \(all)"
    }
    #expect(
      said.contains(
        "known: \(wanted.count) of 23 answers are in the top \(top): \(count("place")), "
          + "\(count("thing")), \(count("word"))"), "\(said)")
  }

  /// Another model has other tokens: of a fact its relation is left, its answer is read anew.
  @Test func underAnotherModel() throws {
    shell.session.models.add(
      try LanguageModel(
        path: Fixtures.path("tiny-mha"),
        pool: WorkerPool(width: 2)), as: "other")
    try shell.define("use tiny")
    let rows = try shell.table("all | with other | rank | group by relation count rank")
    #expect(lines(rows) == ["relation|rank", "place|7", "thing|8", "word|8"])
    let result = shell.session.running("all | with other | dla on R")
    #expect(result.status == .failed)
    #expect(result.messages.contains("a folder of facts, read by the model in use"))
    let folder = "\"\(Experiment.fixtures)/experiments/facts\""
    #expect(try shell.prompts("facts \(folder) first | with other").count == 24)
  }

  @Test func noneKnown() throws {
    let result = shell.session.running("all | known top 1")
    #expect(result.status == .failed)
    #expect(
      result.messages.contains("no prompt's answer is among the model's likeliest tokens"))
    #expect(result.messages.contains("known: 0 of 23 answers are in the top 1"))
  }
}

/// Folders that nobody would write on purpose: each ends in an error that names the file, and none
/// in a crash.
@Suite struct HostileFactsTests {
  let shell: Experiment

  init() throws { shell = try Experiment.handBuilt() }

  private static let good = [
    "facts.tsv": "relation\tsubject\tanswer\talso\nlives\tAda\tRome\t\nlives\tBen\tOslo\tLima\n",
    "relations.tsv": "relation\ttemplate\nlives\tFact: {subject} {relation:lives in}\n",
    "attributes.tsv": "relation\tattribute\nlives\tRome\nlives\tOslo\n",
    "subjects.tsv": "subject\tattribute\nAda\tRome\nAda\tlute\n",
  ]

  /// The good folder with other contents of some files; nil: without it; a directory: a name alone.
  private func run(
    _ changes: [String: [UInt8]?], _ rest: String = ""
  ) throws -> (status: Runtime.ExitStatus, output: String, messages: String) {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    var files: [String: [UInt8]?] = Self.good.mapValues { Array($0.utf8) }
    files.merge(changes) { $1 }
    for case (let name, let bytes?) in files {
      if name.hasSuffix("/") {
        try FileManager.default.createDirectory(
          at: folder.appending(path: name), withIntermediateDirectories: true)
      } else {
        try Data(bytes).write(to: folder.appending(path: name))
      }
    }
    return shell.session.running("facts \"\(folder.path)\"\(rest)")
  }

  struct Bad: CustomTestStringConvertible {
    var name: String
    var bytes: [UInt8]?
    var message: String
    var status = Runtime.ExitStatus.unreadable
    var testDescription: String { "\(name): \(message)" }

    init(
      _ name: String, _ text: String?, _ message: String,
      _ status: Runtime.ExitStatus = .unreadable
    ) {
      self.name = name
      bytes = text.map { Array($0.utf8) }
      self.message = message
      self.status = status
    }

    init(_ name: String, bytes: [UInt8], _ message: String) {
      self.name = name
      self.bytes = bytes
      self.message = message
    }
  }

  @Test(arguments: [
    Bad("facts.tsv", nil, "/facts.tsv`"), Bad("relations.tsv", nil, "/relations.tsv`"),
    Bad("facts.tsv", "", "/facts.tsv` is empty"),
    Bad("relations.tsv", "", "/relations.tsv` is empty"),
    Bad("attributes.tsv", "", "/attributes.tsv` is empty"),
    Bad("subjects.tsv", "\n\n\n", "/subjects.tsv` has no header"),
    Bad("facts.tsv", "relation\tsubject\tanswer\talso\n", "gives no prompts", .failed),
    Bad("relations.tsv", "relation\ttemplate\n", "has a fact of the relation 'lives'"),
    Bad(
      "facts.tsv", "relation\tsubject\tanswer\nlives\tAda\n",
      "/facts.tsv`, line 2: 2 fields, where the header names 3"),
    Bad(
      "attributes.tsv", "relation\tattribute\nlives\tRome\tOslo\n",
      "/attributes.tsv`, line 2: 3 fields"),
    Bad(
      "relations.tsv", "relation\ttemplate\nlives\t{subject}\nlives\t{subject} x\n",
      "/relations.tsv' has the relation 'lives' twice"),
    Bad("relations.tsv", "name\ttemplate\nlives\t{subject}\n", "has no column `relation`"),
    Bad("facts.tsv", "subject\tanswer\nAda\tRome\n", "/facts.tsv' has no column `relation`"),
    Bad("attributes.tsv", "relation\tword\nlives\tRome\n", "has no column `attribute`"),
    Bad("subjects.tsv", "name\tattribute\nAda\tRome\n", "/subjects.tsv' has no column `subject`"),
    Bad("facts.tsv", "relation\tsubject\treply\nlives\tAda\tRome\n", "no column `answer`", .failed),
    Bad("relations.tsv", "relation\tkind\nlives\tfactual\n", "has no column `template`", .failed),
    Bad(
      "relations.tsv", "relation\ttemplate\nlives\tFact: {subject\n",
      "error: the template \"Fact: {subject\" is wrong: this `{` is not closed\n --> test:1:7",
      .failed),
    Bad(
      "relations.tsv",
      "relation\ttemplate\nlives\t\(String(repeating: "so ", count: 99)){subject\n",
      "is wrong: this `{` is not closed", .failed),
    Bad("relations.tsv", "relation\ttemplate\nlives\t{subjekt} lives in\n", "`subjekt`", .failed),
    Bad("relations.tsv", "relation\ttemplate\nlives\t\n", "gives no prompts", .failed),
    Bad("facts.tsv", "relation\tsubject\tanswer\n\t\t\n", "has a fact of the relation ''"),
    Bad("facts.tsv", "relation\tsubject\tanswer\nlives\tAda\t\n", "gives no prompts", .failed),
    Bad("facts.tsv", "relation\tsubject\tanswer\nlives\t\tRome\n", "gives no prompts", .failed),
    Bad("facts.tsv", "relation\tanswer\tanswer\nlives\tRome\tOslo\n", "both named `answer`"),
    Bad(
      "facts.tsv", bytes: Array("relation\tsubject\tanswer\nlives\tA".utf8) + [0xFF, 0x0A],
      "/facts.tsv`, line 2: is not UTF-8"),
    Bad("relations.tsv", bytes: [0xFF, 0xFE, 0x41, 0x00], "/relations.tsv` is UTF-16"),
    Bad("facts.tsv", bytes: [0, 1, 2, 3, 0x0A, 0, 9, 9, 9, 0x0A], "/facts.tsv`"),
  ])
  func errorsNameThePlace(bad: Bad) throws {
    let result = try run([bad.name: bad.bytes])
    #expect(result.status == bad.status, "\(result.messages)")
    #expect(result.messages.contains(bad.message), "\(result.messages)")
  }

  /// The variable's text is no part of the line, and its places are none of it.
  @Test func aTemplateInAVariable() throws {
    try shell.define("let long = \"\(String(repeating: "so ", count: 99)){subject\"")
    let result = try run([:], " long")
    #expect(result.status == .failed)
    #expect(result.messages.contains("is wrong: this `{` is not closed"), "\(result.messages)")
  }

  @Test func aFolderInPlaceOfAFile() throws {
    let result = try run(["facts.tsv": nil, "facts.tsv/": []])
    #expect(result.status == .unreadable)
    #expect(result.messages.contains("/facts.tsv` cannot be read"), "\(result.messages)")
  }

  /// Attributes may be absent: then there is no R and no S.
  @Test func withoutAttributes() throws {
    let result = try run(["attributes.tsv": nil, "subjects.tsv": nil], " | dla on answer, S")
    #expect(result.status == .failed)
    #expect(result.messages.contains("`on S` needs the attributes of the subject"))
  }

  /// A word is what is written, even where it could be a number or a truth.
  @Test func wordsStayAsTheyAreWritten() throws {
    let facts = "relation\tsubject\tanswer\n1.50\tTrue\t2\n1.50\t\"Ada\"\t2.5\n"
    let relations = "relation\ttemplate\n1.50\tFact: {subject} {relation:is}\n1.5\t{subject}\n"
    let result = try run(
      ["facts.tsv": Array(facts.utf8), "relations.tsv": Array(relations.utf8)], " first")
    #expect(result.status == .done, "\(result.messages)")
    let lines = result.output.split(separator: "\n").dropFirst()
    #expect(
      lines.map { $0.split(separator: "\t").first ?? "" } == [
        "\"Fact: True is\"", "\"Fact: Ada is\"",
      ])
  }

  @Test func lineEndsOfOtherSystems() throws {
    let result = try run(
      Self.good.mapValues { Array($0.replacing("\n", with: "\r\n").utf8) }, " | dla on R | top 1")
    #expect(result.status == .done, "\(result.messages)")
  }

  /// Whatever the bytes are, an answer comes back.
  @Test func damagedAnywhere() throws {
    var chance = SeededGenerator(seed: 5)
    for name in Self.good.keys.sorted() {
      let whole = Array((Self.good[name] ?? "").utf8)
      for _ in 0..<40 {
        var bytes = whole
        for _ in 0..<Int.random(in: 1...4, using: &chance) {
          let place = Int.random(in: bytes.indices, using: &chance)
          bytes[place] =
            [0, 9, 10, 13, 34, 92, 123, 125, 124, 255].randomElement(using: &chance) ?? 0
        }
        if Bool.random(using: &chance) {
          bytes = Array(bytes.prefix(Int.random(in: 0..<bytes.count, using: &chance)))
        }
        let result = try run([name: bytes])
        #expect(result.status == .done || !result.messages.isEmpty)
      }
    }
  }
}
