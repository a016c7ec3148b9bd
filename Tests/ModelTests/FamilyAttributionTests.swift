import Testing

@testable import Model

/// Direct logit attribution of every architecture against `transformers` in float64.
@Suite("Attribution of every architecture")
struct FamilyAttributionTests {
  private static let files = Family.all.flatMap { family in
    [(family, family.path)]
      + (family.hasGGUF && family.isSameInGGUF ? [(family, family.gguf)] : [])
  }

  private func attributions(
    _ family: Family, _ path: String, foldsBiases: Bool = true, edits: [Edit] = []
  ) throws -> [Attribution] {
    let golden = try ReferenceTensors(family.golden)
    let transformer = try TestModels.tiny(path).transformer
    let tokens = try golden.tokens()
    let answers: [Int] = try golden.metadata("answers")
    let attributor = Attributor(
      transformer, at: tokens.count - 1, edits: edits, bySource: true, foldsBiases: foldsBiases)
    let run = try transformer.run([
      RunRequest(
        tokens: tokens, edits: edits, captures: attributor.captures,
        logits: .tokens(answers, position: tokens.count - 1), isUncapped: true)
    ])[0]
    return try zip(answers, run.logits[0]).map { answer, logit in
      attributor.attribute(
        run, try transformer.direction(of: .token(answer)), logit: Double(logit))
    }
  }

  /// Measured at most: 1.1e-6 of any part, 6.7e-7 of their sum.
  @Test("every part, and their sum", arguments: files)
  func parts(family: Family, path: String) throws {
    let golden = try ReferenceTensors(family.golden)
    for (prefix, folds) in [("dla.", true), ("dla.unfolded.", false)] {
      for (a, found) in try attributions(family, path, foldsBiases: folds).enumerated() {
        #expect(abs(found.gap) < 2e-6)
        #expect(abs(found.logit - Double(try golden["dla.total"][a])) < 1e-5)
        var gap = Gap()
        for part in found.parts {
          let wanted = try Self.wanted(part.component, golden, prefix, a)
          gap.add(Double(part.value), Double(wanted))
          if case .head(let layer, let head) = part.component {
            let sources = try Self.tensor(golden, prefix, "source")[row: [a, layer, head]]
            gap.add(try #require(part.sources), sources)
          }
        }
        #expect(gap.largest < 5e-6, "\(prefix) answer \(a): \(gap)")
      }
    }
  }

  /// What is not in the golden file under a prefix of its own is the same with and without it.
  private static func tensor(_ golden: ReferenceTensors, _ prefix: String, _ name: String) throws
    -> ReferenceTensor
  {
    try golden.names.contains(prefix + name) ? golden[prefix + name] : golden["dla." + name]
  }

  private static func wanted(
    _ component: Attribution.Component, _ golden: ReferenceTensors, _ prefix: String, _ a: Int
  ) throws -> Float {
    switch component {
    case .embed: try tensor(golden, prefix, "embed")[a]
    case .positionEmbedding: try tensor(golden, prefix, "pos_embed")[a]
    case .head(let layer, let head): try tensor(golden, prefix, "head")[a, layer, head]
    case .attentionBias(let layer): try tensor(golden, prefix, "attn_bias")[a, layer]
    case .mlp(let layer): try tensor(golden, prefix, "mlp")[a, layer]
    case .finalNormBias: try tensor(golden, prefix, "ln_final_bias")[a]
    case .unembeddingBias: try tensor(golden, prefix, "unembed_bias")[a]
    // Neurons: `VectorNumberTests`.
    case .attention, .stream, .neurons, .mlpBias, .feature, .featureBias, .featureError: .nan
    }
  }

  @Test("the sum of an edited run is its own logit", arguments: files)
  func edited(family: Family, path: String) throws {
    let c = try TestModels.tiny(path).configuration
    let last = 11
    let row = (0...last).map { Float($0 % 3) / 4 }
    let stream = (0..<c.width).map { Float($0 % 5) - 1.5 }
    let edits: [Edit] = [
      Edit(site: Site(.z, layer: 0), units: [1], positions: [last], change: .zero),
      Edit(site: Site(.result, layer: 1), units: [0], positions: [last], change: .scale(3)),
      Edit(site: Site(.pattern, layer: 1), units: [1], positions: [last], change: .replace([row])),
      Edit(site: Site(.v, layer: 1), units: [0], positions: [2, last], change: .zero),
      Edit(site: Site(.attnOut, layer: 0), positions: [last], change: .scale(2)),
      Edit(site: Site(.mlpOut, layer: 0), positions: [last], change: .zero),
      Edit(site: Site(.residPre, layer: 1), positions: [last], change: .replace([stream])),
      Edit(site: Site(.residPost, layer: 0), positions: [last], change: .scale(0.5)),
      Edit(site: Site(.lnFinalScale), positions: [last], change: .scale(2)),
      Edit(site: Site(.embed), positions: [last], change: .scale(-1)),
      Edit(site: Site(.posEmbed), positions: [last], change: .scale(-1)),
      Edit(site: Site(.ln1PostScale, layer: 1), positions: [last], change: .scale(3)),
      Edit(site: Site(.ln2PostScale, layer: 1), positions: [last], change: .scale(3)),
      Edit(
        site: Site(.result, layer: 1), units: [0], positions: [last],
        change: .along(Along(stream.map(Double.init), .removed))),
      Edit(
        site: Site(.attnOut, layer: 0), positions: [last],
        change: .along(Along(stream.map(Double.init), .removed))),
      Edit(
        site: Site(.residPre, layer: 1), positions: [last],
        change: .along(Along(stream.map(Double.init), .set(2)))),
    ]
    for edit in edits where c.lacks(edit.site.activation) == nil {
      for foldsBiases in [true, false] {
        for found in try attributions(family, path, foldsBiases: foldsBiases, edits: [edit]) {
          #expect(abs(found.gap) < 1e-5 * max(1, abs(found.logit)), "\(edit.site.hookName)")
        }
      }
    }
    let some = [edits[0], edits[2], edits[3], edits[8]]
    for found in try attributions(family, path, edits: some) {
      #expect(abs(found.gap) < 1e-5 * max(1, abs(found.logit)))
    }
  }

  @Test("the lens at the end is the logits", arguments: files)
  func lens(family: Family, path: String) throws {
    let transformer = try TestModels.tiny(path).transformer
    let tokens = try ReferenceTensors(family.golden).tokens()
    let site = Site(.residPost, layer: transformer.configuration.layers - 1)
    let run = try transformer.run([
      RunRequest(tokens: tokens, captures: [site: .all], logits: .all(Array(tokens.indices)))
    ])[0]
    let stream = try #require(run.activations[site]).rows
    let all = LogitQuery(position: 0, tokens: Array(0..<transformer.configuration.vocabulary))
    let lens = try transformer.lens(stream, reading: stream.map { _ in all })
    #expect(lens.map { $0.tokens.map(\.logit) } == run.logits)
  }
}
