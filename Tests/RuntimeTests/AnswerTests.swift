import Model
import TestSupport
import Testing

@testable import Runtime

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Log-probabilities within 1e-3: sums of up to a dozen logits, each within 1e-4.
@Suite("Answers of several tokens and sets of answers, against transformers in float64")
struct AnswerTests {
  let shell: PipedSession
  let wanted: AnswerReference
  private static let tolerance = 1e-3

  init() throws {
    shell = try PipedSession()
    wanted = try AnswerReference.read()
  }

  private func defineWhole(_ count: Int = 100) throws {
    let prompts = wanted.whole.prefix(count).map { "(\($0.prompt))" }
    try shell.define("let asked = [\(prompts.joined(separator: ", "))]")
  }

  // MARK: Several tokens

  @Test func aHundredWholeAnswers() throws {
    try #require(wanted.whole.count == 100)
    try defineWhole()
    let rows = try shell.table("asked | rank")
    try expectClose(
      try rows.numbers("logprob"), wanted.whole.map(\.logprob), within: Self.tolerance)
    try expectClose(try rows.numbers("logit"), wanted.whole.map(\.logit), within: Self.tolerance)
    try expectClose(
      try rows.numbers("prob"), wanted.whole.map { exp($0.logprob) }, within: Self.tolerance)
    // Among thousands of tokens that are better, some are as good but for rounding.
    for (rank, one) in zip(try rows.numbers("rank"), wanted.whole) {
      #expect(abs(Int(rank) - one.rank) <= one.rank / 200, "\(one.text)")
    }
    #expect(try rows.texts("answer") == wanted.whole.map(\.answer))
  }

  /// Their parts sum to the logits that transformers has, and Summand.
  @Test func theirAttributionsClose() throws {
    try defineWhole()
    let (parts, said) = try shell.run("asked | dla | group by prompt sum dla")
    #expect(said.contains("dla: over 100 attributions the parts sum to the model's logit within"))
    // Some facts share a prompt's text.
    var sums: [String: Double] = [:]
    for one in wanted.whole { sums[one.text, default: 0] += one.logit }
    for (text, sum) in zip(try parts.texts("prompt"), try parts.numbers("dla")) {
      try expectClose([sum], [try #require(sums[text])], within: 5e-3, text)
    }
    let gap = try #require(said.split(separator: "within ").last.flatMap { Double($0.dropLast()) })
    #expect(gap < 1e-3)
  }

  /// An edit without `@` is at the answer's tokens too.
  @Test func editsOfTheAnswersTokens() throws {
    try defineWhole(wanted.edited.count)
    let some = wanted.whole.prefix(wanted.edited.count)
    let everywhere = try shell.table("asked | ablate L3.mlp | rank")
    try expectClose(
      try everywhere.numbers("logprob"), wanted.edited.map(\.everywhere), within: Self.tolerance)
    let effects = try shell.table("asked | ablate L3.mlp@completion | effect")
    #expect(Set(try effects.texts("metric")) == ["logprob"])
    try expectClose(try effects.numbers("base"), some.map(\.logprob), within: Self.tolerance)
    try expectClose(
      try effects.numbers("edited"), wanted.edited.map(\.completion),
      within: Self.tolerance)
  }

  /// A donor is followed by the same answer: being it recovers everything.
  @Test func donorsOfWholeAnswers() throws {
    try shell.define(
      """
      let ours = prompt "The capital of Burkina Faso is" -> whole " Ouagadougou" vs " Paris", " Nairobi"
      let theirs = prompt "The language of Burkina Faso is"
      """)
    for metric in ["(logprob(answer))", "(logit(answer) - logit(foils))"] {
      let rows = try shell.table("ours | patch L0.resid_pre from theirs | effect of \(metric)")
      #expect(try rows.numbers("recovered") == [1], "\(metric)")
      #expect(try rows.numbers("effect") != [0], "\(metric)")
    }
  }

  @Test func aSweepIsItsVariantsOneByOne() throws {
    try shell.define(
      "let ours = prompt \"The capital of Burkina Faso is\" -> whole \" Ouagadougou\" vs \" Paris\""
    )
    let sweep = try shell.table("ours | ablate each L{3,20}.mlp | effect of logit_diff")
    let one = try shell.table("ours | ablate L3.mlp | effect of logit_diff")
    let other = try shell.table("ours | ablate L20.mlp | effect of logit_diff")
    #expect(
      try sweep.numbers("edited") == one.numbers("edited") + other.numbers("edited"))
    let positions = try shell.table("ours | ablate each L3.mlp@* | effect of logprob")
    #expect(positions.rowCount == 8)
  }

  @Test func logitsFollowAWholeAnswer() throws {
    let one = try #require(wanted.whole.first)
    let rows = try shell.table("\(one.prompt) | logits")
    let positions = try rows.numbers("read_position")
    let ids = try rows.numbers("token_id")
    let logprobs = try rows.numbers("logprob")
    let ranks = try rows.numbers("rank")
    var (sum, worst) = (0.0, 0.0)
    for (i, token) in one.answerTokens.enumerated() {
      let row = try #require(
        ids.indices.first {
          ids[$0] == Double(token) && positions[$0] == Double(one.tokens.count - 1 + i)
        })
      sum += logprobs[row]
      worst = max(worst, ranks[row])
    }
    try expectClose([sum], [one.logprob], within: Self.tolerance)
    #expect(worst == Double(one.rank))
  }

