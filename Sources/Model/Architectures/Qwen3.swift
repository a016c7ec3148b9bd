/// Qwen 3: Llama with an RMSNorm on each head's queries and keys, and heads of a width of their own.
///
/// Hugging Face's `modeling_qwen3.py`; GGUF keeps its rows in their order.
enum Qwen3: Architecture {
  static let ggufNames = ["qwen3"]
  static let modelTypes = ["qwen3"]

  static func blueprint(gguf file: GGUFFile) throws -> Blueprint {
    let keys = GGUFKeys(file: file, prefix: "qwen3")
    var configuration = try Configuration(likeLlama: keys) {
      LayerAttention(rotary: $0)
    }
    configuration.hasQueryKeyNorms = true
    return Blueprint(
      configuration: configuration, names: .gguf(configuration),
      unknownKeys: keys.unknownKeys(read: GGUFKeys.rotaryKeys))
  }

  static func blueprint(json file: ConfigFile) throws -> Blueprint {
    let file = try file.resolved(by: keys)
    var configuration = try Configuration(likeLlama: file) { layer, rotary in
      LayerAttention(window: try file.qwenWindow(of: layer), rotary: rotary)
    }
    configuration.hasQueryKeyNorms = true
    let biases: Biases = try file.bool("attention_bias") ? [.queryKeyValue, .output] : []
    return Blueprint(
      configuration: configuration, names: .huggingFace(configuration, biases: biases),
      config: file, unknownKeys: file.unknownKeys(keys, read: RopeKeys.read))
  }

  /// `Qwen3Config`
  static let keys = Qwen2.qwenKeys(["head_dim": .int(128), "attention_bias": .bool(false)])
}
