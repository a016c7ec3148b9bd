/// Llama 2 and 3 and what is built like them (SmolLM among them): RMSNorm before each block, RoPE,
/// grouped-query attention, SwiGLU. Llama 3.1 and later scale RoPE.
///
/// Names and layouts: Hugging Face's `modeling_llama.py`; llama.cpp's `convert_hf_to_gguf.py`
/// (`LlamaModel.permute`). GGUF files of Mistral say `llama` too, and state no window.
enum Llama: Architecture {
  static let ggufNames = ["llama"]
  static let modelTypes = ["llama"]

  static func blueprint(gguf file: GGUFFile) throws -> Blueprint {
    let keys = GGUFKeys(file: file, prefix: "llama")
    let configuration = try Configuration(likeLlama: keys) { rotary in
      LayerAttention(rotary: rotary)
    }
    var biases: Biases = []
    if keys.hasTensor("blk.0.attn_q.bias") { biases.insert(.queryKeyValue) }
    if keys.hasTensor("blk.0.attn_output.bias") { biases.insert(.output) }
    if keys.hasTensor("blk.0.ffn_up.bias") { biases.insert(.mlp) }
    return Blueprint(
      configuration: configuration,
      names: .gguf(configuration, biases: biases, isInterleaved: true))
  }

  static func blueprint(json file: ConfigFile) throws -> Blueprint {
    let configuration = try Configuration(likeLlama: file) { _, rotary in
      LayerAttention(rotary: rotary)
    }
    var biases: Biases = []
    if file.values.attentionBias == true { biases.formUnion([.queryKeyValue, .output]) }
    if file.values.mlpBias == true { biases.insert(.mlp) }
    return Blueprint(
      configuration: configuration, names: .huggingFace(configuration, biases: biases))
  }
}

extension Configuration {
  /// The sizes that all families state alike in GGUF.
  ///
  /// - Parameters:
  ///   - epsilon: the key of the norms' ε.
  ///   - neuronsPerWidth: d_mlp / d_model where the file does not give d_mlp; nil where it must.
  ///   - attention: of every layer, whose heads are so wide.
  init(
    gguf keys: GGUFKeys, epsilon: String, neuronsPerWidth: Int? = nil,
    attention: (_ headWidth: Int) throws -> LayerAttention
  ) throws {
    let layers = try keys.layers()
    let heads = try keys.int("attention.head_count")
    let width = try keys.int("embedding_length")
    let headWidth = try keys.headWidth(width, heads: heads)
    try keys.refuse("expert_count", unless: 0, because: "mixtures of experts are not supported")
    self.init(
      architecture: keys.prefix, layers: layers, heads: heads,
      keyValueHeads: try keys.int("attention.head_count_kv", default: heads),
      headWidth: headWidth, width: width,
      neurons: try keys.int(
        "feed_forward_length", default: neuronsPerWidth.map { $0 &* width }),
      vocabulary: try keys.file.require("token_embd.weight").shape.first ?? 0,
      context: try keys.int("context_length"), epsilon: Float(try keys.double(epsilon)),
      isTied: !keys.hasTensor("output.weight"),
      attention: Array(repeating: try attention(headWidth), count: layers),
      attentionScale: 1 / Float(headWidth).squareRoot())
  }

  /// The same with RMSNorm, RoPE and SwiGLU.
  ///
  /// - Parameter attention: of every layer.
  init(likeLlama keys: GGUFKeys, attention: (Rotary) throws -> LayerAttention) throws {
    try self.init(gguf: keys, epsilon: "attention.layer_norm_rms_epsilon") { headWidth in
      try attention(try keys.rotary(headWidth: headWidth))
    }
  }

  /// The same of a `config.json`.
  ///
  /// - Parameters:
  ///   - isTied: where the file does not say.
  ///   - fallback: d_head where the file gives none, if not what d_model gives each head.
  ///   - attention: of each layer.
  init(
    likeLlama file: ConfigFile, isTied: Bool = false, headWidth fallback: Int? = nil,
    attention: (Int, Rotary) throws -> LayerAttention
  ) throws {
    let config = file.values
    let layers = try file.layers(config.numHiddenLayers, "num_hidden_layers")
    let heads = try file.require(config.numAttentionHeads, "num_attention_heads")
    let width = try file.require(config.hiddenSize, "hidden_size")
    let headWidth = try config.headDim ?? fallback ?? file.headWidth(width, heads: heads)
    let rotary = try file.rotary(width: headWidth)
    self.init(
      architecture: config.modelType ?? "", layers: layers, heads: heads,
      keyValueHeads: config.numKeyValueHeads ?? heads, headWidth: headWidth, width: width,
      neurons: try file.require(config.intermediateSize, "intermediate_size"),
      vocabulary: try file.require(config.vocabSize, "vocab_size"),
      context: config.maxPositionEmbeddings ?? 2048, epsilon: config.rmsNormEps ?? 1e-6,
      isTied: config.tieWordEmbeddings ?? isTied,
      attention: try (0..<layers).map { try attention($0, rotary) },
      attentionScale: 1 / Float(headWidth).squareRoot())
    mlp.nonlinearity = try file.nonlinearity(config.hiddenAct ?? "silu")
  }
}

extension ConfigFile {
  /// An activation by transformers' name for it.
  func nonlinearity(_ name: String) throws -> MLPLayout.Nonlinearity {
    switch name {
    case "silu", "swish": .silu
    case "gelu": .gelu
    case "gelu_new", "gelu_fast", "gelu_pytorch_tanh": .geluTanh
    default: throw unsupported("the activation \(quoted(name))")
    }
  }
}
