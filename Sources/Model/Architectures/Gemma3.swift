/// Gemma 3: Gemma 2 without its caps, with norms on each head's queries and keys, and of six layers
/// five with a window and a RoPE base of their own. Of the models that read images too (4B and
/// larger), what reads text; a prompt without images passes through nothing else.
///
/// Hugging Face's `modeling_gemma3.py`; llama.cpp's `llm_build_gemma3_iswa`.
enum Gemma3: Architecture {
  static let ggufNames = ["gemma3"]
  static let modelTypes = ["gemma3_text", "gemma3"]

  static func blueprint(gguf file: GGUFFile) throws -> Blueprint {
    let keys = GGUFKeys(file: file, prefix: "gemma3")
    var configuration = try Configuration(likeLlama: keys) { LayerAttention(rotary: $0) }
    configuration.becomeGemma3()
    let global = try keys.rotary(headWidth: configuration.headWidth, base: 1_000_000)
    let local = LayerAttention(
      window: try keys.int("attention.sliding_window"),
      rotary: Rotary(
        width: global.width, base: try keys.double("rope.freq_base_swa", default: 10_000)))
    let period = try keys.int("attention.sliding_window_pattern", default: 6)
    configuration.attention = (0..<configuration.layers).map {
      isLocal($0, period) ? local : LayerAttention(rotary: global)
    }
    if keys.has("final_logit_softcapping") {
      configuration.logitCap = Float(try keys.double("final_logit_softcapping"))
    }
    configuration.scaleScoresOf27B(layers: 62)
    return Blueprint(configuration: configuration, names: .gguf(configuration))
  }

  static func blueprint(json file: ConfigFile) throws -> Blueprint {
    guard file.values.modelType == "gemma3" else { return try textBlueprint(file) }
    var blueprint = try textBlueprint(try file.text)
    blueprint.names.otherPrefixes = ["language_model.model.", "model.language_model."]
    blueprint.names.isHarmless = { name in
      ["vision_tower.", "multi_modal_projector."].contains { part in
        name.hasPrefix(part) || name.hasPrefix("model." + part)
      }
    }
    return blueprint
  }

  private static func textBlueprint(_ stated: ConfigFile) throws -> Blueprint {
    var file = stated
    file.values.setGemma3Defaults()
    try file.checkGemma()
    let period =
      file.values.slidingWindowPattern ?? file.values._slidingWindowPattern ?? 6
    var configuration = try Configuration(likeLlama: file, isTied: true) { layer, _ in
      let headWidth = try file.require(file.values.headDim, "head_dim")
      guard try file.isLocal(layer, by: { isLocal(layer, period) }) else {
        return LayerAttention(rotary: try file.rotary(width: headWidth, base: 1_000_000))
      }
      var rotary = try file.rotary(width: headWidth, kind: "sliding_attention")
      if file.values.ropeParameters == nil {
        // Of what transformers 4 wrote, only the global layers' scaling is meant.
        rotary = Rotary(width: headWidth, base: file.values.ropeLocalBaseFreq ?? 10_000)
      }
      return LayerAttention(window: file.values.slidingWindow, rotary: rotary)
    }
    configuration.architecture = "gemma3"
    configuration.becomeGemma3()
    try configuration.readGemmaScales(file)
    return Blueprint(
      configuration: configuration, names: .huggingFace(configuration, areNormsOffByOne: true))
  }

  private static func isLocal(_ layer: Int, _ period: Int) -> Bool {
    period < 1 || (layer + 1) % period != 0
  }
}

extension Configuration {
  fileprivate mutating func becomeGemma3() {
    becomeGemma()
    hasPostNorms = true
    hasQueryKeyNorms = true
  }
}

extension ConfigFile.Values {
  /// What `Gemma3TextConfig` takes where a file is silent, as that of gemma-3-4b is on most things.
  fileprivate mutating func setGemma3Defaults() {
    vocabSize = vocabSize ?? 262_208
    hiddenSize = hiddenSize ?? 2304
    intermediateSize = intermediateSize ?? 9216
    numHiddenLayers = numHiddenLayers ?? 26
    numAttentionHeads = numAttentionHeads ?? 8
    numKeyValueHeads = numKeyValueHeads ?? 4
    headDim = headDim ?? 256
    maxPositionEmbeddings = maxPositionEmbeddings ?? 131_072
    queryPreAttnScalar = queryPreAttnScalar ?? 256
    slidingWindow = slidingWindow ?? 4096
  }
}
