/// GPT-2: learned positions, LayerNorm, biases everywhere, GELU, tied.
///
/// Hugging Face's `modeling_gpt2.py`, whose `Conv1D` keeps its matrices as [in, out]; GGUF has them
/// turned round. Files from before transformers 4 lack `transformer.` before their names and hold the
/// causal masks.
enum GPT2: Architecture {
  static let ggufNames = ["gpt2"]
  static let modelTypes = ["gpt2"]

  static func blueprint(gguf file: GGUFFile) throws -> Blueprint {
    let keys = GGUFKeys(file: file, prefix: "gpt2")
    let layers = try keys.layers()
    let heads = try keys.int("attention.head_count")
    let width = try keys.int("embedding_length")
    let headWidth = try keys.headWidth(width, heads: heads)
    var configuration = Configuration(
      architecture: "gpt2", layers: layers, heads: heads, keyValueHeads: heads,
      headWidth: headWidth, width: width,
      neurons: try keys.int("feed_forward_length", default: 4 &* width),
      vocabulary: try file.require("token_embd.weight").shape.first ?? 0,
      context: try keys.int("context_length"),
      epsilon: Float(try keys.double("attention.layer_norm_epsilon")),
      isTied: !keys.hasTensor("output.weight"),
      attention: Array(repeating: LayerAttention(), count: layers),
      attentionScale: 1 / Float(headWidth).squareRoot())
    configuration.becomeGPT2()
    return Blueprint(
      configuration: configuration, names: .gguf(configuration, biases: .all, isFused: true))
  }

  static func blueprint(json file: ConfigFile) throws -> Blueprint {
    let config = file.values
    if config.scaleAttnWeights == false { throw file.unsupported("scores that are not scaled") }
    if config.scaleAttnByInverseLayerIdx == true {
      throw file.unsupported("scores that are scaled layer by layer")
    }
    let layers = try file.layers(config.nLayer, "n_layer")
    let heads = try file.require(config.nHead, "n_head")
    let width = try file.require(config.nEmbd, "n_embd")
    let headWidth = try file.headWidth(width, heads: heads)
    var configuration = Configuration(
      architecture: "gpt2", layers: layers, heads: heads, keyValueHeads: heads,
      headWidth: headWidth, width: width, neurons: config.nInner ?? 4 &* width,
      vocabulary: try file.require(config.vocabSize, "vocab_size"),
      context: try file.require(config.nPositions ?? config.nCtx, "n_positions"),
      epsilon: config.layerNormEpsilon ?? 1e-5, isTied: config.tieWordEmbeddings ?? true,
      attention: Array(repeating: LayerAttention(), count: layers),
      attentionScale: 1 / Float(headWidth).squareRoot())
    configuration.becomeGPT2()
    configuration.mlp.nonlinearity = try file.nonlinearity(config.activationFunction ?? "gelu_new")
    return Blueprint(configuration: configuration, names: names(configuration))
  }

  private static func names(_ c: Configuration) -> WeightNames {
    WeightNames(
      embedding: WeightSource("transformer.wte.weight"),
      positionEmbedding: WeightSource("transformer.wpe.weight"),
      finalNorm: NormSource("transformer.ln_f", hasBias: true),
      unembedding: WeightSource("lm_head.weight"),
      layer: { i in
        let stem = "transformer.h.\(i)."
        func linear(_ part: String) -> LinearSource {
          LinearSource(stem + part, hasBias: true).transposed
        }
        let (q, k, v) = linear("attn.c_attn").queryKeyValue(c)
        return LayerNames(
          ln1: NormSource(stem + "ln_1", hasBias: true), q: q, k: k, v: v,
          o: linear("attn.c_proj"), ln2: NormSource(stem + "ln_2", hasBias: true),
          gate: linear("mlp.c_fc"), down: linear("mlp.c_proj"))
      },
      prefix: "transformer.",
      isHarmless: { $0.hasSuffix(".attn.bias") || $0.hasSuffix(".attn.masked_bias") })
  }
}

extension Configuration {
  fileprivate mutating func becomeGPT2() {
    norm = .layer
    hasLearnedPositions = true
    mlp = MLPLayout(nonlinearity: .geluTanh, isGated: false)
  }
}
