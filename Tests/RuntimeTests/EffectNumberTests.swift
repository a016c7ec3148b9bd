import Model
import TestSupport
import Testing

@testable import Runtime

/// Effects (edited − base) within 5e-4.
@Suite("What sweeps print, against float64 references")
struct EffectNumberTests {
  let shell: PipedSession
  private static let tolerance = 5e-4
  private static let file = "smollm2.colosseum.effects.safetensors"

  init() throws {
    shell = try PipedSession()
    let model = try #require(shell.session.model)
    // The oracle's foils.
    let foils = [4649, 7476].map { "\"\(model.tokenizer.text(of: $0))\"" }
    try shell.define(
      "let asked = prompt \"Fact: The Colosseum is in the country of\" -> \" Italy\" vs "
        + foils.joined(separator: ", "))
  }

  @Test(arguments: ["@last", ""])
  func everyHead(at position: String) throws {
    let wanted = try ColosseumReference.read()
    let rows = try shell.table("asked | ablate each heads\(position) | effect of logit")
    #expect(try rows.texts("component") == (0..<270).map { "L\($0 / 9)H\($0 % 9)" })
    let effects = position.isEmpty ? wanted.ablateHeadAllEffect : wanted.ablateHeadLastEffect
    try expectClose(
      try rows.numbers("effect"), Array(effects.joined()), within: Self.tolerance)
    let base = [Double](repeating: wanted.answerLogit, count: 270)
    try expectClose(try rows.numbers("base"), base, within: 2e-4)
    let sums = zip(try rows.numbers("base"), try rows.numbers("effect")).map(+)
    try expectClose(try rows.numbers("edited"), sums, within: 1e-5)
  }

  @Test(arguments: [
    "attns@last": "attn_out.last", "mlps@last": "mlp_out.last", "heads@last": "z.last",
    "attns": "attn_out.all", "mlps": "mlp_out.all",
  ])
  func zeros(sites: String, name: String) throws {
    try checkAll(
      "asked | ablate each \(sites)", try referenceTensor("zero.\(name)", of: Self.file))
  }

  @Test(arguments: ["@last": "last", "": "all"])
  func means(position: String, name: String) throws {
    let numbers = try Fixtures.json("smollm2.json", as: SmolLM2Reference.self)
    let prompts = numbers.others.map { ids in
      "(prompt [" + ids.map(String.init).joined(separator: ", ") + "])"
    }
    try shell.define("let others = [\(prompts.joined(separator: ", "))]")
    let heads = numbers.meanHeads.map { "L\($0[0])H\($0[1])\(position)" }
    try checkAll(
      "asked | ablate each \(heads.joined(separator: ", ")) mean over others",
      try referenceTensor("mean.z.\(name)", of: Self.file))
    try checkAll(
      "asked | ablate each mlps\(position) mean over others",
      try referenceTensor("mean.mlp_out.\(name)", of: Self.file))
  }

  /// Every metric of a sweep.
  ///
  /// - Parameter wanted: a row a variant: the effect on the answer's logit, on two foils', on the
  ///   answer's log-probability, and KL(base ‖ edited).
  private func checkAll(_ sweep: String, _ wanted: [Double]) throws {
    func column(_ i: Int) -> [Double] {
      stride(from: i, to: wanted.count, by: 5).map { wanted[$0] }
    }
    let difference = wanted.indices.filter { $0 % 5 == 0 }.map {
      wanted[$0] - (wanted[$0 + 1] + wanted[$0 + 2]) / 2
    }
    let metrics = [
      ("logit", column(0)), ("kl", column(4)), ("logit_diff", difference), ("logprob", column(3)),
    ]
    // At all positions a sweep takes long, and how it is measured is the same.
    for (metric, wanted) in sweep.contains("@last") ? metrics : Array(metrics.prefix(2)) {
      let rows = try shell.table("\(sweep) | effect of \(metric)")
      try expectClose(
        try rows.numbers("effect"), wanted, within: Self.tolerance, "\(sweep), \(metric)")
    }
  }

  @Test func probabilities() throws {
    let sweep = "asked | ablate each L20..29.mlp@last | effect of"
    let (probs, logprobs) = (try shell.table("\(sweep) prob"), try shell.table("\(sweep) logprob"))
    for name in ["base", "edited"] {
      try expectClose(
        try probs.numbers(name), try logprobs.numbers(name).map(Numerics.exp), within: 1e-9)
    }
  }
}
