import TestSupport
import Testing

@testable import Runtime

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The scripts of `Examples/tasks` on the default model, with few prompts.
@Suite struct TaskTests {
  static var scripts: [String] {
    get throws { try repositoryFiles("Examples/tasks", ending: ".summand") }
  }

  /// Runs a script with few prompts, and gives the session as it leaves it.
  ///
  /// - Parameter short: what stands in place of a part of it.
  private func run(
    _ path: String, prompts: Int = 4, short: (of: String, is: String)? = nil,
    _ others: (String, String)...
  ) throws -> Session {
    let arguments = [("prompts", "\(prompts)")] + others
    let session = Session(
      host: TestHost(format: .tsv), arguments: arguments.map { (name: $0.0, value: $0.1) })
    // A page has the SHA-256 of the weights, which takes long where nothing is optimised.
    let text = try repositoryText(path)
    try #require(text.contains("\nreport args.out {\n"))
    var script = text.replacing("\nreport args.out {\n", with: "\nif true {\n")
    if let short {
      try #require(script.contains(short.of))
      script.replace(short.of, with: short.is)
    }
    let result = session.running(script, name: path)
    try #require(result.status == .done, "\(result.messages)")
    #expect(!result.messages.contains("warning:"), "\(result.messages)")
    return session
  }

  @Test func everyTaskIsListedAndTested() throws {
    let names = try Self.scripts.map { $0.split(separator: "/").last.map(String.init) ?? "" }
    #expect(
      names.sorted() == [
        "docstring.summand", "fact-neurons.summand", "greater-than.summand",
        "indirect-objects.summand", "induction-heads.summand", "induction.summand",
        "multiple-choice.summand",
      ])
    let readme = try repositoryText("Examples/tasks/README.md")
    for name in names { #expect(readme.contains("`\(name)`")) }
    for path in try Self.scripts {
      #expect(try repositoryText(path).hasPrefix("#!/usr/bin/env summand\n"))
    }
  }

  private func prompts(_ name: String, in session: Session) throws -> PromptSet {
    try session.asPrompts(try #require(session.lookUp(name)))
  }

  private func table(_ name: String, in session: Session) throws -> Table {
    guard case .table(let value)? = session.lookUp(name) else { throw Failure("no table") }
    return value.table
  }

  private func words(_ prompt: Prompt, _ label: String) throws -> String {
    try prompt.positions(.name(label)).map(prompt.tokenText).joined()
  }

  /// Two induction heads, the head before them that looks at the previous token, and others.
  @Test func inductionHeads() throws {
    let session = try run(
      "Examples/tasks/induction-heads.summand", prompts: 2,
      short: ("-> heads", "-> L17H3..4 samples 2"),
      ("heads", "L{16..17}H{0,3,4}"), ("tokens", "10"))
    let all = try table("all", in: session)
    #expect(try Set(all.texts("component").prefix(2)) == ["L17H3", "L17H4"])
    #expect(try all.numbers("prefix_matching").prefix(2).allSatisfy { $0 > 0.4 })
    let previous = try table("previous", in: session)
    #expect(try previous.texts("component").first == "L16H0")
    // What they need hurts more than they do.
    let losses = try table("losses", in: session)
    let effects = Dictionary(
      uniqueKeysWithValues: zip(try losses.texts("component"), try losses.numbers("effect")))
    #expect(try #require(effects["L16H0"]) > 1 && #require(effects["L17H3"]) > 0.1)
    #expect(try table("composed", in: session).rowCount == 2)
  }

  @Test func factNeurons() throws {
    let session = try run("Examples/tasks/fact-neurons.summand", prompts: 8, ("neurons", "2"))
    let (found, most) = (try table("found", in: session), try table("most", in: session))
    let neurons = try found.texts("component")
    #expect(neurons.count == 2)
    #expect(try most.texts("component") == neurons.flatMap { [String](repeating: $0, count: 4) })
    // Of eight texts the fourth from above is the fifth from below.
    let least = try table("least", in: session)
    #expect(
      try zip(most.numbers("value"), least.numbers("value")).filter { $0 < $1 }.isEmpty)
  }

