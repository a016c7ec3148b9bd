/// Mistral: Llama with a window of attention in every layer, where its configuration states one.
///
/// Hugging Face's `modeling_mistral.py`. In GGUF it is `llama`.
enum Mistral: Architecture {
  static let modelTypes = ["mistral"]

  static func blueprint(json file: ConfigFile) throws -> Blueprint {
    let file = try file.resolved(by: keys)
    let window = file.optionalInt("sliding_window")
    let types = file.layerTypes
    if file.stated["layer_types"] != nil {
      // transformers reads the file as one of Ministral.
      guard file.hasFlatRope else { throw file.nestedRope() }
      guard window != nil else { throw file.unsupported("layer_types without a sliding_window") }
    }
    let configuration = try Configuration(likeLlama: file) { layer, rotary in
      let isLocal = types.map { $0[layer] == "sliding_attention" } ?? true
      return LayerAttention(window: isLocal ? window : nil, rotary: rotary)
    }
    return Blueprint(
      configuration: configuration, names: .huggingFace(configuration), config: file,
      unknownKeys: file.unknownKeys(keys, read: RopeKeys.read))
  }

  /// `MistralConfig`
  static let keys: ConfigClass = .likeLlama(
    LlamaDefaults(
      vocabulary: 32000, width: 4096, neurons: 14336, layers: 32, heads: 32, context: 4096 * 32,
      tokens: (.null, 1, 2)),
    [
      "num_key_value_heads": .int(8), "head_dim": .optional(.int), "hidden_act": .string("silu"),
      "sliding_window": .optional(.int, 4096),
    ])
}
