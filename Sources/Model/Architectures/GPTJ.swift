/// GPT-J: attention and MLP in parallel through one LayerNorm, RoPE on neighbouring elements of a
/// part of each head, no biases in attention, one on the logits.
///
/// Hugging Face's `modeling_gptj.py`. llama.cpp neither converts nor loads it.
enum GPTJ: Architecture {
  static let modelTypes = ["gptj"]

  static func blueprint(json file: ConfigFile) throws -> Blueprint {
    let file = try file.resolved(by: keys, aliases: GPT2.aliases)
    let width = try file.int("rotary_dim")
    var configuration = try Configuration(likeGPT2: file) { _ in
      LayerAttention(rotary: Rotary(pairing: .adjacent, width: width, base: 10_000))
    }
    configuration.residual = .parallelSharedNorm
    configuration.endsWithContext = true
    return Blueprint(
      configuration: configuration, names: names, config: file,
      unknownKeys: file.unknownKeys(keys, read: Set(GPT2.aliases.keys)))
  }

  /// `GPTJConfig`
  static let keys = GPT2.likeGPT2(
    GPT2.Defaults(
      vocabulary: 50400, positions: 2048, width: 4096, layers: 28, heads: 16, dropout: 0,
      isTied: false),
    ["rotary_dim": .int(64)])

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
