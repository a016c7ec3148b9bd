import Testing

@testable import Runtime

@Suite("Edges in lines, against torch in float64")
struct EdgeTests {
  private static let families = ["llama3", "qwen3", "mistral", "gemma2", "gemma3", "gpt2", "gptj"]

  private func pair(_ family: String) throws -> EdgeReference.Pair {
    try #require(try EdgeReference.read().first { $0.family == family })
  }

  /// Measured at most: 1.4e-6 of the largest.
  @Test("the exact effect of every edge", arguments: families)
  func exact(family: String) throws {
    let (shell, pair) = (try PipedSession(tiny: "families/\(family)"), try pair(family))
    let found = try shell.table(
      "\(pair.patch("each edges")) | effect of \(EdgeReference.metric)")
    #expect(try found.texts("component") == pair.edges)
    let (writers, readers) = (try found.texts("writer"), try found.texts("reader"))
    #expect(zip(writers, readers).map { "\($0) -> \($1)" } == pair.edges)
    let largest = pair.exact.map(abs).max() ?? 0
    try expectClose(try found.numbers("effect"), pair.exact, within: 1e-5 * largest, family)
    let shared = try shell.table(
      "\(pair.patch("each " + pair.shared.joined(separator: ", "))) | effect of \(EdgeReference.metric)"
    )
    #expect(try shared.texts("component") == pair.shared)
    try expectClose(
      try shared.numbers("effect"), pair.sharedExact, within: 1e-5 * largest, family)
  }

  // MARK: - Estimates

