/// Phi-3: Llama with its queries, keys and values in one tensor and its gate and up matrices in
/// another, a window, and in the long-context models a RoPE with one set of factors for prompts that
/// fit the original context and another for longer ones.
///
/// Hugging Face's `modeling_phi3.py`; GGUF keeps its rows in their order.
enum Phi3: Architecture {
  static let ggufNames = ["phi3"]
  static let modelTypes = ["phi3"]

  static func blueprint(gguf file: GGUFFile) throws -> Blueprint {
    let keys = GGUFKeys(file: file, prefix: "phi3")
    let window = try keys.int("attention.sliding_window", default: 0)
    let configuration = try Configuration(likeLlama: keys) {
      LayerAttention(window: window == 0 ? nil : window, rotary: $0)
    }
    return Blueprint(configuration: configuration, names: .gguf(configuration, isFused: true))
  }

  static func blueprint(json file: ConfigFile) throws -> Blueprint {
    let configuration = try Configuration(likeLlama: file) { _, rotary in
      LayerAttention(window: file.values.slidingWindow, rotary: rotary)
    }
    return Blueprint(
      configuration: configuration, names: .huggingFace(configuration, isFused: true))
  }
}
