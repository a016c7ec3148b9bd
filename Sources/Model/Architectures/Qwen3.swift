/// Qwen 3: Llama with an RMSNorm on each head's queries and keys, and heads of a width of their own.
///
/// Hugging Face's `modeling_qwen3.py`; GGUF keeps its rows in their order.
enum Qwen3: Architecture {
  static let ggufNames = ["qwen3"]
  static let modelTypes = ["qwen3"]

  static func blueprint(gguf file: GGUFFile) throws -> Blueprint {
    var configuration = try Configuration(likeLlama: GGUFKeys(file: file, prefix: "qwen3")) {
      LayerAttention(rotary: $0)
    }
    configuration.hasQueryKeyNorms = true
    return Blueprint(configuration: configuration, names: .gguf(configuration))
  }

  static func blueprint(json file: ConfigFile) throws -> Blueprint {
    var configuration = try Configuration(likeLlama: file) { layer, rotary in
      LayerAttention(window: file.qwenWindow(of: layer), rotary: rotary)
    }
    configuration.hasQueryKeyNorms = true
    let biases: Biases = file.values.attentionBias == true ? [.queryKeyValue, .output] : []
    return Blueprint(
      configuration: configuration, names: .huggingFace(configuration, biases: biases))
  }
}
