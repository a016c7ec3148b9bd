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
      gguf: keys, norm: .layer, neuronsPerWidth: 4,
      mlp: { MLPShape(neurons: $0, nonlinearity: .geluTanh, isGated: false) },
      attention: { _ in LayerAttention() })
    configuration.hasLearnedPositions = true
    configuration.endsWithContext = true
    return Blueprint(
      configuration: configuration, names: .gguf(configuration, biases: .all, isFused: true),
      unknownKeys: keys.unknownKeys())
  }

  static func blueprint(json file: ConfigFile) throws -> Blueprint {
    let file = try file.resolved(by: keys, aliases: aliases)
    if try file.bool("scale_attn_by_inverse_layer_idx") {
      throw file.unsupported("scores that are scaled layer by layer")
    }
    if try file.bool("add_cross_attention") { throw file.unsupported("attention to another model") }
    var configuration = try Configuration(likeGPT2: file) { _ in LayerAttention() }
    configuration.hasLearnedPositions = true
    configuration.endsWithContext = true
    if try !file.bool("scale_attn_weights") { configuration.attentionScale = 1 }
    return Blueprint(
      configuration: configuration, names: names(configuration), config: file,
      unknownKeys: file.unknownKeys(keys, read: Set(aliases.keys)))
  }

  /// `GPT2Config`
  static let keys = likeGPT2(
    Defaults(
      vocabulary: 50257, positions: 1024, width: 768, layers: 12, heads: 12, dropout: 0.1,
      isTied: true),
    [
      "summary_type": .string("cls_index"), "summary_use_proj": .bool(true),
      "summary_activation": .optional(.string), "summary_proj_to_labels": .bool(true),
      "summary_first_dropout": .number(0.1), "scale_attn_weights": .bool(true),
      "scale_attn_by_inverse_layer_idx": .bool(false), "reorder_and_upcast_attn": .bool(false),
      "add_cross_attention": .bool(false),
    ])

  /// What a class of this kind has where `config.json` does not say.
  struct Defaults {
    var vocabulary, positions, width, layers, heads: Int
    var dropout: Double
    var isTied: Bool
  }

  /// What GPT-2 and GPT-J share.
  static func likeGPT2(_ defaults: Defaults, _ own: ConfigClass) -> ConfigClass {
    let dropout = ConfigKey.number(defaults.dropout)
    let shared: ConfigClass = [
      "vocab_size": .int(defaults.vocabulary), "n_positions": .int(defaults.positions),
      "n_embd": .int(defaults.width), "n_layer": .int(defaults.layers),
      "n_head": .int(defaults.heads), "n_inner": .optional(.int),
      "activation_function": .string("gelu_new"), "resid_pdrop": dropout,
      "embd_pdrop": dropout, "attn_pdrop": dropout,
      "layer_norm_epsilon": .float(1e-5), "initializer_range": .float(0.02),
      "use_cache": .bool(true), "bos_token_id": .optional(.int, 50256),
      "eos_token_id": .optional(.tokens, 50256), "pad_token_id": .optional(.int),
      "tie_word_embeddings": .bool(defaults.isTied),
    ]
    return .with(shared.merging(own) { _, own in own })
  }

  /// Other families' names of the sizes.
  static let aliases = [
    "hidden_size": "n_embd", "max_position_embeddings": "n_positions",
    "num_attention_heads": "n_head", "num_hidden_layers": "n_layer",
  ]

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
  /// - Parameter attention: of every layer, whose heads are so wide.
  init(likeGPT2 file: ConfigFile, attention: (_ headWidth: Int) -> LayerAttention) throws {
    self.init(
      architecture: file.modelType ?? "", layers: try file.layers("n_layer"),
      isTied: try file.bool("tie_word_embeddings"))
    heads = try file.int("n_head")
    keyValueHeads = heads
    width = try file.int("n_embd")
    headWidth = try file.headWidth(width, heads: heads)
    vocabulary = try file.int("vocab_size")
    context = try file.int("n_positions")
    norm = .layer
    epsilon = try file.float("layer_norm_epsilon")
    self.attention = Array(repeating: attention(headWidth), count: layers)
    attentionScale = 1 / Float(headWidth).squareRoot()
    let shape = MLPShape(
      neurons: file.optionalInt("n_inner") ?? 4 &* width,
      nonlinearity: try file.nonlinearity("activation_function"), isGated: false)
    mlp = Array(repeating: shape, count: layers)
  }
}
