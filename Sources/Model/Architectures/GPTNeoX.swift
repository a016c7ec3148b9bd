/// GPT-NeoX, the architecture of Pythia: LayerNorm, biases everywhere, RoPE on a part of each head,
/// attention and MLP in parallel (in most), exact GELU.
///
/// Hugging Face's `modeling_gpt_neox.py`, whose fused rows alternate head by head; GGUF has all
/// queries, all keys, all values one after another, and no RoPE base.
enum GPTNeoX: Architecture {
  static let ggufNames = ["gptneox"]
  static let modelTypes = ["gpt_neox"]

  static func blueprint(gguf file: GGUFFile) throws -> Blueprint {
    let keys = GGUFKeys(file: file, prefix: "gptneox")
    var configuration = try Configuration(
      gguf: keys, norm: .layer,
      mlp: { MLPShape(neurons: $0, nonlinearity: .gelu, isGated: false) },
      attention: { LayerAttention(rotary: try keys.rotary(headWidth: $0)) })
    configuration.architecture = "gpt_neox"
    configuration.residual =
      try keys.bool("use_parallel_residual", default: true) ? .parallel : .sequential
    return Blueprint(
      configuration: configuration, names: .gguf(configuration, biases: .all, isFused: true),
      unknownKeys: keys.unknownKeys(read: GGUFKeys.rotaryKeys.union(["use_parallel_residual"])))
  }

  static func blueprint(json file: ConfigFile) throws -> Blueprint {
    let file = try file.resolved(by: keys)
    let configuration = try configuration(file)
    return Blueprint(
      configuration: configuration,
      names: names(configuration, attentionBias: try file.bool("attention_bias")), config: file,
      unknownKeys: file.unknownKeys(
        keys, read: RopeKeys.read.union(["rotary_pct", "rotary_emb_base"])))
  }

  private static func configuration(_ file: ConfigFile) throws -> Configuration {
    var c = Configuration(
      architecture: "gpt_neox", layers: try file.layers("num_hidden_layers"),
      isTied: try file.bool("tie_word_embeddings"))
    c.heads = try file.int("num_attention_heads")
    c.keyValueHeads = c.heads
    c.width = try file.int("hidden_size")
    c.headWidth = try file.headWidth(c.width, heads: c.heads)
    c.vocabulary = try file.int("vocab_size")
    c.context = try file.int("max_position_embeddings")
    c.norm = .layer
    c.epsilon = try file.float("layer_norm_eps")
    c.residual = try file.bool("use_parallel_residual") ? .parallel : .sequential
    c.attention = Array(
      repeating: LayerAttention(rotary: try rotary(file, headWidth: c.headWidth)), count: c.layers)
    c.attentionScale = 1 / Float(c.headWidth).squareRoot()
    let shape = MLPShape(
      neurons: try file.int("intermediate_size"),
      nonlinearity: try file.nonlinearity("hidden_act"), isGated: false)
    c.mlp = Array(repeating: shape, count: c.layers)
    return c
  }

  private static func rotary(_ file: ConfigFile, headWidth: Int) throws -> Rotary {
    if let stated = file.stated["head_dim"], ![.null, 0, .integer(headWidth)].contains(stated) {
      // transformers computes angles with it, and heads without.
      throw file.unsupported("a head_dim of its own")
    }
    return try RopeKeys(
      file, theta: "rotary_emb_base", share: "rotary_pct", shareByDefault: 0.25
    ).rotary(headWidth: headWidth, isPartial: true)
  }

  /// `GPTNeoXConfig`
  static let keys: ConfigClass = .with([
    "vocab_size": .int(50432), "hidden_size": .int(6144), "num_hidden_layers": .int(44),
    "num_attention_heads": .int(64), "intermediate_size": .int(24576),
    "hidden_act": .string("gelu"), "attention_dropout": .number(0), "hidden_dropout": .number(0),
    "classifier_dropout": .number(0.1), "max_position_embeddings": .int(2048),
    "initializer_range": .float(0.02), "layer_norm_eps": .float(1e-5), "use_cache": .bool(true),
    "bos_token_id": .optional(.int, 0), "eos_token_id": .optional(.tokens, 2),
    "pad_token_id": .optional(.int), "tie_word_embeddings": .bool(false),
    "use_parallel_residual": .bool(true), "rope_parameters": .optional(.any),
    "attention_bias": .bool(true), "is_decoder": .bool(false),
  ])

  private static func names(_ c: Configuration, attentionBias: Bool) -> WeightNames {
    WeightNames(
      embedding: WeightSource("gpt_neox.embed_in.weight"),
      finalNorm: BiasedSource("gpt_neox.final_layer_norm", hasBias: true),
      unembedding: WeightSource("embed_out.weight"),
      layer: { i in
        let stem = "gpt_neox.layers.\(i)."
        let fused = BiasedSource(stem + "attention.query_key_value", hasBias: attentionBias)
        func part(_ part: Int) -> BiasedSource {
          fused.rows(
            .ofEachHead(part: part, heads: c.heads, width: c.headWidth), of: 3 * c.queryWidth)
        }
        return LayerNames(
          ln1: BiasedSource(stem + "input_layernorm", hasBias: true), q: part(0), k: part(1),
          v: part(2), o: BiasedSource(stem + "attention.dense", hasBias: attentionBias),
          ln2: BiasedSource(stem + "post_attention_layernorm", hasBias: true),
          gate: BiasedSource(stem + "mlp.dense_h_to_4h", hasBias: true),
          down: BiasedSource(stem + "mlp.dense_4h_to_h", hasBias: true))
      },
      prefix: "gpt_neox.",
      isHarmless: { $0.hasSuffix(".attention.bias") || $0.hasSuffix(".attention.masked_bias") })
  }
}
