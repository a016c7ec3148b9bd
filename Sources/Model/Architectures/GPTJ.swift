/// GPT-J: attention and MLP in parallel through one LayerNorm, RoPE on neighbouring elements of a
/// part of each head, no biases in attention, one on the logits.
///
/// Hugging Face's `modeling_gptj.py`. llama.cpp neither converts nor loads it.
enum GPTJ: Architecture {
  static let modelTypes = ["gptj"]

  static func blueprint(json file: ConfigFile) throws -> Blueprint {
    let config = file.values
    let layers = try file.layers(config.nLayer, "n_layer")
    let heads = try file.require(config.nHead, "n_head")
    let width = try file.require(config.nEmbd, "n_embd")
    let headWidth = try file.headWidth(width, heads: heads)
    let rotary = Rotary(
      pairing: .adjacent, width: config.rotaryDim ?? headWidth, base: 10_000)
    var configuration = Configuration(
      architecture: "gptj", layers: layers, heads: heads, keyValueHeads: heads,
      headWidth: headWidth, width: width, neurons: config.nInner ?? 4 &* width,
      vocabulary: try file.require(config.vocabSize, "vocab_size"),
      context: try file.require(config.nPositions ?? config.nCtx, "n_positions"),
      epsilon: config.layerNormEpsilon ?? 1e-5, isTied: config.tieWordEmbeddings ?? false,
      attention: Array(repeating: LayerAttention(rotary: rotary), count: layers),
      attentionScale: 1 / Float(headWidth).squareRoot())
    configuration.norm = .layer
    configuration.residual = .parallelSharedNorm
    configuration.mlp = MLPLayout(
      nonlinearity: try file.nonlinearity(config.activationFunction ?? "gelu_new"),
      isGated: false)
    return Blueprint(configuration: configuration, names: names)
  }

  private static let names = WeightNames(
    embedding: WeightSource("transformer.wte.weight"),
    finalNorm: NormSource("transformer.ln_f", hasBias: true),
    unembedding: WeightSource("lm_head.weight"), unembeddingBias: WeightSource("lm_head.bias"),
    layer: { i in
      let stem = "transformer.h.\(i)."
      return LayerNames(
        ln1: NormSource(stem + "ln_1", hasBias: true),
        q: LinearSource(stem + "attn.q_proj"), k: LinearSource(stem + "attn.k_proj"),
        v: LinearSource(stem + "attn.v_proj"), o: LinearSource(stem + "attn.out_proj"),
        gate: LinearSource(stem + "mlp.fc_in", hasBias: true),
        down: LinearSource(stem + "mlp.fc_out", hasBias: true))
    },
    prefix: "transformer.",
    isHarmless: { $0.hasSuffix(".attn.bias") || $0.hasSuffix(".attn.masked_bias") })
}
