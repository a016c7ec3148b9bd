/// GPT-J: attention and MLP in parallel through one LayerNorm, RoPE on neighbouring elements of a
/// part of each head, no biases in attention, one on the logits.
///
/// Hugging Face's `modeling_gptj.py`. llama.cpp neither converts nor loads it.
enum GPTJ: Architecture {
  static let modelTypes = ["gptj"]

  static func blueprint(json file: ConfigFile) throws -> Blueprint {
    var configuration = try Configuration(likeGPT2: file, isTied: false) { headWidth in
      LayerAttention(
        rotary: Rotary(
          pairing: .adjacent, width: file.values.rotaryDim ?? headWidth, base: 10_000))
    }
    configuration.residual = .parallelSharedNorm
    return Blueprint(configuration: configuration, names: names)
  }

  private static let names = WeightNames(
    embedding: WeightSource("transformer.wte.weight"),
    finalNorm: BiasedSource("transformer.ln_f", hasBias: true),
    unembedding: WeightSource("lm_head.weight"), unembeddingBias: WeightSource("lm_head.bias"),
    layer: { i in
      let stem = "transformer.h.\(i)."
      return LayerNames(
        ln1: BiasedSource(stem + "ln_1", hasBias: true),
        q: BiasedSource(stem + "attn.q_proj"), k: BiasedSource(stem + "attn.k_proj"),
        v: BiasedSource(stem + "attn.v_proj"), o: BiasedSource(stem + "attn.out_proj"),
        gate: BiasedSource(stem + "mlp.fc_in", hasBias: true),
        down: BiasedSource(stem + "mlp.fc_out", hasBias: true))
    },
    prefix: "transformer.",
    isHarmless: { $0.hasSuffix(".attn.bias") || $0.hasSuffix(".attn.masked_bias") })
}
