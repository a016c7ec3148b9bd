import TestSupport
import Testing

@testable import Model

@Suite("Forward pass on SmolLM2 against the numpy oracle")
struct ForwardSmolLM2Tests {
  private static let reference = Result {
    try Fixtures.json("smollm2.json", as: SmolLM2Reference.self)
  }

  /// Each prompt is run once for all of these tests.
  private static let runs = Result {
    let transformer = try TestModels.smolLM2().transformer
    return try transformer.run(
      reference.get().prompts.map { .everything($0.tokens, of: transformer.configuration) })
  }

  /// Projection and norm of every vector at every site, layer, head and position, relative to the
  /// vector's norm. Measured: 4e-5 at worst (`mlp_out`), mostly below 1e-5.
  @Test("every activation's fingerprint", arguments: [0, 1])
  func everySite(prompt: Int) throws {
    let prompt = try (reference: Self.reference.get().prompts[prompt], run: Self.runs.get()[prompt])
    let fingerprints = try ReferenceTensors("smollm2.\(prompt.reference.name).safetensors")
    let configuration = try TestModels.smolLM2().configuration
    for site in Site.all(of: configuration) {
      let kept = try #require(prompt.run.activations[site])
      let wanted = try fingerprints[site.hookName]
      let isHeaded = site.activation.units == .heads || site.activation.units == .keyValueHeads
      for (i, position) in kept.positions.enumerated() {
        for unit in 0..<(isHeaded ? kept.units : 1) {
          let pair = wanted[row: isHeaded ? [unit, position] : [position]]
          let found = Fingerprint(isHeaded ? kept[i, unit] : kept[i][...])
          let norm = max(Double(pair[1]), 1e-6)
          let gap = max(
            abs(found.projection - Double(pair[0])), abs(found.norm - Double(pair[1])))
          #expect(
            gap <= 2e-4 * norm,
            "\(site.hookName), unit \(unit), position \(position): \(found) instead of \(pair)")
        }
      }
    }
  }

  /// Measured: 6e-5.
  @Test("the twenty largest logits of every position within 2e-4", arguments: [0, 1])
  func logits(prompt: Int) throws {
    let prompt = try (reference: Self.reference.get().prompts[prompt], run: Self.runs.get()[prompt])
    for top in prompt.reference.top {
      let logits = prompt.run.logits[top.position]
      #expect(logits.count == 49152)
      let largest = Double(logits.max() ?? 0)
      let sum = logits.reduce(0) { $0 + Numerics.exp(Double($1) - largest) }
      for (id, (logit, logprob)) in zip(top.ids, zip(top.logits, top.logprobs)) {
        let found = Double(logits[id])
        #expect(abs(found - logit) < 2e-4, "position \(top.position), token \(id)")
        #expect(abs(found - largest - Numerics.log(sum) - logprob) < 2e-4)
      }
      // The order is the reference's wherever the gap between two is above the tolerance.
      let order = logits.indices.sorted { logits[$0] > logits[$1] }.prefix(20)
      for (found, wanted) in zip(order, top.ids) where found != wanted {
        #expect(abs(logits[found] - logits[wanted]) < 2e-4)
      }
    }
  }

  @Test("what colosseum.json says, from a third implementation")
  func colosseum() throws {
    let reference: ColosseumReference = try Fixtures.json("colosseum.json")
    let run = try Self.runs.get()[0]
    let logits = try #require(run.logits.last)
    #expect(abs(Double(logits[reference.answerId]) - reference.answerLogit) < 2e-4)
    #expect(abs(Double(logits[reference.foilId]) - reference.foilLogit) < 2e-4)
    for (id, logit) in zip(reference.top10Ids, reference.top10Logits) {
      #expect(abs(Double(logits[id]) - logit) < 2e-4)
    }
    let scale = try #require(run.activations[Site(.lnFinalScale)]?.rows.last?.first)
    #expect(abs(Double(scale) / reference.finalScale - 1) < 1e-5)
    for (layer, heads) in reference.attentionLast.enumerated() {
      let pattern = try #require(run.activations[Site(.pattern, layer: layer)])
      for (head, weights) in heads.enumerated() {
        var gap = Gap()
        for (found, wanted) in zip(pattern[reference.tokenIds.count - 1, head], weights) {
          gap.add(Double(found), wanted)
        }
        #expect(gap.largest < 2e-5, "L\(layer)H\(head)")
      }
    }
  }

  @Test func tokensOfThePrompts() throws {
    let model = try TestModels.smolLM2()
    for prompt in try Self.reference.get().prompts {
      #expect(model.encode(prompt.text, addsBOS: false) == prompt.tokens)
    }
  }
}
