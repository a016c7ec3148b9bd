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
    var configuration = try Configuration(
      gguf: keys, epsilon: "attention.layer_norm_epsilon", neuronsPerWidth: 4
    ) { _ in LayerAttention() }
    configuration.norm = .layer
    configuration.mlp = MLPLayout(nonlinearity: .geluTanh, isGated: false)
    configuration.hasLearnedPositions = true
    return Blueprint(
      configuration: configuration, names: .gguf(configuration, biases: .all, isFused: true))
  }

  static func blueprint(json file: ConfigFile) throws -> Blueprint {
    let config = file.values
    if config.scaleAttnWeights == false { throw file.unsupported("scores that are not scaled") }
    if config.scaleAttnByInverseLayerIdx == true {
      throw file.unsupported("scores that are scaled layer by layer")
    }
    var configuration = try Configuration(likeGPT2: file, isTied: true) { _ in LayerAttention() }
    configuration.hasLearnedPositions = true
    return Blueprint(configuration: configuration, names: names(configuration))
  }

  private static func names(_ c: Configuration) -> WeightNames {
    WeightNames(
      embedding: WeightSource("transformer.wte.weight"),
      positionEmbedding: WeightSource("transformer.wpe.weight"),
      finalNorm: BiasedSource("transformer.ln_f", hasBias: true),
      unembedding: WeightSource("lm_head.weight"),
      layer: { i in
        let stem = "transformer.h.\(i)."
        func linear(_ part: String) -> BiasedSource {
          BiasedSource(stem + part, hasBias: true).transposed
        }
        let (q, k, v) = linear("attn.c_attn").queryKeyValue(c)
        return LayerNames(
          ln1: BiasedSource(stem + "ln_1", hasBias: true), q: q, k: k, v: v,
          o: linear("attn.c_proj"), ln2: BiasedSource(stem + "ln_2", hasBias: true),
          gate: linear("mlp.c_fc"), down: linear("mlp.c_proj"))
      },
      prefix: "transformer.",
      isHarmless: { $0.hasSuffix(".attn.bias") || $0.hasSuffix(".attn.masked_bias") })
  }
}

extension Configuration {
  /// What GPT-2 and GPT-J state alike in their `config.json`, with LayerNorm and no gate.
  ///
  /// - Parameters:
  ///   - isTied: where the file does not say.
  ///   - attention: of every layer, whose heads are so wide.
  init(
    likeGPT2 file: ConfigFile, isTied: Bool, attention: (_ headWidth: Int) -> LayerAttention
  ) throws {
    let config = file.values
    let layers = try file.layers(config.nLayer, "n_layer")
    let heads = try file.require(config.nHead, "n_head")
    let width = try file.require(config.nEmbd, "n_embd")
    let headWidth = try file.headWidth(width, heads: heads)
    self.init(
      architecture: config.modelType ?? "", layers: layers, heads: heads, keyValueHeads: heads,
      headWidth: headWidth, width: width, neurons: config.nInner ?? 4 &* width,
      vocabulary: try file.require(config.vocabSize, "vocab_size"),
      context: try file.require(config.nPositions ?? config.nCtx, "n_positions"),
      epsilon: config.layerNormEpsilon ?? 1e-5, isTied: config.tieWordEmbeddings ?? isTied,
      attention: Array(repeating: attention(headWidth), count: layers),
      attentionScale: 1 / Float(headWidth).squareRoot())
    norm = .layer
    mlp = MLPLayout(
      nonlinearity: try file.nonlinearity(config.activationFunction ?? "gelu_new"),
      isGated: false)
  }
}
