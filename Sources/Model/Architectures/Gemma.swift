/// Gemma 1: Llama with embeddings times √d_model, norms of 1 + w, GELU in place of SiLU, tied.
///
/// Hugging Face's `modeling_gemma.py`; GGUF has the norms' 1 added already, and its rows in their
/// order.
enum Gemma: Architecture {
  static let ggufNames = ["gemma"]
  static let modelTypes = ["gemma"]

  static func blueprint(gguf file: GGUFFile) throws -> Blueprint {
    var configuration = try Configuration(likeLlama: GGUFKeys(file: file, prefix: "gemma")) {
      LayerAttention(rotary: $0)
    }
    configuration.becomeGemma()
    return Blueprint(configuration: configuration, names: .gguf(configuration))
  }

  static func blueprint(json file: ConfigFile) throws -> Blueprint {
    try file.checkGemma()
    var configuration = try Configuration(likeLlama: file, isTied: true, headWidth: 256) {
      _, rotary in
      LayerAttention(rotary: rotary)
    }
    configuration.becomeGemma()
    return Blueprint(
      configuration: configuration, names: .huggingFace(configuration, areNormsOffByOne: true))
  }
}

extension Configuration {
  /// What all Gemmas share.
  mutating func becomeGemma() {
    embeddingScale = Float(width).squareRoot()
    // Early files say "gelu" and mean this.
    mlp.nonlinearity = .geluTanh
  }
}

extension ConfigFile {
  /// Gemma's files have been written with more than one key for the activation.
  func checkGemma() throws {
    let name = values.hiddenActivation ?? values.hiddenAct ?? "gelu_pytorch_tanh"
    guard ["gelu", "gelu_pytorch_tanh"].contains(name) else {
      throw unsupported("the activation \(quoted(name))")
    }
    if values.attentionBias == true { throw unsupported("biases in a Gemma") }
    if values.useBidirectionalAttention == true { throw unsupported("attention that looks ahead") }
  }
}
