/// Which of a layer's matrices have biases.
struct Biases: OptionSet {
  let rawValue: Int
  static let queryKeyValue = Biases(rawValue: 1)
  static let output = Biases(rawValue: 2)
  static let mlp = Biases(rawValue: 4)
  static let all: Biases = [.queryKeyValue, .output, .mlp]
}

extension WeightNames {
  /// The names that GGUF has for every family (`gguf-py/gguf/constants.py`).
  ///
  /// - Parameters:
  ///   - isFused: queries, keys and values are rows of one tensor, in this order, as are a gate and
  ///     what it gates.
  ///   - isInterleaved: the rows of queries and keys are as `RowOrder.interleaved` says.
  static func gguf(
    _ c: Configuration, biases: Biases = [], isFused: Bool = false, isInterleaved: Bool = false
  ) -> WeightNames {
    let hasNormBiases = c.norm == .layer
    return WeightNames(
      embedding: WeightSource("token_embd.weight"),
      positionEmbedding: c.hasLearnedPositions ? WeightSource("position_embd.weight") : nil,
      finalNorm: BiasedSource("output_norm", hasBias: hasNormBiases),
      unembedding: WeightSource("output.weight"),
      layer: { i in
        let (stem, mlp) = ("blk.\(i).", c.mlp[i])
        func linear(_ part: String, _ kind: Biases) -> BiasedSource {
          BiasedSource(stem + part, hasBias: biases.contains(kind))
        }
        func vector(_ part: String, if there: Bool) -> WeightSource? {
          there ? WeightSource(stem + part + ".weight") : nil
        }
        var (q, k, v) = (
          linear("attn_q", .queryKeyValue), linear("attn_k", .queryKeyValue),
          linear("attn_v", .queryKeyValue)
        )
        var (gate, up) = (linear("ffn_gate", .mlp), linear("ffn_up", .mlp))
        if isFused {
          (q, k, v) = linear("attn_qkv", .queryKeyValue).queryKeyValue(c)
          if mlp.isGated { (gate, up) = up.gateAndUp(mlp) }
        } else if isInterleaved {
          q = q.rows(.interleaved(heads: c.heads, width: c.headWidth), of: c.queryWidth)
          k = k.rows(.interleaved(heads: c.keyValueHeads, width: c.headWidth), of: c.keyWidth)
        }
        return LayerNames(
          ln1: BiasedSource(stem + "attn_norm", hasBias: hasNormBiases), q: q, k: k, v: v,
          o: linear("attn_output", .output),
          qNorm: vector("attn_q_norm", if: c.hasQueryKeyNorms),
          kNorm: vector("attn_k_norm", if: c.hasQueryKeyNorms),
          ln1Post: vector("post_attention_norm", if: c.hasPostNorms),
          ln2: BiasedSource(stem + "ffn_norm", hasBias: hasNormBiases),
          gate: mlp.isGated ? gate : up, up: mlp.isGated ? up : nil,
          down: linear("ffn_down", .mlp), ln2Post: vector("post_ffw_norm", if: c.hasPostNorms))
      },
      isHarmless: GGUFKeys.rotaryTensors.contains)
  }

  /// The names that Hugging Face has for what is built like Llama.
  ///
  /// - Parameters:
  ///   - isFused: as in `gguf`.
  ///   - areNormsOffByOne: the files have w where a norm multiplies by 1 + w.
  static func huggingFace(
    _ c: Configuration, biases: Biases = [], isFused: Bool = false, areNormsOffByOne: Bool = false
  ) -> WeightNames {
    @Sendable func norm(_ stem: String) -> BiasedSource {
      let norm = BiasedSource(stem)
      return areNormsOffByOne ? norm.plusOne : norm
    }
    return WeightNames(
      embedding: WeightSource("model.embed_tokens.weight"), finalNorm: norm("model.norm"),
      unembedding: WeightSource("lm_head.weight"),
      layer: { i in
        let stem = "model.layers.\(i)."
        func linear(_ part: String, _ kind: Biases) -> BiasedSource {
          BiasedSource(stem + part, hasBias: biases.contains(kind))
        }
        func vector(_ part: String, if there: Bool) -> WeightSource? {
          there ? norm(stem + part).weight : nil
        }
        var (q, k, v) = (
          linear("self_attn.q_proj", .queryKeyValue), linear("self_attn.k_proj", .queryKeyValue),
          linear("self_attn.v_proj", .queryKeyValue)
        )
        var (gate, up) = (linear("mlp.gate_proj", .mlp), linear("mlp.up_proj", .mlp))
        if isFused {
          (q, k, v) = linear("self_attn.qkv_proj", .queryKeyValue).queryKeyValue(c)
          (gate, up) = linear("mlp.gate_up_proj", .mlp).gateAndUp(c.mlp[i])
        }
        return LayerNames(
          ln1: norm(stem + "input_layernorm"), q: q, k: k, v: v,
          o: linear("self_attn.o_proj", .output),
          qNorm: vector("self_attn.q_norm", if: c.hasQueryKeyNorms),
          kNorm: vector("self_attn.k_norm", if: c.hasQueryKeyNorms),
          ln1Post: vector("post_attention_layernorm", if: c.hasPostNorms),
          ln2: norm(
            stem + (c.hasPostNorms ? "pre_feedforward_layernorm" : "post_attention_layernorm")),
          gate: gate, up: up, down: linear("mlp.down_proj", .mlp),
          ln2Post: vector("post_feedforward_layernorm", if: c.hasPostNorms))
      },
      prefix: "model.")
  }
}

extension BiasedSource {
  /// Queries, keys and values, one after another in one tensor.
  func queryKeyValue(_ c: Configuration) -> (q: BiasedSource, k: BiasedSource, v: BiasedSource) {
    let (q, k) = (c.queryWidth, c.keyWidth)
    let count = q + 2 * k
    return (
      rows(.range(0..<q), of: count), rows(.range(q..<q + k), of: count),
      rows(.range(q + k..<count), of: count)
    )
  }

  /// A gate and what it gates, one after the other in one tensor.
  func gateAndUp(_ mlp: MLPShape) -> (gate: BiasedSource, up: BiasedSource) {
    let n = mlp.neurons
    return (rows(.range(0..<n), of: 2 * n), rows(.range(n..<2 * n), of: 2 * n))
  }
}