  @Test func knownIsGreedyMatch() throws {
    try defineWhole()
    let said = try shell.run("asked | known top 20 | rank").messages
    let count = wanted.whole.count { $0.rank <= 20 }
    #expect(said.contains("known: \(count) of 100 answers are in the top 20"))
  }

  // MARK: Sets

  @Test func setsOfAnswers() throws {
    for one in wanted.sets {
      try shell.define("let asked = \(one.prompt)")
      let rows = try shell.table(
        "asked | rank of accuracy" + (one.foils.isEmpty ? "" : ", prob_diff"))
      for name in one.base.keys where rows.columnNames.contains(name) {
        try expectClose(
          try rows.numbers(name), [try #require(one.base[name])], within: 2e-4, "\(name) of \(one)")
      }
      for name in one.base.keys.sorted() {
        let metric = name == "above_best_foil" ? "(logit(answer) - max(logit(foils)))" : name
        let effect = try shell.table("asked | ablate L3.mlp | effect of \(metric)")
        for (column, numbers) in [("base", one.base), ("edited", one.edited)] {
          try expectClose(
            try effect.numbers(column), [try #require(numbers[name])], within: 5e-4,
            "\(column) \(name) of \(one.text)")
        }
      }
    }
  }

  @Test func distributionsCompared() throws {
    for one in wanted.sets {
      try shell.define("let asked = \(one.prompt)")
      for (name, value) in one.compared {
        for metric in [name, "(\(name == "overlap" ? "overlap(10)" : name))"] {
          let effect = try shell.table("asked | ablate L3.mlp | effect of \(metric)")
          try expectClose(
            try effect.numbers("edited"), [value], within: 1e-4, "\(metric) of \(one.text)")
          #expect(try effect.numbers("base") == [name == "overlap" ? 1 : 0])
        }
      }
    }
  }

  /// A list gives what a comma list does, and the same token twice counts once.
  @Test func listsOfAnswers() throws {
    try shell.define(
      """
      let places = [" Italy", " Rome"]
      let wrong = [" Spain"] + [" France"]
      """)
    let lines = [
      "prompt \"The Colosseum is in\" -> \" Italy\", \" Rome\" vs \" Spain\", \" France\"",
      "prompt \"The Colosseum is in\" -> places vs $wrong",
      "prompt \"The Colosseum is in\" -> [\" Italy\", \" Rome\", \" Italy\"] vs (wrong)",
    ]
    let outputs = try lines.map { try shell.run("\($0) | rank of prob_diff").table }
    #expect(outputs.allSatisfy { $0.rowCount == 1 })
    #expect(try Set(outputs.map { try $0.numbers("prob_diff") }).count == 1)
    #expect(try outputs[0].texts("answer") == [" Italy| Rome"])
  }
}
