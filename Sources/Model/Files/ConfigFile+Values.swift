extension ConfigFile {
  /// The keys that some family reads, in camel case here, in snake case there.
  struct Values: Decodable, Sendable {
    var modelType: String?
    var tieWordEmbeddings: Bool?
    var vocabSize: Int?

    // Sizes, by the names of most families and by those of GPT-2 and GPT-J.
    var numHiddenLayers, nLayer: Int?
    var numAttentionHeads, nHead: Int?
    var numKeyValueHeads: Int?
    var headDim: Int?
    var hiddenSize, nEmbd: Int?
    var intermediateSize, nInner: Int?
    var maxPositionEmbeddings, nPositions, nCtx: Int?

    var rmsNormEps: Float?
    var layerNormEps, layerNormEpsilon: Float?
    var hiddenAct, activationFunction, hiddenActivation: String?
    var attentionBias, mlpBias: Bool?
    var useParallelResidual: Bool?

    // RoPE, as transformers 5 and 4 write it.
    var ropeParameters: RopeParameters?
    var ropeScaling: Rope?
    var ropeTheta, rotaryEmbBase, ropeLocalBaseFreq: Double?
    var partialRotaryFactor, rotaryPct: Double?
    var rotaryDim: Int?
    var originalMaxPositionEmbeddings: Int?

    // Attention.
    var slidingWindow: Int?
    var useSlidingWindow: Bool?
    var maxWindowLayers: Int?
    var layerTypes: [String]?
    var slidingWindowPattern, _slidingWindowPattern: Int?
    var queryPreAttnScalar: Double?
    var attnLogitSoftcapping, finalLogitSoftcapping: Float?
    var scaleAttnWeights, scaleAttnByInverseLayerIdx: Bool?
    var useBidirectionalAttention: Bool?

    var quantizationConfig: Quantization?
  }

  struct Quantization: Decodable, Sendable {
    var quantMethod: String?
  }

  /// Configurations within the configuration.
  struct Parts: Decodable {
    var textConfig: Values?
  }

  struct Rope: Decodable, Sendable {
    var ropeType, type: String?
    var ropeTheta: Double?
    var partialRotaryFactor: Double?
    var factor: Double?
    var lowFreqFactor, highFreqFactor: Double?
    var originalMaxPositionEmbeddings: Int?
    var shortFactor, longFactor: [Double]?
    var attentionFactor: Double?

    /// `default` where nothing is scaled.
    var kind: String { ropeType ?? type ?? "default" }
  }

  /// One RoPE for all layers, or one for each kind of layer.
  enum RopeParameters: Decodable, Sendable {
    case same(Rope)
    case byKind([String: Rope])

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let kinds = try? container.decode([String: Rope].self), !kinds.isEmpty {
        self = .byKind(kinds)
      } else {
        self = .same(try container.decode(Rope.self))
      }
    }
  }
}

// MARK: - RoPE

extension ConfigFile {
  /// The RoPE of the layers of a kind (`full_attention`, `sliding_attention`), as either generation
  /// of transformers writes it.
  ///
  /// - Parameters:
  ///   - width: of a head.
  ///   - fallback: the base where the file gives none.
  /// - Throws: `ModelError` for a scaling that is not supported.
  func rotary(
    width: Int, pairing: Rotary.Pairing = .halfSplit, base fallback: Double = 10_000,
    kind: String = "full_attention"
  ) throws -> Rotary {
    let rope: Rope? =
      switch values.ropeParameters {
      case .same(let rope): rope
      case .byKind(let kinds):
        try require(kinds[kind], "rope_parameters.\(kind)")
      case nil: values.ropeScaling
      }
    guard (1...65536).contains(width) else { throw unsupported("heads \(width) wide") }
    let share = rope?.partialRotaryFactor ?? values.partialRotaryFactor ?? values.rotaryPct ?? 1
    let rotated = Double(width) * share
    guard rotated >= 0, rotated <= Double(width) else {
      throw unsupported("RoPE on \(share) of each head")
    }
    var rotary = Rotary(
      pairing: pairing, width: Int(rotated),
      base: rope?.ropeTheta ?? values.ropeTheta ?? values.rotaryEmbBase ?? fallback)
    if let rope { try scale(&rotary, by: rope) }
    return rotary
  }

  private func scale(_ rotary: inout Rotary, by rope: Rope) throws {
    switch rope.kind {
    case "default": break
    case "linear":
      rotary.factors = RopeScaling.linear(rotary, factor: try require(rope.factor, "factor"))
    case "llama3":
      rotary.factors = RopeScaling.llama3(
        rotary, factor: try require(rope.factor, "factor"),
        low: try require(rope.lowFreqFactor, "low_freq_factor"),
        high: try require(rope.highFreqFactor, "high_freq_factor"),
        context: try require(
          rope.originalMaxPositionEmbeddings, "original_max_position_embeddings"))
    case "longrope", "su":
      let original = try require(
        values.originalMaxPositionEmbeddings ?? rope.originalMaxPositionEmbeddings,
        "original_max_position_embeddings")
      let context = try require(values.maxPositionEmbeddings, "max_position_embeddings")
      rotary.factors = try require(rope.shortFactor, "short_factor")
      rotary.long = Rotary.LongFactors(
        context: original, factors: try require(rope.longFactor, "long_factor"))
      rotary.magnitude =
        rope.attentionFactor ?? RopeScaling.longMagnitude(context: context, original: original)
    case let other: throw unsupported("RoPE scaling \(quoted(other))")
    }
  }
}
