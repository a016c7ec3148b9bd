/// Llama 2 and what is built like it (SmolLM among them): RMSNorm before each block, RoPE,
/// grouped-query attention, SwiGLU, no biases.
///
/// Names and layouts: Hugging Face's `modeling_llama.py`; llama.cpp's `gguf-py/gguf/constants.py`
/// and `convert_hf_to_gguf.py` (`LlamaModel.permute`).
enum Llama: Architecture {
  static let names = ["llama"]

  // MARK: GGUF

  static func configuration(gguf file: GGUFFile) throws -> Configuration {
    let keys = GGUFKeys(file: file, prefix: "llama")
    try keys.refuse("expert_count", unless: 0, because: "mixtures of experts are not supported")
    try keys.refuse("rope.scaling.type", unless: "none", because: "its RoPE is scaled")
    if let factors = file.tensor(named: "rope_freqs.weight") {
      throw ModelError(
        .file,
        "\(quoted(file.path)) scales its RoPE (tensor \(quoted(factors.name))), which is not supported"
      )
    }
    let heads = try keys.int("attention.head_count")
    let width = try keys.int("embedding_length")
    guard heads > 0 else { throw keys.missing("attention.head_count") }
    let headWidth = try keys.int("attention.key_length", default: width / heads)
    for key in ["attention.value_length", "rope.dimension_count"] {
      try keys.refuse(
        key, unless: headWidth, because: "only \(headWidth), the head's width, is supported")
    }
    let embedding = try file.require("token_embd.weight")
    return Configuration(
      architecture: "llama",
      layers: try keys.int("block_count"),
      heads: heads,
      keyValueHeads: try keys.int("attention.head_count_kv", default: heads),
      headWidth: headWidth,
      width: width,
      neurons: try keys.int("feed_forward_length"),
      vocabulary: embedding.shape.first ?? 0,
      context: try keys.int("context_length"),
      epsilon: Float(try keys.double("attention.layer_norm_rms_epsilon")),
      ropeBase: try keys.double("rope.freq_base", default: 10_000),
      isTied: file.tensor(named: "output.weight") == nil)
  }

  static func weightNames(gguf: Configuration) -> WeightNames {
    WeightNames(
      embedding: "token_embd.weight", finalNorm: "output_norm.weight",
      unembedding: "output.weight",
      layer: { i in
        func name(_ part: String) -> String { "blk.\(i).\(part).weight" }
        return LayerNames(
          ln1: name("attn_norm"), q: name("attn_q"), k: name("attn_k"), v: name("attn_v"),
          o: name("attn_output"), ln2: name("ffn_norm"), gate: name("ffn_gate"),
          up: name("ffn_up"), down: name("ffn_down"))
      }, rotation: .interleaved)
  }

  // MARK: Hugging Face

  static func configuration(json file: ConfigFile) throws -> Configuration {
    let config = file.values
    guard config.hiddenAct == nil || config.hiddenAct == "silu" else {
      throw file.unsupported("the activation \(quoted(config.hiddenAct ?? ""))")
    }
    if config.attentionBias == true || config.mlpBias == true { throw file.unsupported("biases") }
    if let part = config.partialRotaryFactor, part != 1 {
      throw file.unsupported("RoPE on a part (\(part)) of each head")
    }
    if let scaling = config.scalingKind {
      throw file.unsupported("RoPE scaling \(quoted(scaling))")
    }
    let heads = try file.require(config.numAttentionHeads, "num_attention_heads")
    let width = try file.require(config.hiddenSize, "hidden_size")
    guard heads > 0 else { throw file.unsupported("\(heads) attention heads") }
    return Configuration(
      architecture: "llama",
      layers: try file.require(config.numHiddenLayers, "num_hidden_layers"),
      heads: heads,
      keyValueHeads: config.numKeyValueHeads ?? heads,
      headWidth: config.headDim ?? width / heads,
      width: width,
      neurons: try file.require(config.intermediateSize, "intermediate_size"),
      vocabulary: try file.require(config.vocabSize, "vocab_size"),
      context: config.maxPositionEmbeddings ?? 2048,
      epsilon: config.rmsNormEps ?? 1e-6,
      ropeBase: config.ropeTheta ?? config.ropeParameters?.ropeTheta ?? 10_000,
      isTied: config.tieWordEmbeddings ?? false)
  }

  static func weightNames(json: Configuration) -> WeightNames {
    WeightNames(
      embedding: "model.embed_tokens.weight", finalNorm: "model.norm.weight",
      unembedding: "lm_head.weight",
      layer: { i in
        func name(_ part: String) -> String { "model.layers.\(i).\(part).weight" }
        return LayerNames(
          ln1: name("input_layernorm"), q: name("self_attn.q_proj"), k: name("self_attn.k_proj"),
          v: name("self_attn.v_proj"), o: name("self_attn.o_proj"),
          ln2: name("post_attention_layernorm"), gate: name("mlp.gate_proj"),
          up: name("mlp.up_proj"), down: name("mlp.down_proj"))
      }, rotation: .halfSplit,
      isHarmless: { $0.hasSuffix(".rotary_emb.inv_freq") })
  }
}
