/// Qwen 2 and 2.5: Llama with biases on queries, keys and values.
///
/// Hugging Face's `modeling_qwen2.py`; GGUF keeps its rows in their order.
enum Qwen2: Architecture {
  static let ggufNames = ["qwen2"]
  static let modelTypes = ["qwen2"]

  static func blueprint(gguf file: GGUFFile) throws -> Blueprint {
    let configuration = try Configuration(likeLlama: GGUFKeys(file: file, prefix: "qwen2")) {
      LayerAttention(rotary: $0)
    }
    return Blueprint(
      configuration: configuration, names: .gguf(configuration, biases: .queryKeyValue))
  }

  static func blueprint(json file: ConfigFile) throws -> Blueprint {
    let configuration = try Configuration(likeLlama: file) { layer, rotary in
      LayerAttention(window: file.qwenWindow(of: layer), rotary: rotary)
    }
    return Blueprint(
      configuration: configuration, names: .huggingFace(configuration, biases: .queryKeyValue))
  }
}

extension ConfigFile {
  /// Qwen's upper layers may have a window; those of the published models have none.
  func qwenWindow(of layer: Int) -> Int? {
    guard values.useSlidingWindow == true else { return nil }
    let isLocal =
      values.layerTypes.map { $0.indices.contains(layer) && $0[layer] == "sliding_attention" }
      ?? (layer >= values.maxWindowLayers ?? 28)
    return isLocal ? values.slidingWindow : nil
  }
}
