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
      names: .gguf(configuration, biases: biases, isInterleaved: true),
      unknownKeys: keys.unknownKeys(read: GGUFKeys.rotaryKeys))
  }

  static func blueprint(json file: ConfigFile) throws -> Blueprint {
    let file = try file.resolved(by: keys)
    let configuration = try Configuration(likeLlama: file) { _, rotary in
      LayerAttention(rotary: rotary)
    }
    var biases: Biases = []
    if try file.bool("attention_bias") { biases.formUnion([.queryKeyValue, .output]) }
    if try file.bool("mlp_bias") { biases.insert(.mlp) }
    return Blueprint(
      configuration: configuration, names: .huggingFace(configuration, biases: biases),
      config: file, unknownKeys: file.unknownKeys(keys, read: RopeKeys.read))
  }

  /// `LlamaConfig`
  static let keys: ConfigClass = .likeLlama(
    LlamaDefaults(
      vocabulary: 32000, width: 4096, neurons: 11008, layers: 32, heads: 32, context: 2048,
      tokens: (.null, 1, 2)),
    [
      "num_key_value_heads": .optional(.int), "head_dim": .optional(.int),
      "hidden_act": .string("silu"), "attention_bias": .bool(false), "mlp_bias": .bool(false),
      "attention_dropout": .optional(.number, 0.0), "pretraining_tp": .optional(.int, 1),
    ])
}

extension Configuration {
  /// The sizes that all families state alike in GGUF.
  ///
  /// - Parameters:
  ///   - norm: decides the key of ε too.
  ///   - neuronsPerWidth: d_mlp / d_model where the file does not give d_mlp; nil where it must.
  ///   - mlp: the nonlinearity and gate of every layer's MLP, given its number of neurons.
  ///   - attention: that of every layer, given the width of its heads.
  init(
    gguf keys: GGUFKeys, norm: NormKind, neuronsPerWidth: Int? = nil,
    mlp: (_ neurons: Int) -> MLPShape, attention: (_ headWidth: Int) throws -> LayerAttention
  ) throws {
    self.init(
      architecture: keys.prefix, layers: try keys.layers(),
      isTied: !keys.hasTensor("output.weight"))
    heads = try keys.int("attention.head_count")
    width = try keys.int("embedding_length")
    headWidth = try keys.headWidth(width, heads: heads)
    try keys.refuse("expert_count", unless: 0, because: "mixtures of experts are not supported")
    try keys.refuseOtherAttention()
    keyValueHeads = try keys.int("attention.head_count_kv", default: heads)
    self.mlp = try keys.ints(
      "feed_forward_length", layers: layers, default: neuronsPerWidth.map { $0 &* width }
    ).map(mlp)
    vocabulary = try keys.file.require("token_embd.weight").shape.first ?? 0
    context = try keys.int("context_length")
    self.norm = norm
    switch norm {
    case .layer: epsilon = Float(try keys.double("attention.layer_norm_epsilon"))
    case .rootMeanSquare: epsilon = Float(try keys.double("attention.layer_norm_rms_epsilon"))
    }
    self.attention = Array(repeating: try attention(headWidth), count: layers)
    attentionScale = 1 / Float(headWidth).squareRoot()
  }

  /// The same with RMSNorm, RoPE and a gated MLP.
  ///
  /// - Parameter attention: of every layer.
  init(
    likeLlama keys: GGUFKeys, nonlinearity: MLPShape.Nonlinearity = .silu,
    attention: (Rotary) throws -> LayerAttention
  ) throws {
    try self.init(
      gguf: keys, norm: .rootMeanSquare,
      mlp: { MLPShape(neurons: $0, nonlinearity: nonlinearity) },
      attention: { headWidth in try attention(try keys.rotary(headWidth: headWidth)) })
  }

  /// The same of a `config.json`.
  ///
  /// - Parameters:
  ///   - file: resolved by the family's keys.
  ///   - nonlinearity: what `hidden_act` names unless it is given.
  ///   - rope: of each layer, whose heads are so wide; that of most families where there is none.
  ///   - attention: of each layer.
  init(
    likeLlama file: ConfigFile, nonlinearity: MLPShape.Nonlinearity? = nil,
    rope: ((_ layer: Int, _ headWidth: Int) throws -> Rotary)? = nil,
    attention: (Int, Rotary) throws -> LayerAttention
  ) throws {
    self.init(
      architecture: file.modelType ?? "", layers: try file.layers("num_hidden_layers"),
      isTied: try file.bool("tie_word_embeddings"))
    heads = try file.int("num_attention_heads")
    width = try file.int("hidden_size")
    headWidth = try file.ownHeadWidth(width, heads: heads)
    keyValueHeads = file.optionalInt("num_key_value_heads") ?? heads
    vocabulary = try file.int("vocab_size")
    context = try file.int("max_position_embeddings")
    epsilon = try file.float("rms_norm_eps")
    let usual =
      try rope == nil ? RopeKeys(file).rotary(headWidth: headWidth, isPartial: false) : nil
    self.attention = try (0..<layers).map { [headWidth] layer in
      // One of the two is there.
      try (usual ?? rope?(layer, headWidth)).map { try attention(layer, $0) } ?? LayerAttention()
    }
    attentionScale = 1 / Float(headWidth).squareRoot()
    let shape = MLPShape(
      neurons: try file.int("intermediate_size"),
      nonlinearity: try nonlinearity ?? file.nonlinearity("hidden_act"))
    mlp = Array(repeating: shape, count: layers)
  }
}

extension ConfigFile {
  /// d_head: `head_dim`, whether the class declares it or not, or what the width gives each head.
  ///
  /// Families without grouped heads of their own width want the width to be a multiple of the heads.
  fileprivate func ownHeadWidth(_ width: Int, heads: Int) throws -> Int {
    guard heads > 0 else { throw unsupported("\(heads) attention heads") }
    guard let value = values["head_dim"] ?? stated["head_dim"] else { return width / heads }
    if value == .null, values["head_dim"] != nil { return width / heads }
    guard let stated = value.int else { throw mistyped("head_dim", "a whole number") }
    return stated
  }
}
