import Model
import TestSupport
import Testing

@testable import Runtime

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What numbers they give is held against transformers in `AnswerTests`.
@Suite("Metrics of one's own, sets of answers in files, and what is wrong with them")
struct MetricTests {
  private func session() throws -> PipedSession {
    let shell = try PipedSession(tiny: "tiny-gqa.F32.gguf")
    try shell.define(
      """
      let asked = prompt "the sky is a" -> "b", "d" vs "c", "e"
      let edited = asked | ablate L1.mlp
      let bare = prompt "the sky is a" -> "b"
      """)
    return shell
  }

  /// Each is the same as one that the language has.
  @Test(arguments: [
    "(prob(answer) - prob(foils))": "prob_diff",
    "(logit(answer) - logit(foils))": "logit_diff",
    "(mean(logit(answer)) - mean(logit(foils)))": "logit_diff",
    "(sum(prob(answer)))": "prob",
    "(log(prob(answer)))": "logprob",
    "(min(rank(answer)))": "rank",
    "(kl + 0)": "kl",
    "((tv * 2) / 2)": "tv",
    "(-(-js))": "js",
    "(overlap(3))": "overlap top 3",
    "(sum(prob(\"b\", \"d\")))": "prob",
    "(prob([\"b\", \"d\"]))": "prob",
    "(abs(prob(answer)))": "prob",
    "(prob(\"b\", [\"d\", \"b\"]))": "prob",
    "(prob(answer, \"d\"))": "prob",
    "(sum(prob(answer, \"b\")))": "prob",
    "(logit(\"d\", answer) - logit(foils))": "logit_diff",
    "(exp(logprob(answer)))": "prob",
  ])
  func sameAsAKnownOne(own: String, known: String) throws {
    let shell = try session()
    let mine = try shell.table("edited | effect of \(own)")
    let theirs = try shell.table("edited | effect of \(known)")
    for column in ["base", "edited", "effect"] {
      try expectClose(
        try mine.numbers(column), try theirs.numbers(column), within: 1e-12, "\(own) \(column)")
    }
    #expect(try mine.numbers("edited") != mine.numbers("base"))
  }

  @Test func namesAndVariables() throws {
    let shell = try session()
    try shell.define(
      """
      let weight = 3
      let wrong = ["c", "e"]
      metric gap = logit(answer) - max(logit(foils))
      metric scaled = weight * gap - logit(wrong)
      """)
    let gap = try shell.table("edited | effect of gap")
    #expect(try gap.texts("metric") == ["gap"])
    let inline = try shell.table(
      "edited | effect of (3 * (logit(answer) - max(logit(foils))) - logit(foils))")
    let scaled = try shell.table("edited | effect of scaled")
    #expect(try scaled.numbers("edited") == inline.numbers("edited"))
    let ranked = try shell.table("asked | rank of gap, accuracy")
    #expect(try ranked.numbers("gap") == gap.numbers("base"))
    #expect(ranked.columnNames.suffix(2) == ["gap", "accuracy"])
  }

  @Test func attributionsOfSumsOfLogits() throws {
    let shell = try session()
    let own = try shell.run("asked | dla of (logit(answer) - mean(logit(foils)))")
    let known = try shell.run("asked | dla of logit_diff")
    #expect(try own.table.numbers("dla") == known.table.numbers("dla"))
    let weighed = try shell.run("asked | dla of (2 * logit(\"b\") - logit(\"c\") / 4)")
    let (b, c) = (
      try shell.table("asked | dla on \"b\"").numbers("dla"),
      try shell.table("asked | dla on \"c\"").numbers("dla")
    )
    try expectClose(
      try weighed.table.numbers("dla"), zip(b, c).map { 2 * $0 - $1 / 4 }, within: 1e-5)
    #expect(weighed.messages.contains("the gap is"))
  }

  /// Every way of running a metric gives its bits: sweeps with and without a shared base.
  @Test func aSweepIsItsVariantsOneByOne() throws {
    let shell = try session()
    for metric in ["prob_diff", "(logit(answer) - max(logit(foils)))", "js"] {
      let sweep = try shell.table("asked | ablate each heads@last | effect of \(metric)")
      for (row, component) in try sweep.texts("component").enumerated() {
        let one = try shell.table("asked | ablate \(component)@last | effect of \(metric)")
        #expect(try one.numbers("effect")[0] == sweep.numbers("effect")[row], "\(component)")
      }
    }
  }

