/// Qwen 2 and 2.5: Llama with biases on queries, keys and values.
///
/// Hugging Face's `modeling_qwen2.py`; GGUF keeps its rows in their order.
enum Qwen2: Architecture {
  static let ggufNames = ["qwen2"]
  static let modelTypes = ["qwen2"]

  static func blueprint(gguf file: GGUFFile) throws -> Blueprint {
    let keys = GGUFKeys(file: file, prefix: "qwen2")
    let configuration = try Configuration(likeLlama: keys) {
      LayerAttention(rotary: $0)
    }
    return Blueprint(
      configuration: configuration, names: .gguf(configuration, biases: .queryKeyValue),
      unknownKeys: keys.unknownKeys(read: GGUFKeys.rotaryKeys))
  }

  static func blueprint(json file: ConfigFile) throws -> Blueprint {
    let file = try file.resolved(by: keys)
    let configuration = try Configuration(likeLlama: file) { layer, rotary in
      LayerAttention(window: try file.qwenWindow(of: layer), rotary: rotary)
    }
    return Blueprint(
      configuration: configuration, names: .huggingFace(configuration, biases: .queryKeyValue),
      config: file, unknownKeys: file.unknownKeys(keys, read: RopeKeys.read))
  }

  /// `Qwen2Config`
  static let keys = qwenKeys([:])

  /// What Qwen 2 and 3 share.
  static func qwenKeys(_ own: ConfigClass) -> ConfigClass {
    let shared: ConfigClass = [
      "num_key_value_heads": .optional(.int, 32), "hidden_act": .string("silu"),
      "use_sliding_window": .bool(false), "sliding_window": .optional(.int, 4096),
      "max_window_layers": .int(28), "layer_types": .optional(.list),
    ]
    return .likeLlama(
      LlamaDefaults(
        vocabulary: 151_936, width: 4096, neurons: 22016, layers: 32, heads: 32, context: 32768,
        tokens: (.null, .null, .null)),
      shared.merging(own) { _, own in own })
  }
}

extension ConfigFile {
  /// Qwen's upper layers may have a window; those of the published models have none.
  func qwenWindow(of layer: Int) throws -> Int? {
    let window = try bool("use_sliding_window") ? optionalInt("sliding_window") : nil
    let first = try int("max_window_layers")
    guard try isLocal(layer, by: { window != nil && layer >= first }) else { return nil }
    guard let window else { throw unsupported("layers with a window, and no sliding_window") }
    return window
  }
}
