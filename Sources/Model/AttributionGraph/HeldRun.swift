/// A run whose attention patterns and norm scales are held: from the embeddings to the logits it is linear, but
/// for its MLPs.
struct HeldRun {
  let model: Transformer
  let transcoders: [Int: PlacedDictionary]
  let run: RunResult
  let tokens: Int

  init(_ model: Transformer, _ request: AttributionGraphRequest, _ run: RunResult) {
    (self.model, self.run, transcoders) = (model, run, request.transcoders)
    tokens = request.tokens.count
  }

  /// What a norm divides by at each position that was kept; NaN where none was.
  func scales(_ site: Site) -> [Float] {
    run.activations[site]?.rows.map { $0.first ?? .nan } ?? [Float](repeating: .nan, count: tokens)
  }

  /// [queries][heads · (query + 1)]
  func patterns(_ layer: Int) -> [[Float]] {
    run.activations[Site(.pattern, layer: layer)]?.rows ?? []
  }

  // MARK: - Targets

  /// A feature as a target.
  func seed(_ feature: GraphWriters.Feature) throws -> GraphSeed {
    guard let placed = transcoders[feature.layer] else {
      throw ModelError(.request, "there is no transcoder at layer \(feature.layer)")
    }
    let dictionary = placed.dictionary
    var slope = dictionary.encoder.row(feature.feature)
    var bias = Double(dictionary.encoderBias?[feature.feature] ?? 0)
    if let norm = dictionary.decoderNorms?[feature.feature] {
      for i in slope.indices { slope[i] *= norm }
      bias *= Double(norm)
    }
    try dictionary.checkWeights()
    if let norm = placed.inputNorm, let site = placed.inputScale {
      bias += zip(slope, norm.bias).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
      let scale = scales(site)[feature.position]
      slope.withUnsafeMutableBufferPointer { slope in
        if let base = slope.baseAddress {
          norm.reverse(base, heldAt: scale, slope.count, Kernels.current)
        }
      }
    }
    return GraphSeed(layer: feature.layer, position: feature.position, slope: slope, bias: bias)
  }

  /// A token's logit less the mean over the vocabulary, at the last position.
  func seed(logit token: Int) throws -> GraphSeed {
    let seen = try model.readout(of: LogitTarget([token: 1], isCentred: true))
    let scale = scales(Site(.lnFinalScale)).last ?? .nan
    return GraphSeed(
      layer: model.layers.count, position: tokens - 1, slope: seen.vector.map { $0 / scale },
      bias: Double(seen.finalNormBias ?? 0) + Double(seen.unembeddingBias ?? 0))
  }
}

/// A target: a number that is the stream at a place times a vector, and something that is always there.
struct GraphSeed {
  /// Before the MLP of this layer; of logits, how many layers there are.
  var layer: Int
  var position: Int
  /// [d_model]
  var slope: [Float]
  var bias: Double
}
