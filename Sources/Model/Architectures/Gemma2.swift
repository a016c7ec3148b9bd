/// Gemma 2: Gemma with norms on the way into the stream too, soft caps on scores and logits, and a
/// window in every other layer, from the first.
///
/// Hugging Face's `modeling_gemma2.py`; llama.cpp's `llm_build_gemma2_iswa`.
enum Gemma2: Architecture {
  static let ggufNames = ["gemma2"]
  static let modelTypes = ["gemma2"]

  static func blueprint(gguf file: GGUFFile) throws -> Blueprint {
    let keys = GGUFKeys(file: file, prefix: "gemma2")
    var configuration = try Configuration(likeLlama: keys, nonlinearity: .geluTanh) {
      LayerAttention(rotary: $0)
    }
    configuration.becomeGemma()
    configuration.hasPostNorms = true
    let window = try keys.int("attention.sliding_window", default: 4096)
    for layer in stride(from: 0, to: configuration.layers, by: 2) {
      configuration.attention[layer].window = window
    }
    configuration.scoreCap = Float(try keys.double("attn_logit_softcapping", default: 50))
    configuration.logitCap = Float(try keys.double("final_logit_softcapping", default: 30))
    configuration.scaleScoresOf27B(layers: 46)
    return Blueprint(
      configuration: configuration, names: .gguf(configuration),
      unknownKeys: keys.unknownKeys(
        read: GGUFKeys.rotaryKeys.union([
          "attention.sliding_window", "attn_logit_softcapping", "final_logit_softcapping",
        ])))
  }

  static func blueprint(json file: ConfigFile) throws -> Blueprint {
    let file = try file.resolved(by: keys)
    let window = try file.require(file.optionalInt("sliding_window"), "sliding_window")
    var configuration = try Configuration(
      likeLlama: file, nonlinearity: try file.nonlinearity("hidden_activation")
    ) { layer, rotary in
      let isLocal = try file.isLocal(layer) { layer.isMultiple(of: 2) }
      return LayerAttention(window: isLocal ? window : nil, rotary: rotary)
    }
    configuration.becomeGemma()
    configuration.hasPostNorms = true
    configuration.scoreCap = file.optionalFloat("attn_logit_softcapping")
    configuration.logitCap = file.optionalFloat("final_logit_softcapping")
    configuration.attentionScale = try file.gemmaScale()
    return Blueprint(
      configuration: configuration,
      names: .huggingFace(configuration, biases: try file.gemmaBiases(), areNormsOffByOne: true),
      config: file,
      // The first published files have the window under both names.
      unknownKeys: file.unknownKeys(keys, read: ConfigFile.gemmaKeys).filter {
        $0 != "sliding_window_size" || file.stated[$0]?.int != window
      })
  }

  /// `Gemma2Config`
  static let keys: ConfigClass = .likeLlama(
    LlamaDefaults(
      vocabulary: 256_000, width: 2304, neurons: 9216, layers: 26, heads: 8, context: 8192,
      isTied: true, tokens: (0, 2, 1)),
    ConfigFile.gemmaKeys(scoreCap: 50.0, logitCap: 30.0, isBidirectional: .null))
}

extension Configuration {
  /// GGUF has no key for what scores are divided by. It is √d_head but in the models of 27 billion
  /// weights, which llama.cpp too recognises by their layers.
  mutating func scaleScoresOf27B(layers: Int) {
    if self.layers == layers { attentionScale = 1 / (Float(width) / Float(heads)).squareRoot() }
  }
}

extension ConfigFile {
  /// What Gemma 2 and 3 share.
  static func gemmaKeys(scoreCap: JSON, logitCap: JSON, isBidirectional: JSON) -> ConfigClass {
    [
      "num_key_value_heads": .int(4), "head_dim": .int(256),
      "hidden_activation": .string("gelu_pytorch_tanh"), "attention_bias": .bool(false),
      "attention_dropout": .optional(.number, 0.0), "query_pre_attn_scalar": .int(256),
      "sliding_window": .optional(.int, 4096), "layer_types": .optional(.list),
      "attn_logit_softcapping": .optional(.float, scoreCap),
      "final_logit_softcapping": .optional(.float, logitCap),
      "use_bidirectional_attention": .optional(.bool, isBidirectional),
    ]
  }

  /// Keys that their classes do not declare. Published files have `hidden_act` too, which is not read.
  static let gemmaKeys = RopeKeys.read.union([
    "rope_local_base_freq", "sliding_window_pattern", "hidden_act",
  ])

  /// What scores are multiplied by.
  func gemmaScale() throws -> Float {
    let scalar = try int("query_pre_attn_scalar")
    guard scalar > 0 else { throw unsupported("query_pre_attn_scalar \(scalar)") }
    return Float(1 / Double(scalar).squareRoot())
  }

  /// Whether a layer's attention has a window: as `layer_types` says, else by the family's own rule.
  func isLocal(_ layer: Int, by rule: () -> Bool) throws -> Bool {
    guard let types = values["layer_types"]?.array else { return rule() }
    guard types.indices.contains(layer) else { throw unsupported("\(types.count) layer_types") }
    return types[layer] == .string("sliding_attention")
  }
}