  @Test(arguments: [
    "edited | effect of (answer)": "`answer` is tokens, not a number",
    "edited | effect of (prob(\"several of them\"))": "is 8 tokens",
    "edited | effect of (prob(99999))": "there is no token 99999",
    "edited | effect of (sum())": "`sum()` is of nothing",
    "edited | effect of (prob())": "`prob()` is of no token",
    "edited | effect of (logit([]))": "this list is empty",
    "edited | effect of (nothing(answer))": "a metric has no function 'nothing'",
    "edited | effect of (loss)": "`loss` is of the text",
    "edited | effect of (kl(answer))": "`kl` takes no tokens",
    "edited | effect of (asked)": "a metric is made of numbers, and this is a prompt",
    "edited | effect of (prob(answer) == 1)": "a metric has no operator `==`",
    "edited | effect of (max(logit(foils) - logit(\"a\", \"b\", \"c\")))":
      "2 numbers and 3 cannot be paired",
    "edited | effect of prob top 3": "`top` goes with `of overlap`",
    "edited | effect of overlap top 0": "`overlap` compares at least one token",
    "bare | ablate L1.mlp | effect of prob_diff": "prob_diff needs foils, and",
    "bare | ablate L1.mlp | effect of (max(logit(foils)))": "needs foils, and",
    "let answer = 2; edited | effect of (prob(answer))":
      "`answer` is both the prompt's own and a variable",
    "let prob = 2; edited | effect of (prob + 1)": "`prob` is both a metric and a variable",
    "metric kl = 3": "'kl' is a metric of the language",
    "metric asked = prob(answer)": "'asked' is a variable",
    "metric rank = prob(answer)": "'rank' is a command",
    "metric gap = logit(answer); let gap = 2": "'gap' is a metric",
    "asked | dla of (prob(answer))": "this metric is not linear in the logits",
    "asked | dla of (max(logit(answer)))": "this metric is not linear in the logits",
    "asked | dla of (logit(answer) + 1)": "no component adds",
    "asked | rank of (kl)": "`kl` compares an edited run with its base",
    "prompt \"a\" -> []": "this list of answers is empty",
    "prompt \"a\" -> next, \"b\"": "`next` is the token that follows",
    "prompt \"a\" -> \"b\" vs next": "`next` is the token that follows",
    "asked | rank of (rank)": "the table would have the column `rank` twice",
    "asked | rank of accuracy, accuracy": "the table would have the column `accuracy` twice",
    "asked | dla of (logit(answer) / 0)": "this metric divides by zero",
    "asked | dla of (logit(answer) * sqrt(-1))": "a number in it that is missing",
    "prompt \"a\" -> [1]": "an answer is text, not a whole number",
    "prompt \"a\" -> first whole \"b\"": "`first` and `whole` do not go together",
    "prompt \"a\" whole": "`whole` needs an answer",
    "prompt \"a\" -> whole \"xyz\" | lens at @*": "has an answer of several",
    "prompt \"a\" -> whole \"xyz\" | subsets asked": "`subsets` looks at one token",
    "prompt \"a\" -> whole \"xyz\" | rank at @*": "has an answer of several",
    "prompt \"a\" -> \"b\" | ablate L0.mlp@completion | rank": "@completion is the tokens of",
    "prompt \"a\" -> whole \"b\" | ablate L0.mlp@completion | rank":
      "is one token, which is not fed",
    "prompt \"a\" -> whole \"xyz\" | ablate L0.mlp@completion | generate 2":
      "no answer is fed here",
  ])
  func mistakes(line: String, message: String) throws {
    let shell = try session()
    let result = shell.session.running(line)
    #expect(result.status == .failed)
    #expect(result.messages.contains(message), "\(line): \(result.messages)")
  }
}

/// What numbers of sets cannot be.
extension MetricTests {
  /// A text that goes on with "bc" goes on with "b" too: that is one text, not two.
  @Test func anAnswerThatBeginsWithAnotherCountsOnce() throws {
    let shell = try session()
    let alone = try shell.table("prompt \"the sky is a\" -> whole \"b\" | rank")
    let both = try shell.table("prompt \"the sky is a\" -> whole \"bc\", \"b\", \"bcd\" | rank")
    for column in ["prob", "logprob"] {
      try expectClose(
        try both.numbers(column), try alone.numbers(column), within: 1e-12, column)
    }
    #expect(try both.numbers("logit") != alone.numbers("logit"))
    // Neither of these begins with the other.
    let apart = try shell.table("prompt \"the sky is a\" -> whole \"bc\", \"bd\" | rank")
    let sum = try ["bc", "bd"].map { text in
      try shell.table("prompt \"the sky is a\" -> whole \"\(text)\" | rank").numbers("prob")[0]
    }.reduce(0, +)
    try expectClose(try apart.numbers("prob"), [sum], within: 1e-12, "prob")
  }

