import TestSupport
import Testing

@testable import Model

@Suite("Edits that change nothing")
struct EditIdentityTests {
  @Test(
    "the values that were there change no bit, at any site",
    arguments: ["tiny-gqa.Q4_1.gguf", "tiny-mha"] + Family.all.map(\.path))
  func sameValues(model: String) throws {
    let transformer = try TestModels.tiny(model).transformer
    let configuration = transformer.configuration
    let tokens = [41, 300, 9, 266, 91, 277, 18].map { $0 % configuration.vocabulary }
    let everything = RunRequest.everything(tokens, of: configuration)
    let clean = try transformer.run([everything])[0]
    var generator = SeededGenerator(1)
    for site in Site.all(of: configuration) {
      let kept = try #require(clean.activations[site])
      let some = Array(0..<kept.units).shuffled(using: &generator).prefix((kept.units + 1) / 2)
      for units in [nil, Array(some)] {
        let positions = Array(tokens.indices.shuffled(using: &generator).prefix(4))
        let rows = positions.map { position in
          (units ?? Array(0..<kept.units)).flatMap { kept[position, $0] }
        }
        var request = everything
        request.edits = [
          Edit(site: site, units: units, positions: positions, change: .replace(rows))
        ]
        request.base = 0
        expectSameBits(
          try transformer.run([everything, request])[1], clean, "replacing \(site.hookName)")
        request.base = nil
        expectSameBits(
          try transformer.run([request])[0], clean, "replacing \(site.hookName) unforked")
      }
    }
  }

  /// An output of attention that is −0 stays −0 when a head's result is replaced by itself.
  @Test("not even the sign of a zero")
  func negativeZero() throws {
    let transformer = try TestModels.tiny("tiny-mha").transformer
    let tokens = [41, 300, 9]
    let width = transformer.configuration.width
    let site = Site(.result, layer: 1)
    // z of −0 in every head makes results, and their sum, of zeros of either sign.
    let zeros = [Float](repeating: -0.0, count: 3 * 8)
    let base = Edit(site: Site(.z, layer: 1), positions: [2], change: .replace([zeros]))
    let captures: [Site: RunRequest.Positions] = [Site(.attnOut, layer: 1): .all, site: .all]
    let clean = try transformer.run([
      RunRequest(tokens: tokens, edits: [base], captures: captures)
    ])[0]
    let kept = try #require(clean.activations[site])
    #expect(kept[2].count == 3 * width)
    let same = Edit(site: site, positions: [2], change: .replace([kept[2]]))
    let found = try transformer.run([
      RunRequest(tokens: tokens, edits: [base, same], captures: captures)
    ])[0]
    expectSameBits(found, clean)
  }

  @Test("the same on the real model, at a layer in the middle")
  func smolLM2() throws {
    let transformer = try TestModels.smolLM2().transformer
    let reference: SmolLM2Reference = try Fixtures.json("smollm2.json")
    let tokens = reference.prompts[0].tokens
    let sites = transformer.configuration.activations.map { Site($0, layer: 17) }
    let clean = RunRequest(
      tokens: tokens,
      captures: Dictionary(uniqueKeysWithValues: sites.map { ($0, .all) }),
      logits: .all([tokens.count - 1]))
    let base = try transformer.run([clean])[0]
    let requests = try sites.map { site in
      let kept = try #require(base.activations[site])
      var request = clean
      request.base = 0
      request.edits = [
        Edit(
          site: site, positions: [4, 10], change: .replace([kept[4], kept[10]]))
      ]
      return request
    }
    for (site, found) in zip(sites, try transformer.run([clean] + requests).dropFirst()) {
      expectSameBits(found, base, "replacing \(site.hookName)")
    }
  }
}
