/// Gemma 2: Gemma with norms on the way into the stream too, soft caps on scores and logits, and a
/// window in every other layer, from the first.
///
/// Hugging Face's `modeling_gemma2.py`; llama.cpp's `llm_build_gemma2_iswa`.
enum Gemma2: Architecture {
  static let ggufNames = ["gemma2"]
  static let modelTypes = ["gemma2"]

  static func blueprint(gguf file: GGUFFile) throws -> Blueprint {
    let keys = GGUFKeys(file: file, prefix: "gemma2")
    var configuration = try Configuration(likeLlama: keys) { LayerAttention(rotary: $0) }
    configuration.becomeGemma()
    configuration.hasPostNorms = true
    let window = try keys.int("attention.sliding_window", default: 4096)
    for layer in stride(from: 0, to: configuration.layers, by: 2) {
      configuration.attention[layer].window = window
    }
    configuration.scoreCap = Float(try keys.double("attn_logit_softcapping", default: 50))
    configuration.logitCap = Float(try keys.double("final_logit_softcapping", default: 30))
    configuration.scaleScoresOf27B(layers: 46)
    return Blueprint(configuration: configuration, names: .gguf(configuration))
  }

  static func blueprint(json file: ConfigFile) throws -> Blueprint {
    try file.checkGemma()
    var configuration = try Configuration(likeLlama: file, isTied: true, headWidth: 256) {
      layer, rotary in
      let isLocal = try file.isLocal(layer) { layer.isMultiple(of: 2) }
      return LayerAttention(
        window: isLocal ? file.values.slidingWindow ?? 4096 : nil, rotary: rotary)
    }
    configuration.becomeGemma()
    configuration.hasPostNorms = true
    try configuration.readGemmaScales(file)
    return Blueprint(
      configuration: configuration, names: .huggingFace(configuration, areNormsOffByOne: true))
  }
}

extension Configuration {
  /// GGUF has no key for what scores are divided by. It is √d_head but in the models of 27 billion
  /// weights, which llama.cpp too recognises by their layers.
  mutating func scaleScoresOf27B(layers: Int) {
    if self.layers == layers { attentionScale = 1 / (Float(width) / Float(heads)).squareRoot() }
  }

  /// Soft caps, and what scores are divided by, of Gemma 2 and 3.
  mutating func readGemmaScales(_ file: ConfigFile) throws {
    if let scalar = file.values.queryPreAttnScalar {
      guard scalar > 0 else { throw file.unsupported("query_pre_attn_scalar \(scalar)") }
      attentionScale = Float(1 / scalar.squareRoot())
    }
    scoreCap = file.values.attnLogitSoftcapping
    logitCap = file.values.finalLogitSoftcapping
  }
}

extension ConfigFile {
  /// Whether a layer's attention has a window: as `layer_types` says, else by the family's own rule.
  func isLocal(_ layer: Int, by rule: () -> Bool) throws -> Bool {
    guard let types = values.layerTypes else { return rule() }
    guard types.indices.contains(layer) else {
      throw unsupported("\(types.count) layer_types")
    }
    switch types[layer] {
    case "sliding_attention": return true
    case "full_attention": return false
    case let other: throw unsupported("layers of the type \(quoted(other))")
    }
  }
}
