import Testing

@testable import Runtime

/// Within 1e-4 of the largest, but for probabilities of the default model.
@Suite("Gradients and what they estimate, against torch's autograd in float64")
struct DerivativeTests {
  private let wanted: DerivativeReference

  init() throws { wanted = try DerivativeReference.read() }

  private func check(
    _ found: [Double], _ wanted: [Double], within tolerance: Double = 1e-4, _ what: String
  ) throws {
    let largest = wanted.reduce(0) { max($0, abs($1)) }
    try #require(largest > 0)
    try expectClose(found, wanted, within: tolerance * largest, what)
  }

  private func list(_ texts: [String]) -> String {
    texts.map { "\"\($0)\"" }.joined(separator: ", ")
  }

  // MARK: - gradient

  /// A probability's slope is off by as much as the logits are, in F32: by 1e-4. Measured: 1.4e-4 at most.
  @Test func everyMetricAndEdit() throws {
    let shell = try PipedSession()
    let of = wanted.gradients
    try shell.define(
      "let asked = prompt \"\(of.text)\" -> \(list(of.answers)) vs \(list(of.foils))")
    let lines = Dictionary(grouping: of.rows) { "\($0.edit)|\($0.metric)" }
    try #require(lines.count == 13)
    for rows in lines.values {
      let (edit, metric) = (rows[0].edit, rows[0].metric)
      let line =
        "asked | " + (edit.isEmpty ? "" : "\(edit) | ")
        + "gradient \(rows.map(\.site).joined(separator: ", ")) of \(metric)"
      let table = try shell.table(line)
      let (components, values) = (try table.texts("component"), try table.numbers("value"))
      for row in rows {
        let name = row.site.split(separator: "@")[0]
        let found = values.indices.filter { components[$0] == name }.map { values[$0] }
        let some = stride(from: 0, to: found.count, by: of.step).map { found[$0] }
        try check(some, row.values, within: 3e-4, "\(line): \(row.site)")
      }
    }
  }

  @Test(arguments: [
    ("gradient L0.mlp of rank", "`rank` counts tokens"),
    ("gradient L0.mlp of (prob(answer) - rank)", "`rank` counts tokens"),
    ("gradient L0.mlp of accuracy", "`accuracy` is 0 or 1"),
    ("gradient L0.mlp of overlap", "`overlap` counts tokens"),
    ("gradient L0.mlp of kl", "its derivative is 0"),
    ("ablate L0H1 | gradient L0.mlp of js", "its derivative is 0"),
    ("ablate each L0H* | attribute of kl", "its derivative is 0"),
    ("gradient L0.mlp of (1 + 2)", "nothing in this metric depends on a logit"),
    ("ablate each heads | gradient L0.mlp", "cannot be taken of a sweep"),
    ("ablate L0H0 | attribute", "there is none"),
    ("attribute", "there is none"),
    ("ablate each layers | attribute", "'L0' is a whole layer"),
    ("knockout each subject -> last at L0 | attribute", "what a knock-out takes away"),
    ("ablate each L0H* | attribute of rank", "`rank` counts tokens"),
    ("ablate each L0H* | attribute steps 3", "needs a `patch`"),
    ("ablate each L0H* | attribute gradient both", "needs a `patch`"),
    ("ablate each L0H* | attribute points left", "`points` goes with `steps`"),
    ("ablate each L0H* | attribute steps 0", "from 1 to 1000"),
    ("ablate each L0H* | attribute steps 3 gradient base", "`gradient` is one point"),
    ("patch each L0H* from other | attribute of loss gradient donor", "the prompt's own text"),
    ("patch each L0H*@last from longer | attribute steps 2", "`steps` pair all of their positions"),
    ("patch each L0H* from (other | ablate L0.mlp) | attribute steps 2", "the donors are edited"),
    ("scale each L0H* by 2 | scale L0H1 by 3 | attribute", "edited again after the sweep"),
  ])
  func refused(line: String, error: String) throws {
    let shell = try PipedSession(tiny: "tiny-gqa.F32.gguf")
    try shell.define(
      """
      let asked = prompt "{subject:the sky} is a" -> "b" vs "c"
      let other = prompt "the sun is a" -> "b"
      let longer = prompt "the sky is a a" -> "b"
      """)
    let result = shell.session.running("asked | \(line)")
    #expect(result.status == .failed)
    #expect(result.messages.contains(error), "\(result.messages)")
  }

