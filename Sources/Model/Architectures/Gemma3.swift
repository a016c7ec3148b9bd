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
    var configuration = try Configuration(likeLlama: keys, nonlinearity: .geluTanh) {
      LayerAttention(rotary: $0)
    }
    configuration.becomeGemma3()
    let global = try keys.rotary(headWidth: configuration.headWidth, base: 1_000_000)
    let local = LayerAttention(
      window: try keys.int("attention.sliding_window", default: 0),
      rotary: Rotary(
        width: global.width, base: try keys.double("rope.freq_base_swa", default: 10_000),
        magnitude: global.magnitude))
    let period = try keys.int("attention.sliding_window_pattern", default: 6)
    configuration.attention = (0..<configuration.layers).map {
      // A file without a window has global layers alone.
      local.window != 0 && isLocal($0, period) ? local : LayerAttention(rotary: global)
    }
    let cap = Float(try keys.double("final_logit_softcapping", default: 0))
    configuration.logitCap = cap == 0 ? nil : cap
    configuration.scaleScoresOf27B(layers: 62)
    return Blueprint(
      configuration: configuration, names: .gguf(configuration),
      unknownKeys: keys.unknownKeys(
        read: GGUFKeys.rotaryKeys.union([
          "attention.sliding_window", "attention.sliding_window_pattern", "rope.freq_base_swa",
          "final_logit_softcapping",
        ])))
  }

  static func blueprint(json file: ConfigFile) throws -> Blueprint {
    guard file.modelType == "gemma3" else { return try textBlueprint(file) }
    let outer = try file.resolved(by: outerKeys)
    var blueprint = try textBlueprint(try file.text)
    // Its head is of the outer model, which has no cap.
    blueprint.configuration.logitCap = nil
    blueprint.configuration.isTied = outer.values["tie_word_embeddings"] == .bool(true)
    blueprint.names.otherPrefixes = ["language_model.model.", "model.language_model."]
    blueprint.names.isHarmless = { name in
      ["vision_tower.", "multi_modal_projector."].contains { part in
        name.hasPrefix(part) || name.hasPrefix("model." + part)
      }
    }
    blueprint.unknownKeys += outer.unknownKeys(outerKeys, read: outerAliases)
    return blueprint
  }

  private static func textBlueprint(_ stated: ConfigFile) throws -> Blueprint {
    let file = try stated.resolved(by: keys)
    let window = try file.require(file.optionalInt("sliding_window"), "sliding_window")
    let period = try file.gemma3Period()
    let (local, global) = (
      try RopeKeys(gemma3: file, kind: "sliding_attention"),
      try RopeKeys(gemma3: file, kind: "full_attention")
    )
    func isLocal(_ layer: Int) throws -> Bool {
      try file.isLocal(layer) { Self.isLocal(layer, period) }
    }
    var configuration = try Configuration(
      likeLlama: file, nonlinearity: try file.nonlinearity("hidden_activation"),
      rope: { layer, width in
        try (isLocal(layer) ? local : global).rotary(
          headWidth: width, isPartial: false, ownOriginal: false)
      },
      attention: { layer, rotary in
        LayerAttention(window: try isLocal(layer) ? window : nil, rotary: rotary)
      })
    configuration.architecture = "gemma3"
    configuration.becomeGemma3()
    // The class declares a cap of scores too, which the model does not apply.
    configuration.logitCap = file.optionalFloat("final_logit_softcapping")
    configuration.attentionScale = try file.gemmaScale()
    return Blueprint(
      configuration: configuration,
      names: .huggingFace(configuration, biases: try file.gemmaBiases(), areNormsOffByOne: true),
      config: file, unknownKeys: file.unknownKeys(keys, read: ConfigFile.gemmaKeys))
  }

  private static func isLocal(_ layer: Int, _ period: Int) -> Bool {
    period < 1 || (layer + 1) % period != 0
  }

  /// `Gemma3TextConfig`
  static let keys: ConfigClass = .likeLlama(
    LlamaDefaults(
      vocabulary: 262_208, width: 2304, neurons: 9216, layers: 26, heads: 8, context: 131_072,
      isTied: true, tokens: (0, 2, 1)),
    ConfigFile.gemmaKeys(scoreCap: .null, logitCap: .null, isBidirectional: .bool(false)))

  /// `Gemma3Config`, of the model that reads images too.
  static let outerKeys: ConfigClass = .with([
    "text_config": .optional(.any), "vision_config": .optional(.any),
    "mm_tokens_per_image": .optional(.int, 256), "boi_token_index": .optional(.int, 255_999),
    "eoi_token_index": .optional(.int, 256_000), "image_token_index": .optional(.int, 262_144),
    "initializer_range": .optional(.float, 0.02), "tie_word_embeddings": .optional(.bool, true),
  ])

  /// Newer names of keys of the outer class that say nothing of text.
  private static let outerAliases: Set = ["image_token_id", "boi_token_id", "eoi_token_id"]
}

extension Configuration {
  fileprivate mutating func becomeGemma3() {
    becomeGemma()
    hasPostNorms = true
    hasQueryKeyNorms = true
  }
}

extension ConfigFile {
  /// Every how many layers one is global, where `layer_types` does not say which are.
  fileprivate func gemma3Period() throws -> Int {
    guard let value = stated["sliding_window_pattern"] else { return 6 }
    if values["layer_types"]?.array != nil { return 6 }
    guard let period = value.int, period > 0 else {
      throw mistyped("sliding_window_pattern", "a whole number above 0")
    }
    return period
  }
}