  /// EAP and EAP-IG. Measured at most: 2.3e-6 of the largest.
  @Test("the estimates of every edge", arguments: families)
  func estimates(family: String) throws {
    let (shell, pair) = (try PipedSession(tiny: "families/\(family)"), try pair(family))
    let line = "\(pair.patch("each edges")) | attribute of \(EdgeReference.metric)"
    for (option, wanted) in [("", pair.eap), (" steps 3", pair.steps)] {
      let (found, said) = try shell.run(line + option)
      #expect(try found.texts("component") == pair.edges)
      #expect(try found.numbers("base").allSatisfy { abs($0 - pair.values[0]) < 1e-5 })
      let largest = wanted.map(abs).max() ?? 0
      try expectClose(
        try found.numbers("estimate"), wanted, within: 1e-4 * largest, family + option)
      let gap = try #require(
        try number(/sum to its own estimate within ([0-9.e-]+)/, in: said), "\(said)")
      #expect(gap < 1e-5 * largest, "\(family): \(said)")
    }
  }

  @Test("TransformerLens finds the same", arguments: ["gpt2", "gpt_neox", "llama2"])
  func transformerLens(family: String) throws {
    let shell = try PipedSession(tiny: "families/\(family)")
    let pair = try #require(try EdgeReference.Lens.read().families.first { $0.family == family })
    let found = try shell.table("\(pair.line) | attribute of \(EdgeReference.metric)")
    let estimates = Dictionary(
      uniqueKeysWithValues: zip(try found.texts("component"), try found.numbers("estimate")))
    #expect(estimates.count == pair.edges.count)
    let largest = pair.eap.map(abs).max() ?? 0
    try expectClose(
      pair.edges.map { estimates[$0] ?? .nan }, pair.eap, within: 1e-4 * largest, family)
  }

  /// The default model on one pair.
  @Test func defaultModel() throws {
    let (shell, wanted) = (try PipedSession(), try EdgeReference.Real.read())
    try shell.define(
      "let clean = prompt \"\(wanted.clean)\" -> \"\(wanted.answer)\" vs \"\(wanted.foil)\"; "
        + "let corrupt = prompt \"\(wanted.donor)\"")
    func found(_ edges: some Sequence<String>, _ measure: String, _ column: String) throws
      -> [Double]
    {
      try shell.table(
        "clean | patch each \(edges.joined(separator: ", ")) from corrupt | \(measure)"
      ).numbers(column)
    }
    for (option, estimates) in [("", wanted.eap), (" steps 3", wanted.steps)] {
      let largest = estimates.map(abs).max() ?? 0
      try expectClose(
        try found(wanted.edges, "attribute" + option, "estimate"), estimates,
        within: 1e-4 * largest, option)
    }
    let largest = wanted.exact.map(abs).max() ?? 0
    try expectClose(
      try found(wanted.edges.prefix(wanted.exact.count), "effect", "effect"), wanted.exact,
      within: 1e-4 * largest)
  }

  private func number(_ pattern: Regex<(Substring, Substring)>, in text: String) throws -> Double? {
    try pattern.firstMatch(in: text).flatMap { Double($0.output.1) }
  }

  @Test func moreStepsBringEdgesFromTheEmbeddingCloser() throws {
    let (shell, pair) = (try PipedSession(tiny: "families/llama3"), try pair("llama3"))
    let line = "\(pair.patch("each edges")) | attribute of \(EdgeReference.metric)"
    #expect(try shell.run(line).messages.contains("from embed") == false)
    let gaps = try [1, 4, 16].map { steps in
      let said = try shell.run("\(line) steps \(steps)").messages
      let all = try #require(try number(/the metric changes by ([0-9.e-]+)/, in: said), "\(said)")
      #expect(abs(all - (pair.values[1] - pair.values[0])) < 1e-5)
      return try #require(try number(/the gap is ([0-9.e-]+)/, in: said), "\(said)")
    }
    #expect(gaps[1] < gaps[0] / 2 && gaps[2] < gaps[1] / 4, "\(gaps)")
  }

  /// What a reader's positions, and heads that share a key, give sums up.
  @Test func estimatesAreLinear() throws {
    let (shell, pair) = (try PipedSession(tiny: "families/gemma2"), try pair("gemma2"))
    func estimates(_ edges: String, _ option: String = "") throws -> [Double] {
      let line = "\(pair.patch("each \(edges)")) | attribute of \(EdgeReference.metric) \(option)"
      return try shell.table(line).numbers("estimate")
    }
    for edge in ["L0H1 -> L1H2.k", "L0.mlp -> logits", "embed -> L1H1.v", "L0H3 -> L0.mlp"] {
      let parts = try estimates("\(edge)@*")
      #expect(parts.count == 12 && parts.contains { $0 != 0 })
      try expectClose([parts.reduce(0, +)], try estimates(edge), within: 1e-6, edge)
    }
    let heads = try estimates("L0H1 -> L1H{2,3}.v")
    try expectClose(try estimates("L0H1 -> L1KV1.v"), [heads[0] + heads[1]], within: 1e-6)
  }

  /// Seen from the donor, with its gradient, all is turned round.
  @Test func gradientAtTheDonor() throws {
    let (shell, pair) = (try PipedSession(tiny: "families/qwen3"), try pair("qwen3"))
    let some = "each L0 -> L1, L0 -> logits"
    let (edges, other) = (pair.patch(some), pair.reversed.patch(some))
    let measure = "attribute of \(EdgeReference.metric)"
    let atDonor = try shell.table("\(edges) | \(measure) gradient donor").numbers("estimate")
    let turned = try shell.table("\(other) | \(measure)").numbers("estimate").map { -$0 }
    try expectClose(atDonor, turned, within: 1e-6)
    let both = try shell.table("\(edges) | \(measure) gradient both").numbers("estimate")
    let atBase = try shell.table("\(edges) | \(measure)").numbers("estimate")
    try expectClose(both, zip(atBase, atDonor).map { ($0 + $1) / 2 }, within: 1e-6)
  }

  @Test(arguments: [
    "freeze ln_final.scale | patch each layers -> logits from b",
    "scale L1H2 by 0.5 | freeze ln_final.scale | patch each layers -> logits@{1, last} from b",
    "freeze ln_final.scale | patch each L2.mlp -> logits from (b | ablate L0H1)",
  ])
  func estimatesAreExactWhereAllIsLinear(edits: String) throws {
    let shell = try PipedSession(tiny: "tiny-gqa.F32.gguf")
    try shell.define(
      "let a = [(prompt \"the sky\" -> \"b\"), (prompt \"the sun\" -> \"c\")]; "
        + "let b = [(prompt \"the sun\"), (prompt \"the sea\")]")
    let effects = try shell.table("a | \(edits) | effect")
    let estimates = try shell.table("a | \(edits) | attribute")
    for column in ["prompt", "component", "writer", "reader", "metric", "base"] {
      #expect(try estimates.texts(column) == effects.texts(column))
    }
    let wanted = try effects.numbers("effect")
    #expect(wanted.contains { abs($0) > 1e-3 })
    try expectClose(try estimates.numbers("estimate"), wanted, within: 2e-5, edits)
  }

  @Test func plannedEstimates() throws {
    let shell = try PipedSession(tiny: "tiny-gqa.F32.gguf")
    try shell.define("let a = prompt \"the sky\" -> \"b\"; let b = prompt \"the sun\"")
    let plan = try shell.table("plan a | patch each edges from b | attribute steps 4")
    // The base, four steps, and the donor's embeddings.
    #expect(try plan.texts("step").last == "total" && plan.numbers("runs").contains(6))
  }

  /// Of a part of the runs the edges of a component do not sum to its own estimate.
  @Test func shardsOfASweepStateNoSums() throws {
    let (shell, pair) = (try PipedSession(tiny: "families/llama3"), try pair("llama3"))
    let measure = "attribute of \(EdgeReference.metric)"
    let all = try shell.run("\(pair.patch("each edges")) | \(measure)")
    #expect(all.messages.contains("sum to its own estimate"))
    var parts: [String: Double] = [:]
    for number in 1...2 {
      let (found, said) = try shell.run(
        "\(pair.patch("each edges")) | shard \(number) of 2 | \(measure)")
      #expect(!said.contains("sum to its own estimate"))
      for (edge, estimate) in zip(try found.texts("component"), try found.numbers("estimate")) {
        parts[edge] = estimate
      }
    }
    let (edges, estimates) = (
      try all.table.texts("component"), try all.table.numbers("estimate")
    )
    #expect(edges.compactMap { parts[$0] } == estimates)
  }

  // MARK: - Selectors and errors

  @Test func allOfThemAtOnceRecoverAll() throws {
    let (shell, pair) = (try PipedSession(tiny: "families/gemma3"), try pair("gemma3"))
    let found = try shell.table("\(pair.patch("edges")) | effect of \(EdgeReference.metric)")
    try expectClose(
      try found.numbers("effect"), [pair.values[1] - pair.values[0]], within: 1e-5)
  }

  @Test(
    "edges that a selector names",
    arguments: [
      ("embed -> L0.mlp", 1), ("heads -> logits", 12), ("L*.mlp -> L*.mlp", 3), ("L0 -> L1", 65),
      ("L0H{0,2} -> L1H*.q", 8), ("L0H1 -> heads", 24), ("mlps -> logits", 3), ("edges", 262),
      ("L0H1 -> L1KV*.k", 2), ("L0H1 -> L1KV0", 2), ("[L0H1, L0.mlp] -> L2H1.v", 2),
      ("L0H1 -> L0.mlp, L1H0 -> logits", 2), ("L0H1@{0, last} -> logits", 0),
      ("L0H1 -> logits@{0, last}", 2), ("layers -> logits", 15), ("L1H* -> L*", 56),
    ])
  func selected(text: String, count: Int) throws {
    let shell = try PipedSession(tiny: "tiny-gqa.F32.gguf")
    try shell.define("let a = prompt \"the sky\" -> \"b\"; let b = prompt \"the sun\"")
    let result = shell.session.running("a | patch each \(text) from b | effect")
    if count == 0 {
      #expect(result.messages.contains("the position of an edge stands at its end"))
      return
    }
    let table = try shell.table("a | patch each \(text) from b | effect")
    #expect(table.rowCount == count)
    // A name in a table is one that a line takes.
    if text.contains("@") { return }
    let names = try table.texts("component")
    let again = try shell.table("a | patch each \(names.joined(separator: ", ")) from b | effect")
    #expect(try again.texts("component") == names)
  }

  @Test func namesOfATableAreEdges() throws {
    let shell = try PipedSession(tiny: "tiny-gqa.F32.gguf")
    try shell.define("let a = prompt \"the sky\" -> \"b\"; let b = prompt \"the sun\"")
    try shell.define("let best = a | patch each heads -> logits from b | effect | top 2")
    let one = try shell.table("a | patch (best.component) from b | effect")
    #expect(one.rowCount == 1)
    let parts = try shell.table("a | patch each (best.writer) -> logits from b | effect")
    #expect(try parts.texts("component") == (try shell.table("best").texts("component")))
  }

  @Test(arguments: [
    ("patch L1H1 -> L0H2.q from b", "L0H2.q reads the stream before L1H1 is added to it"),
    ("patch L1H1 -> L1H2.q from b", "heads of one layer compute at once"),
    ("patch each L1H1 -> L0H* from b", "there is no edge L1H1 -> L0H0.q"),
    ("patch L9H1 -> logits from b", "this model has layers 0 to 2"),
    ("patch L0H1 -> L1H9.q from b", "this model has heads 0 to 3"),
    ("patch L0H1 -> L1H2.z from b", "what a head reads as queries, keys or values"),
    ("patch L0H1 -> L1KV0.q from b", "the keys or the values of a key/value head"),
    ("patch L0H1.z -> L1H2.q from b", "an edge leads from all that a head gives"),
    ("patch L0H1 -> L1.resid_pre from b", "cannot be the end of an edge"),
    ("patch logits -> L1H2.q from b", "the logits come last"),
    ("patch L0H1 -> embed from b", "embed reads nothing"),
    ("patch L0H1@1 -> logits from b", "the position of an edge stands at its end"),
    ("patch L0H1 -> logits, L1H1 from b", "cannot be patched in one list"),
    ("ablate L0H1 -> logits", "edges can be patched"),
    ("freeze L0H1 -> logits", "edges can be patched"),
    ("activations edges", "edges can be patched"),
    ("patch L0H1 -> logits from longer", "tokens"),
    ("patch L0H1 -> L1H2.q from b | ablate L1H2.q", "never fires"),
    ("ablate L1H2.q | patch L0H1 -> L1H2.q from b", "never fires"),
    ("patch L0H1 -> L1H2.q from b | ablate L1.mlp, L1.attn", "never fires"),
    ("ablate L0.attn | patch L0H1 -> L1H2.q from b", "is edited as a whole"),
    ("patch L0H1 -> logits from b | dla", "cannot be divided into components"),
    ("patch L0H1 -> logits from b | gradient L0H1", "no gradient of a run in which the edge"),
    ("patch L0H1 -> logits from b | generate 2", "nothing can be generated"),
  ])
  func refused(line: String, error: String) throws {
    let shell = try PipedSession(tiny: "tiny-gqa.F32.gguf")
    try shell.define(
      """
      let a = prompt "the sky" -> "b" vs "c"
      let b = prompt "the sun"
      let longer = prompt "a sky is so"
      """)
    let isMeasured = ["| dla", "| gradient", "| generate", "activations"].contains(
      where: line.contains)
    let result = shell.session.running("a | \(line)" + (isMeasured ? "" : " | effect"))
    #expect(result.status == .failed)
    #expect(result.messages.contains(error), "\(result.messages)")
  }

  @Test func parallelBlocksHaveNoEdgeIntoTheirOwnMLP() throws {
    let shell = try PipedSession(tiny: "families/gptj")
    let result = shell.session.running(
      "prompt [1, 2] | patch L0H1 -> L0.mlp from (prompt [3, 2]) | effect of logit")
    #expect(result.messages.contains("read the same stream at once"), "\(result.messages)")
    let all = try shell.table(
      "prompt [1, 2] | patch each L0 -> L*.mlp from (prompt [3, 2]) | effect of (logit(1))")
    #expect(try all.texts("reader").allSatisfy { $0 == "L1.mlp" })
  }

  @Test func donorsThatDoNotDifferAreWarnedOf() throws {
    let shell = try PipedSession(tiny: "tiny-gqa.F32.gguf")
    try shell.define("let a = prompt \"the sky\" -> \"b\"")
    let (table, said) = try shell.run("a | patch each L0H* -> logits from a | effect")
    #expect(try table.numbers("effect").allSatisfy { $0 == 0 })
    #expect(said.contains("themselves as donors"), "\(said)")
  }

  @Test func estimatesThatAreAllZeroAreWarnedOf() throws {
    let shell = try PipedSession(tiny: "tiny-gqa.F32.gguf")
    try shell.define("let a = prompt \"the sky\" -> \"b\"; let b = prompt \"the sun\"")
    let (table, said) = try shell.run("a | patch each L0H* -> logits@0 from b | attribute")
    #expect(try table.numbers("estimate").allSatisfy { $0 == 0 })
    #expect(said.contains("every estimate is 0") && said.contains("take logit_diff"), "\(said)")
    let other = try shell.run("a | patch each L0H* -> logits from b | attribute").messages
    #expect(!other.contains("every estimate"))
  }

  @Test func planAndRunAgreeInTheirRows() throws {
    let shell = try PipedSession(tiny: "tiny-gqa.F32.gguf")
    try shell.define("let a = prompt \"the sky\" -> \"b\"; let b = prompt \"the sun\"")
    let plan = try shell.table("plan a | patch each edges from b | effect")
    #expect(try plan.numbers("runs")[1] == 263)
    #expect(try plan.numbers("rows")[1] < plan.numbers("rows_unshared")[1] / 2)
  }

  @Test func completion() throws {
    let shell = try PipedSession(tiny: "tiny-gqa.F32.gguf")
    func offered(_ line: String) -> [String] {
      shell.session.complete(line: line, cursor: line.utf8.count).candidates.map(\.text)
    }
    #expect(offered("p | patch e").contains("edges"))
    #expect(offered("p | patch each L0H1 -> l") == ["logits", "layers"])
    #expect(offered("p | patch each L0H1 -> L2H1.").sorted() == ["L2H1.k", "L2H1.q", "L2H1.v"])
    #expect(offered("p | patch each L0H1 -> L2.") == ["L2.mlp"])
    #expect(offered("p | patch each L0H1 -> L2H").contains("L2H3"))
  }
}