  @Test func answersOfSeveralTokensThatNeedSeveralRunsAreRefused() throws {
    let session = try PipedSession().session
    let prompt = "prompt \"The capital is\" -> whole \" Ouagadougou\" vs \" Paris\""
    for measure in ["gradient L3.mlp", "ablate each mlps | attribute"] {
      for metric in ["logit_diff", "prob", "(logit(answer) - logit(foils))"] {
        let result = session.running("\(prompt) | \(measure) of \(metric)")
        #expect(result.status == .failed)
        #expect(result.messages.contains("has answers of several tokens"), "\(result.messages)")
      }
      #expect(session.running("\(prompt) | \(measure) of loss").status == .done)
    }
  }

  /// Its tokens are predicted at several positions: all is linear here, so that estimates are exact.
  @Test(arguments: ["logit", "logprob"])
  func anAnswerOfSeveralTokens(metric: String) throws {
    let shell = try PipedSession(tiny: "tiny-gqa.F32.gguf")
    try shell.define(
      "let a = prompt \"the sky\" -> whole \"abc\"; let b = prompt \"the sun\"; "
        + "let few = [(prompt \"the sky\" -> whole \"abc\"), (prompt \"a sea\" -> whole \"ab\")]")
    let size = metric == "logit" ? "" : " by 1.001"
    let edit =
      metric == "logit"
      ? "freeze ln_final.scale | patch each layers -> logits from b"
      : "scale each heads\(size)"
    let effects = try shell.table("a | \(edit) | effect of \(metric)")
    let (estimates, base) = (
      try shell.table("a | \(edit) | attribute of \(metric)"), try effects.numbers("base")
    )
    try expectClose(try estimates.numbers("base"), base, within: 1e-4)
    let wanted = try effects.numbers("effect")
    let largest = wanted.map(abs).max() ?? 0
    try expectClose(
      try estimates.numbers("estimate"), wanted, within: metric == "logit" ? 2e-5 : 0.03 * largest)
    #expect(try shell.table("few | ablate each heads | attribute").texts("metric")[0] == "logprob")
    let slopes = try shell.table("a | gradient L1.mlp of \(metric)")
    // Of the prompt's own two positions, and of the answer's but for the last.
    #expect(Set(try slopes.numbers("position")) == [0, 1, 2, 3] || slopes.rowCount > 0)
  }

  @Test func aMetricWithoutDerivativeIsMissingWithAWarning() throws {
    let shell = try PipedSession(tiny: "tiny-gqa.F32.gguf")
    let (table, said) = try shell.run(
      "prompt \"the sky\" -> \"b\" | gradient L0.mlp@last of (sqrt(prob(answer) - prob(answer)))")
    #expect(try table.numbers("value").allSatisfy(\.isNaN))
    #expect(said.contains("in 1 of 1 runs"), "\(said)")
  }

  /// A part that `max` does not take passes nothing on, even where its own slope is infinite.
  @Test func whatIsNotTakenHasNoSlope() throws {
    let shell = try PipedSession(tiny: "tiny-gqa.F32.gguf")
    let (table, said) = try shell.run(
      "prompt \"the sky\" -> \"b\" | gradient L0.mlp@last of "
        + "(max(sqrt(logit(answer) - logit(answer)), 2))")
    #expect(try table.numbers("value").allSatisfy { $0 == 0 })
    #expect(!said.contains("missing"), "\(said)")
  }

  // MARK: - attribute

  @Test func pairOfTheDefaultModel() throws {
    let (shell, pair) = (try PipedSession(), wanted.smollm2)
    try shell.define(
      """
      let clean = prompt "\(pair.clean)" -> "\(pair.answer)" vs "\(pair.foil)"
      let donor = prompt "\(pair.donor)"
      """)
    try #require(pair.rows.count == 10)
    for row in pair.rows {
      let edit =
        row.mode == "zero" ? "ablate each \(row.sweep)" : "patch each \(row.sweep) from donor"
      let line = "clean | \(edit) | attribute \(row.option)"
      let found = try shell.table(line)
      try check(try found.numbers("estimate"), row.values, line)
      #expect(try found.numbers("base").allSatisfy { abs($0 - pair.values[0]) < 2e-4 })
    }
  }

