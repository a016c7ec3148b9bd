/// Mistral: Llama with a window of attention in every layer, where its configuration states one.
///
/// Hugging Face's `modeling_mistral.py`. In GGUF it is `llama`.
enum Mistral: Architecture {
  static let modelTypes = ["mistral"]

  static func blueprint(json file: ConfigFile) throws -> Blueprint {
    let configuration = try Configuration(likeLlama: file) { _, rotary in
      LayerAttention(window: file.values.slidingWindow, rotary: rotary)
    }
    return Blueprint(configuration: configuration, names: .huggingFace(configuration))
  }
}
