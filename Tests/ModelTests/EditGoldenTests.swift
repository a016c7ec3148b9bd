import TestSupport
import Testing

@testable import Model

@Suite("Edits on tiny models against the numpy oracle")
struct EditGoldenTests {
  private struct Case {
    var effects: TinyEffects
    var transformer: Transformer
    var others: [ReferencePlace.Others: [RunResult]]

    init(_ name: String) throws {
      effects = try Fixtures.json("\(name).effects.json")
      let transformer = try TestModels.tiny(name).transformer
      self.transformer = transformer
      others = try [
        .sameLength: effects.others.sameLength, .anyLength: effects.others.anyLength,
      ].mapValues { prompts in
        try transformer.run(
          prompts.map { .everything($0, of: transformer.configuration) })
      }
    }
  }

  /// Zero and mean at every site, layer, head or neuron, at the last position and at all. Measured:
  /// 2e-6 at worst.
  @Test("every ablation, forked and the reference way", arguments: ["tiny-gqa", "tiny-mha"])
  func everyAblation(model: String) throws {
    let (effects, transformer, others) = try {
      let loaded = try Case(model)
      return (loaded.effects, loaded.transformer, loaded.others)
    }()
    let tokens = effects.tokens
    let edits = try effects.ablations.map { place in
      try place.edit(
        count: tokens.count, others: place.meanOver.flatMap { others[$0] } ?? [],
        transformer.configuration)
    }
    #expect(edits.count > 300)
    let requests = Transformer.variants(
      tokens, edits.map { [$0] },
      logits: .tokens(effects.logitTokens, position: tokens.count - 1))
    let results = try transformer.run(requests)
    let naive = try transformer.runNaively(requests)
    for ((place, found), reference) in zip(
      zip(effects.ablations, results.dropFirst()), naive.dropFirst())
    {
      var gap = Gap()
      for (found, wanted) in zip(found.logits[0], place.logits) { gap.add(Double(found), wanted) }
      #expect(gap.largest < 1e-5, "\(place): \(found.logits)")
      expectSameBits(found, reference, "\(place)")
    }
    let distinct = Set(results.map { $0.logits[0] })
    #expect(distinct.count > 150, "the ablations are not all the same")
  }

  @Test("several edits at once", arguments: ["tiny-gqa", "tiny-mha"])
  func several(model: String) throws {
    let loaded = try Case(model)
    let (effects, transformer) = (loaded.effects, loaded.transformer)
    let edits = try effects.edited.edits.map { edit in
      Edit(
        site: Site(try #require(Activation(rawValue: edit.site)), layer: edit.layer ?? 0),
        units: edit.heads, positions: edit.positions ?? Array(effects.tokens.indices),
        change: .zero)
    }
    let last = effects.tokens.count - 1
    for edits in [edits, edits.reversed()] {
      let result = try transformer.vary(
        effects.tokens, [edits], logits: .tokens(effects.logitTokens, position: last))[1]
      var gap = Gap()
      for (found, wanted) in zip(result.logits[0], effects.edited.logits) {
        gap.add(Double(found), wanted)
      }
      #expect(gap.largest < 1e-5)
    }
  }

  @Test("later edits at a place overrule earlier ones; other units keep theirs")
  func order() throws {
    let transformer = try TestModels.tiny("tiny-mha").transformer
    let tokens = [3, 200, 90, 7]
    let site = Site(.z, layer: 1)
    let ones = [Float](repeating: 1, count: 8)
    let zero = Edit(site: site, positions: [2, 3], change: .zero)
    let some = Edit(site: site, units: [1], positions: [3], change: .replace([ones]))
    func kept(_ edits: [Edit]) throws -> CapturedActivation {
      let request = RunRequest(tokens: tokens, edits: edits, captures: [site: .all])
      return try #require(try transformer.run([request])[0].activations[site])
    }
    let clean = try kept([])
    let one = try kept([zero, some])
    #expect(one[0] == clean[0] && one[1] == clean[1])
    #expect(one[2].allSatisfy { $0 == 0 })
    #expect(Array(one[3, 1]) == ones && one[3, 0].allSatisfy { $0 == 0 })
    let other = try kept([some, zero])
    #expect(other[3].allSatisfy { $0 == 0 })
  }

  private static func ownVector(_ position: Int, _ unit: Int, width: Int) -> [Float] {
    let start = Float(100 * position + 10 * unit)
    return (0..<width).map { (i: Int) -> Float in start + Float(i) / 100 }
  }

  @Test("units and positions in any order take their own vectors")
  func pairing() throws {
    let transformer = try TestModels.tiny("tiny-gqa").transformer
    let tokens = [3, 200, 90, 7]
    let configuration = transformer.configuration
    for activation in [Activation.q, .v, .z, .result, .attnScores, .pattern, .mlpPost] {
      let site = Site(activation, layer: 1)
      let units = activation.units == .keyValueHeads ? [1, 0] : [3, 1]
      let positions = [3, 1]
      let rows: [[Float]] = positions.map { position in
        let width = configuration.unitWidth(activation, sources: position + 1)
        return units.flatMap { Self.ownVector(position, $0, width: width) }
      }
      let edit = Edit(site: site, units: units, positions: positions, change: .replace(rows))
      let result = try transformer.run([
        RunRequest(tokens: tokens, captures: [site: .all]),
        RunRequest(tokens: tokens, edits: [edit], base: 0, captures: [site: .all]),
      ])
      let clean = try #require(result[0].activations[site])
      let edited = try #require(result[1].activations[site])
      for position in tokens.indices {
        for unit in 0..<configuration.unitCount(site) {
          let isEdited = units.contains(unit) && positions.contains(position)
          let width = configuration.unitWidth(activation, sources: position + 1)
          let wanted =
            isEdited
            ? Self.ownVector(position, unit, width: width)
            : Array(clean[position, unit])
          // Queries and keys at other places are what they were; z of later queries is not.
          if isEdited || !units.contains(unit) && activation != .result {
            #expect(Array(edited[position, unit]) == wanted, "\(activation) \(position) \(unit)")
          }
        }
      }
    }
  }
}