  @Test(
    "tiny models, with shared keys, windows, caps and norms of all kinds",
    arguments: ["llama3", "qwen3", "gemma2", "gemma3", "gpt2", "gptj"])
  func tiny(family: String) throws {
    let shell = try PipedSession(tiny: "families/\(family)")
    let rows = wanted.tiny.filter { $0.family == family }
    try #require(rows.count >= 7)
    for row in rows {
      func prompt(_ tokens: [Int]) -> String {
        "prompt [" + tokens.map(String.init).joined(separator: ", ") + "]"
      }
      let line =
        "\(prompt(row.tokens)) | patch each \(row.sweep) from (\(prompt(row.donor))) | "
        + "attribute of (logit(33) - 0.5 * logit(70)) \(row.option)"
      try check(try shell.table(line).numbers("estimate"), row.values, line)
    }
  }

  /// From the embeddings all of the effect comes, the closer the more points there are.
  @Test func moreStepsComeCloser() throws {
    let (shell, pair) = (try PipedSession(), wanted.smollm2)
    let all = pair.values[1] - pair.values[0]
    let gaps = try [1, 5, 20].map { steps in
      let line =
        "prompt \"\(pair.clean)\" -> \"\(pair.answer)\" vs \"\(pair.foil)\" | "
        + "patch each embed from (prompt \"\(pair.donor)\") | attribute steps \(steps)"
      return abs(try shell.table(line).numbers("estimate")[0] - all)
    }
    #expect(gaps[1] < gaps[0] / 10 && gaps[2] < gaps[1] / 10, "\(gaps)")
  }

  /// What the logit is linear in, with what it is divided by held, is estimated exactly.
  @Test(arguments: [
    "freeze ln_final.scale | ablate each L2.mlp, L2.resid_post",
    "freeze ln_final.scale, L2.ln2.scale | scale each L2.resid_post@{1, last} by 1.5",
    "freeze ln_final.scale | patch each L2.mlp@* from donors",
    "freeze ln_final.scale | ablate each L2.mlp@* mean over donors",
    "freeze ln_final.scale | ablate each L2.mlp@last resample over donors seed 3",
    // What is edited already, before or after the sweep.
    "freeze ln_final.scale | scale L2.mlp@last by 0.5 | scale each L2.mlp by 3",
    "freeze ln_final.scale | patch each L2.mlp@* from donors | scale L2.mlp@last by 3",
    "freeze ln_final.scale | ablate L0H1 | patch each L2.mlp from (donors | ablate L1H2)",
  ])
  func exactWhereItIsLinear(edits: String) throws {
    let shell = try PipedSession(tiny: "tiny-gqa.F32.gguf")
    try shell.define(
      """
      let asked = [(prompt "the sky is a" -> "b" vs "c"), (prompt "the sun is a" -> "c" vs "d", "e")]
      let donors = [(prompt "the sun is a"), (prompt "the sky is a")]
      """)
    for measure in ["", " of logit", " at @{0, last}"] {
      let effects = try shell.table("asked | \(edits) | effect\(measure)")
      let estimates = try shell.table("asked | \(edits) | attribute\(measure)")
      for column in ["prompt", "component", "layer", "metric", "base"] {
        #expect(try estimates.texts(column) == effects.texts(column))
      }
      let wanted = try effects.numbers("effect")
      #expect(wanted.contains { abs($0) > 1e-3 })
      try expectClose(
        try estimates.numbers("estimate"), wanted, within: 2e-5, "\(edits)\(measure)")
    }
  }

  @Test func saysWhatItDidAndWarnsOfDonorsThatDoNotDiffer() throws {
    let shell = try PipedSession(tiny: "tiny-gqa.F32.gguf")
    try shell.define(
      "let asked = [(prompt \"the sky is a\" -> \"b\"), (prompt \"a sea is so\" -> \"c\")]")
    let (table, said) = try shell.run("asked | patch each heads from asked | attribute steps 2")
    #expect(try table.numbers("estimate").allSatisfy { $0 == 0 })
    #expect(said.contains("2 of 2 prompts have themselves as donors"))
    #expect(said.contains("attribute: mean gradient over 2 points (midpoint)"))
    let other = try shell.run("asked | ablate each heads | attribute")
    #expect(other.messages == "attribute: gradient at the base, times the change\n")
  }
}
