/// GPT-NeoX, of which Pythia is built: LayerNorm, biases everywhere, RoPE on a part of each head,
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
      gguf: keys, epsilon: "attention.layer_norm_epsilon"
    ) { LayerAttention(rotary: try keys.rotary(headWidth: $0)) }
    configuration.architecture = "gpt_neox"
    configuration.norm = .layer
    configuration.mlp = MLPLayout(nonlinearity: .gelu, isGated: false)
    configuration.residual =
      try keys.bool("use_parallel_residual", default: true) ? .parallel : .sequential
    return Blueprint(
      configuration: configuration, names: .gguf(configuration, biases: .all, isFused: true))
  }

  static func blueprint(json file: ConfigFile) throws -> Blueprint {
    let config = file.values
    let layers = try file.layers(config.numHiddenLayers, "num_hidden_layers")
    let heads = try file.require(config.numAttentionHeads, "num_attention_heads")
    let width = try file.require(config.hiddenSize, "hidden_size")
    let headWidth = try file.headWidth(width, heads: heads)
    var rotary = try file.rotary(width: headWidth)
    if config.ropeParameters == nil && config.rotaryPct == nil {
      // The default of the configuration's class.
      rotary.width = headWidth / 4
    }
    var configuration = Configuration(
      architecture: "gpt_neox", layers: layers, heads: heads, keyValueHeads: heads,
      headWidth: headWidth, width: width,
      neurons: try file.require(config.intermediateSize, "intermediate_size"),
      vocabulary: try file.require(config.vocabSize, "vocab_size"),
      context: config.maxPositionEmbeddings ?? 2048, epsilon: config.layerNormEps ?? 1e-5,
      isTied: config.tieWordEmbeddings ?? false,
      attention: Array(repeating: LayerAttention(rotary: rotary), count: layers),
      attentionScale: 1 / Float(headWidth).squareRoot())
    configuration.norm = .layer
    configuration.mlp = MLPLayout(
      nonlinearity: try file.nonlinearity(config.hiddenAct ?? "gelu"), isGated: false)
    configuration.residual = config.useParallelResidual ?? true ? .parallel : .sequential
    return Blueprint(
      configuration: configuration,
      names: names(configuration, attentionBias: config.attentionBias ?? true))
  }

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
