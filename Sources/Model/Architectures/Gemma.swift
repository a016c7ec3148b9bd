/// Gemma 1: Llama with embeddings times √d_model, norms of 1 + w, GELU in place of SiLU, tied.
///
/// Hugging Face's `modeling_gemma.py`; GGUF has the norms' 1 added already, and its rows in their
/// order.
enum Gemma: Architecture {
  static let ggufNames = ["gemma"]
  static let modelTypes = ["gemma"]

  static func blueprint(gguf file: GGUFFile) throws -> Blueprint {
    let keys = GGUFKeys(file: file, prefix: "gemma")
    var configuration = try Configuration(likeLlama: keys, nonlinearity: .geluTanh) {
      LayerAttention(rotary: $0)
    }
    configuration.becomeGemma()
    return Blueprint(
      configuration: configuration, names: .gguf(configuration),
      unknownKeys: keys.unknownKeys(read: GGUFKeys.rotaryKeys))
  }

  static func blueprint(json file: ConfigFile) throws -> Blueprint {
    let file = try file.resolved(by: keys)
    // Early files say `gelu` and mean GELU through tanh.
    let isEarly = try file.string("hidden_act") == "gelu"
    var configuration = try Configuration(
      likeLlama: file, nonlinearity: isEarly ? .geluTanh : nil
    ) { _, rotary in
      LayerAttention(rotary: rotary)
    }
    configuration.becomeGemma()
    return Blueprint(
      configuration: configuration,
      names: .huggingFace(
        configuration, biases: try file.gemmaBiases(), areNormsOffByOne: true),
      config: file,
      // Published files have it too, and the class reads `hidden_act` alone.
      unknownKeys: file.unknownKeys(keys, read: RopeKeys.read.union(["hidden_activation"])))
  }

  /// `GemmaConfig`
  static let keys: ConfigClass = .likeLlama(
    LlamaDefaults(
      vocabulary: 256_000, width: 3072, neurons: 24576, layers: 28, heads: 16, context: 8192,
      isTied: true, tokens: (0, 2, 1)),
    [
      "num_key_value_heads": .int(16), "head_dim": .int(256),
      "hidden_act": .string("gelu_pytorch_tanh"), "attention_bias": .bool(false),
      "use_bidirectional_attention": .optional(.bool),
    ])
}

extension Configuration {
  /// What all Gemmas share.
  mutating func becomeGemma() {
    embeddingScale = Float(width).squareRoot()
  }
}

extension ConfigFile {
  /// The biases of a Gemma's attention, and a refusal of attention that looks ahead.
  func gemmaBiases() throws -> Biases {
    if values["use_bidirectional_attention"] == .bool(true) {
      throw unsupported("attention that looks ahead (use_bidirectional_attention)")
    }
    return try bool("attention_bias") ? [.queryKeyValue, .output] : []
  }
}
