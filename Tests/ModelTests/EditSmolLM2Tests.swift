import TestSupport
import Testing

@testable import Model

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Effects (edited − base) within 5e-4; measured: 1e-4 at worst.
@Suite("Ablations on SmolLM2 against the numpy oracle")
struct EditSmolLM2Tests {
  private static let tolerance = 5e-4

  private static func effects(
    _ prompt: SmolLM2Reference.Prompt, _ edits: [Edit]
  ) throws -> [[Double]] {
    let results = try TestModels.smolLM2().transformer.vary(
      prompt.tokens, edits.map { [$0] },
      logits: .tokens([prompt.answer] + prompt.foils, position: prompt.tokens.count - 1))
    return results.dropFirst().map { result in
      zip(result.logits[0], results[0].logits[0]).map { Double($0) - Double($1) }
    }
  }

  private static func prompt(_ name: String) throws -> SmolLM2Reference.Prompt {
    let reference: SmolLM2Reference = try Fixtures.json("smollm2.json")
    return try #require(reference.prompts.first { $0.name == name })
  }

  private static func positions(_ at: String, _ prompt: SmolLM2Reference.Prompt) -> [Int] {
    at == "last" ? [prompt.tokens.count - 1] : Array(prompt.tokens.indices)
  }

  @Test(
    "every head, on the answer and the foils",
    arguments: [("colosseum", "last"), ("colosseum", "all"), ("tower", "last")])
  func heads(prompt name: String, at: String) throws {
    let prompt = try Self.prompt(name)
    let configuration = try TestModels.smolLM2().configuration
    let heads = (0..<configuration.layers).flatMap { l in
      (0..<configuration.heads).map { (l, $0) }
    }
    let positions = Self.positions(at, prompt)
    let found = try Self.effects(
      prompt,
      heads.map { layer, head in
        Edit(site: Site(.z, layer: layer), units: [head], positions: positions, change: .zero)
      })
    let wanted = try ReferenceTensors("smollm2.\(name).effects.safetensors")["zero.z.\(at)"]
    let colosseum: ColosseumReference = try Fixtures.json("colosseum.json")
    let given = at == "last" ? colosseum.ablateHeadLastEffect : colosseum.ablateHeadAllEffect
    for ((layer, head), effects) in zip(heads, found) {
      for (i, effect) in effects.enumerated() {
        let gap = abs(effect - Double(wanted[layer, head, i]))
        #expect(gap < Self.tolerance, "L\(layer)H\(head), token \(i): \(effect)")
      }
      if name == "colosseum" {
        #expect(abs(effects[0] - given[layer][head]) < Self.tolerance, "L\(layer)H\(head)")
      }
    }
  }

  @Test(
    "every attention and MLP, on logits, log-probability and KL",
    arguments: ["attn_out", "mlp_out"],
    [("colosseum", "last"), ("colosseum", "all"), ("tower", "last")])
  func wholeLayers(site: String, prompt: (name: String, at: String)) throws {
    let (name, at) = prompt
    let prompt = try Self.prompt(name)
    let transformer = try TestModels.smolLM2().transformer
    let activation = try #require(Activation(rawValue: site))
    let positions = Self.positions(at, prompt)
    let layers = 0..<transformer.configuration.layers
    let results = try transformer.vary(
      prompt.tokens,
      layers.map { [Edit(site: Site(activation, layer: $0), positions: positions, change: .zero)] },
      logits: .all([prompt.tokens.count - 1]))
    let wanted = try ReferenceTensors("smollm2.\(name).effects.safetensors")["zero.\(site).\(at)"]
    let base = Self.logSoftmax(results[0].logits[0])
    for layer in layers {
      let logits = results[layer + 1].logits[0]
      for (i, token) in ([prompt.answer] + prompt.foils).enumerated() {
        let effect = Double(logits[token]) - Double(results[0].logits[0][token])
        #expect(
          abs(effect - Double(wanted[layer, i])) < Self.tolerance, "layer \(layer): \(effect)")
      }
      let edited = Self.logSoftmax(logits)
      let logprob = edited[prompt.answer] - base[prompt.answer]
      #expect(abs(logprob - Double(wanted[layer, 3])) < Self.tolerance, "layer \(layer)")
      let divergence = zip(base, edited).reduce(0) { $0 + exp($1.0) * ($1.0 - $1.1) }
      #expect(abs(divergence - Double(wanted[layer, 4])) < Self.tolerance, "layer \(layer)")
    }
  }

  @Test("means over other prompts", arguments: ["last", "all"])
  func means(at: String) throws {
    let reference: SmolLM2Reference = try Fixtures.json("smollm2.json")
    let prompt = try Self.prompt("colosseum")
    let transformer = try TestModels.smolLM2().transformer
    let layers = 0..<transformer.configuration.layers
    let places =
      reference.meanHeads.map { (site: Site(.z, layer: $0[0]), head: Optional($0[1])) }
      + layers.map { (site: Site(.mlpOut, layer: $0), head: nil) }
    let others = try transformer.run(
      reference.others.map { tokens in
        RunRequest(
          tokens: tokens,
          captures: Dictionary(
            places.map { ($0.site, .all) }, uniquingKeysWith: { first, _ in first }))
      })
    let positions = Self.positions(at, prompt)
    let edits = try places.map { site, head in
      let kept = try others.map { try #require($0.activations[site]) }
      let mean = positions.map { position in
        let rows = kept.map { kept in head.map { kept[position, $0] } ?? kept[position][...] }
        return (0..<rows[0].count).map { i in
          Float(
            rows.reduce(0.0) { $0 + Double($1[$1.startIndex + i]) } / Double(rows.count))
        }
      }
      return Edit(
        site: site, units: head.map { [$0] }, positions: positions, change: .replace(mean))
    }
    let found = try Self.effects(prompt, edits)
    let tensors = try ReferenceTensors("smollm2.colosseum.effects.safetensors")
    let (heads, mlps) = (try tensors["mean.z.\(at)"], try tensors["mean.mlp_out.\(at)"])
    for (i, effects) in found.enumerated() {
      let isHead = i < reference.meanHeads.count
      for (token, effect) in effects.enumerated() {
        let wanted = isHead ? heads[i, token] : mlps[i - reference.meanHeads.count, token]
        #expect(abs(effect - Double(wanted)) < Self.tolerance, "\(places[i].site.hookName)")
      }
    }
  }

  private static func logSoftmax(_ logits: [Float]) -> [Double] {
    let largest = Double(logits.max() ?? 0)
    let sum = logits.reduce(0.0) { $0 + exp(Double($1) - largest) }
    let shift = largest + log(sum)
    return logits.map { Double($0) - shift }
  }
}