  @Test(arguments: [
    ("-> \"b\", \"c\" vs \"d\", \"c\"", "\"c\" is an answer and a foil"),
    ("-> whole \"xyz\" vs \"xyz\"", "\"xyz\" is an answer and a foil"),
  ])
  func answersAmongTheFoils(given: String, warning: String) throws {
    let result = try session().session.running("let found = prompt \"a\" \(given)")
    #expect(result.status == .done)
    #expect(result.messages.contains(warning), "\(result.messages)")
  }

  /// Missing, with a warning that counts the rows, as in a column.
  @Test(arguments: [
    "prob(answer) / 0", "prob(answer) / (prob(answer) - prob(answer))", "sqrt(-prob(answer))",
    "log(prob(foils) - 2)", "max(logit(foils) / 0)",
  ])
  func whatHasNoValueIsMissing(own: String) throws {
    let shell = try session()
    for line in ["asked | rank of (\(own))", "edited | effect of (\(own))"] {
      let result = shell.session.running("let found = \(line)")
      #expect(result.status == .done)
      #expect(result.messages.contains("is missing in 1 of 1 rows"), "\(result.messages)")
      let table = try shell.table("found")
      let column = try table.column(line.hasPrefix("asked") ? own : "edited")
      #expect(column[0].isMissing, "\(line)")
    }
  }
}

/// Answers in files of facts.
@Suite struct AnswerFileTests {
  private func facts(_ rows: String, _ words: String) throws -> (prompts: [Prompt], said: String) {
    let path = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).tsv").path
    try Data(rows.utf8).write(to: URL(filePath: path))
    defer { try? FileManager.default.removeItem(atPath: path) }
    let shell = try PipedSession(tiny: "tiny-gqa.F32.gguf")
    let result = shell.session.running(
      "let found = facts \"\(path)\" \"the {subject} is\" \(words)")
    try #require(result.status == .done, "\(result.messages)")
    guard case .prompts(let set)? = shell.session.lookUp("found") else { return ([], "") }
    return (set.prompts, result.messages)
  }

  private static let rows = "subject\tanswer\tfoils\na\tb|c\td|xyz\ne\txyz\tb\n"

  /// Several are apart by `|`; what is several tokens is left out, with a warning, or kept.
  @Test func severalAnswersInACell() throws {
    let (prompts, said) = try facts(Self.rows, "exact")
    #expect(said.contains("1 of 2 facts are left out: the answer \"xyz\" is several tokens"))
    try #require(prompts.count == 1)
    #expect(prompts[0].answers.map(\.text) == ["b", "c"])
    #expect(prompts[0].foils.map(\.text) == ["d"])
  }

  @Test func firstAndWholeApplyToFoilsToo() throws {
    let first = try facts(Self.rows, "exact first").prompts
    #expect(first.map { $0.answers.map(\.text) } == [["b", "c"], ["x"]])
    #expect(first[0].foils.map(\.text) == ["d", "x"])
    let (whole, said) = try facts(Self.rows, "exact whole")
    #expect(!said.contains("left out"))
    #expect(whole.map { $0.answers.map(\.text) } == [["b", "c"], ["xyz"]])
    #expect(whole[1].answers[0].tokens.count == 3)
    #expect(whole[0].foils.map(\.text) == ["d", "xyz"])
  }

  /// As written, spaces and all; a note is printed where a space was added.
  @Test func exactAnswers() throws {
    let rows = "subject\tanswer\na\tb\nc\t日本\n"
    let (spaced, said) = try facts(rows, "whole")
    #expect(spaced.map { $0.answers[0].written } == [" b", "日本"])
    #expect(said.contains("facts: an answer got a leading space; `exact` keeps answers"))
    let (exact, other) = try facts(rows, "whole exact")
    #expect(exact.map { $0.answers[0].written } == ["b", "日本"])
    #expect(!other.contains("leading space"))
  }
}