  @Test func indirectObjects() throws {
    let session = try run("Examples/tasks/indirect-objects.summand")
    let set = try prompts("asked", in: session)
    #expect(set.prompts.count == 4)
    #expect(Set(set.prompts.map(\.text)).count == 4)
    for prompt in set.prompts {
      // The answer is the name that stands once, the foil the one that stands twice.
      #expect(try words(prompt, "io") == prompt.answers[0].text)
      #expect(try words(prompt, "s1") == words(prompt, "s2"))
      #expect(try words(prompt, "s1") == prompt.foils[0].text)
      // The counterpart has three other names, and pairs token by token.
      let other = try #require(prompt.counterpart)
      let names = try ["io", "s1", "s2"].map { try words(other, $0) }
      #expect(Set(names + [prompt.answers[0].text, prompt.foils[0].text]).count == 5)
      #expect(other.tokens.count == prompt.tokens.count)
    }
    let score = try table("score", in: session)
    #expect(try score.numbers("logit_diff").prefix(4).allSatisfy { $0 > 0 })
  }

  @Test func induction() throws {
    let session = try run("Examples/tasks/induction.summand", prompts: 2, ("tokens", "12"))
    let set = try prompts("repeated", in: session)
    for prompt in set.prompts {
      #expect(prompt.tokens.count == 24)
      #expect(Array(prompt.tokens[..<12]) == Array(prompt.tokens[12...]))
      #expect(Set(prompt.tokens).count == 12)
    }
    // A head that attends to the token after the same one has most of its weight there.
    let best = try table("best", in: session)
    #expect(try best.numbers("induction")[0] > 0.5)
    // Without these heads, what comes twice is as hard to tell as what comes once.
    let lost = try table("lost", in: session)
    func mean(_ without: String) throws -> Double {
      let rows = try zip(lost.texts("without"), lost.numbers("loss")).filter { $0.0 == without }
      return rows.reduce(0) { $0 + $1.1 } / Double(rows.count)
    }
    #expect(try mean("induction heads") > mean("nothing") + 1)
    #expect(try mean("induction heads") > mean("other heads") + 1)
  }

  @Test func greaterThan() throws {
    let session = try run("Examples/tasks/greater-than.summand")
    let digits = Set((0...9).map(String.init))
    for prompt in try prompts("asked", in: session).prompts {
      // The decade that the first year is in is neither later nor earlier.
      let start = try words(prompt, "start").filter(\.isNumber)
      let decade = String(Array(start)[2])
      let (later, earlier) = (prompt.answers.map(\.text), prompt.foils.map(\.text))
      #expect(later.allSatisfy { $0 > decade } && earlier.allSatisfy { $0 < decade })
      #expect(Set(later + earlier + [decade]) == digits)
      let other = try #require(prompt.counterpart)
      #expect(try words(other, "start").hasSuffix("01"))
      #expect(other.tokens.count == prompt.tokens.count)
    }
    let score = try table("score", in: session)
    #expect(try score.numbers("prob_diff").prefix(4).allSatisfy { $0 > 0 })
  }

  @Test func multipleChoice() throws {
    let session = try run("Examples/tasks/multiple-choice.summand")
    let set = try prompts("asked", in: session)
    // Each letter is right once, and stands before the color that the question tells.
    #expect(Set(set.prompts.map { $0.answers[0].text }) == ["A", "B", "C", "D"])
    for prompt in set.prompts {
      let letter = prompt.answers[0].text
      #expect(try words(prompt, letter.lowercased()) == words(prompt, "color"))
      #expect(Set(prompt.foils.map(\.text) + [letter]) == ["A", "B", "C", "D"])
      let end = prompt.tokens.indices.suffix(4).map(prompt.tokenText).joined()
      #expect(end == "<|im_start|>assistant\n")
    }
  }

  @Test func docstring() throws {
    let session = try run("Examples/tasks/docstring.summand")
    for prompt in try prompts("asked", in: session).prompts {
      #expect(try words(prompt, "third") == prompt.answers[0].text)
      #expect(try words(prompt, "first") == words(prompt, "first_doc"))
      #expect(try words(prompt, "second") == words(prompt, "second_doc"))
      #expect(prompt.foils.count == 5)
      let other = try #require(prompt.counterpart)
      #expect(other.tokens.count == prompt.tokens.count)
    }
  }
}
