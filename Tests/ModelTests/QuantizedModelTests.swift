import Testing

@testable import Model

/// `Fixtures/quantized`: a model's matrices in every type that there is, against what is computed in
/// float64 from the weights as the package `gguf` decodes them.
@Suite("Quantized models against transformers and numpy in float64")
struct QuantizedModelTests {
  /// Every type of the tensors, a layer each.
  static let plain = ["llama-blocks", "llama-k"]
  /// Those whose quantized rows are permuted, or cut out of a matrix with others.
  static let families = [
    "llama2", "llama3", "gpt2", "gpt_neox", "qwen2", "qwen3", "gemma", "gemma2", "gemma3", "phi3",
  ]

  /// Measured: 1.3e-5 at worst, on logits up to 7.
  @Test("logits at all positions within 2e-5", arguments: plain + families)
  func logits(name: String) throws {
    let reference = try ReferenceTensors("quantized/\(name)/golden.safetensors")
    let tokens = try reference.tokens()
    let transformer = try TestModels.tiny("quantized/\(name)/model.gguf").transformer
    let result = try transformer.run([
      RunRequest(tokens: tokens, logits: .all(Array(tokens.indices)))
    ])[0]
    let gap = Gap(Array(result.logits.joined()), try reference["logits"].values)
    #expect(gap.largest < 2e-5, "\(gap)")
  }

  /// Relative to a site's magnitude where that is above 1. Measured: 4.1e-6 at worst, `z`.
  @Test("streams after every layer, patterns and z", arguments: plain + families)
  func activations(name: String) throws {
    let reference = try ReferenceTensors("quantized/\(name)/golden.safetensors")
    let transformer = try TestModels.tiny("quantized/\(name)/model.gguf").transformer
    let configuration = transformer.configuration
    let recorded = Set(reference.names)
    let sites = Site.all(of: configuration).filter { recorded.contains($0.hookName) }
    #expect(sites.count == recorded.count { $0.contains("hook_") })
    let request = RunRequest(
      tokens: try reference.tokens(),
      captures: Dictionary(uniqueKeysWithValues: sites.map { ($0, .all) }))
    let result = try transformer.run([request])[0]
    for site in sites {
      let kept = try #require(result.activations[site])
      let wanted = try reference[site.hookName]
      let gap = try ForwardTinyTests.gap(kept, wanted, site: site, configuration)
      #expect(gap.relative < 1e-5, "\(site.hookName): \(gap)")
    }
  }

  /// Which takes a head's columns out of quantized rows of W_O, and applies them backwards.
  /// Measured: 9.6e-7 at worst.
  @Test("attribution to embedding, heads and MLPs", arguments: plain + families)
  func attribution(name: String) throws {
    let reference = try ReferenceTensors("quantized/\(name)/golden.safetensors")
    let transformer = try TestModels.tiny("quantized/\(name)/model.gguf").transformer
    let tokens = try reference.tokens()
    let last = tokens.count - 1
    let attributor = Attributor(transformer, at: last, edits: [], bySource: false)
    let run = try transformer.run([
      RunRequest(tokens: tokens, captures: attributor.captures, logits: .all([last]))
    ])[0]
    let answers: [Int] = try reference.metadata("answers")
    for (n, answer) in answers.enumerated() {
      let direction = try transformer.direction(of: .token(answer))
      let found = attributor.attribute(run, direction, logit: Double(run.logits[0][answer]))
      var gap = Gap()
      gap.add(found.sum, Double(try reference["dla.total"][n]))
      var compared = 0
      for part in found.parts {
        let wanted: Float
        switch part.component {
        case .embed: wanted = try reference["dla.embed"][n]
        case .head(let layer, let head): wanted = try reference["dla.head"][n, layer, head]
        case .mlp(let layer): wanted = try reference["dla.mlp"][n, layer]
        default: continue  // a bias, say: it is in the sum
        }
        gap.add(Double(part.value), Double(wanted))
        compared += 1
      }
      let configuration = transformer.configuration
      #expect(compared == 1 + configuration.layers * (configuration.heads + 1))
      #expect(gap.relative < 1e-5, "\(answer): \(gap)")
    }
  }

  @Test func everyTypeIsThere() throws {
    let types = try Self.plain.flatMap {
      try TestModels.tiny("quantized/\($0)/model.gguf").tensorTypes.map(\.type)
    }
    #expect(Set(types).union([.f8_E4M3, .f8_E5M2]) == Set(TensorType.allCases))
  }
}
