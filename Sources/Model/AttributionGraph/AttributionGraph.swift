/// The direct effects between features of transcoders, errors, embeddings and logits in one run ("Circuit
/// Tracing", Ameisen et al. 2025), as circuit-tracer 0.5.0 computes them (`attribution/attribute.py`).
///
/// Attention patterns and the scales of all norms are held at the run's values; MLPs pass nothing on, except by
/// the skip connections of their transcoders. What is left is linear, so a target's number is a sum over
/// sources:
/// - A feature as a source is its activation times its decoder row. As a target it is its activation: its
///   encoder row times what the transcoder reads, plus b_enc.
/// - A logit is less the mean over the vocabulary, and before any soft cap.
public struct AttributionGraph: Sendable {
  public enum Node: Sendable, Hashable {
    case feature(layer: Int, feature: Int, position: Int)
    /// What a transcoder's reconstruction lacks of what the MLP adds.
    case error(layer: Int, position: Int)
    /// All that an MLP without a transcoder adds.
    case mlp(layer: Int, position: Int)
    case embedding(position: Int)
    case positionEmbedding(position: Int)
    /// What all biases add, those of transcoders too.
    case bias
    /// What all active features add that are not in the graph.
    case rest
    case logit(token: Int, position: Int)
  }

  public struct Source: Sendable {
    public var node: Node
    /// Of a feature.
    public var activation: Float?
    /// Σ p · (A + A² + …): A is the size of the weights, each row divided by its sum; p are the logits'
    /// probabilities. Biases have none.
    public var influence: Double?
  }

  public struct Target: Sendable {
    public var node: Node
    /// The activation of a feature, or a logit less the mean over the vocabulary.
    public var value: Double
    /// Of a logit's token.
    public var probability: Double?
    /// Of each of `sources`: together they are the value.
    public var weights: [Double]

    /// How far the weights are from the value: rounding, or something is wrong.
    public var gap: Double { weights.reduce(0, +) - value }
  }

  /// Features, errors and MLPs by layer and position; embeddings; `bias`; `rest`.
  public var sources: [Source]
  /// Logits, the likeliest first; then features, in the order of `sources`.
  public var targets: [Target]
  /// How many features are active in the run.
  public var activeFeatures: Int
}

/// What an attribution graph is made from.
public struct AttributionGraphRequest: Sendable {
  /// Token ids, BOS included where there is one.
  public let tokens: [Int]
  /// By layer. An MLP without one is a source as a whole.
  let transcoders: [Int: PlacedDictionary]
  /// How many features are in the graph.
  public let mostFeatures: Int
  /// How many logits are; fewer where these have 95 % of the probability.
  public let mostLogits: Int

  /// - Parameter transcoders: in the place of MLPs, one of a layer.
  /// - Throws: `ModelError` where the graph would not be linear, or there is nothing to make it from.
  public init(
    tokens: [Int], transcoders: [PlacedDictionary], mostFeatures: Int, mostLogits: Int
  ) throws {
    guard !tokens.isEmpty else { throw ModelError(.request, "a graph needs a prompt") }
    guard mostFeatures > 0, mostLogits > 0 else {
      throw ModelError(.request, "a graph needs at least one feature and one logit")
    }
    guard !transcoders.isEmpty else { throw ModelError(.request, "a graph needs transcoders") }
    var layers: [Int: PlacedDictionary] = [:]
    for placed in transcoders {
      let (dictionary, layer) = (placed.dictionary, placed.site.layer)
      guard !placed.readsItsSite else {
        throw ModelError(
          .request, "the dictionary at layer \(layer) is no transcoder: it reads what it stands for"
        )
      }
      guard layers.updateValue(placed, forKey: layer) == nil else {
        throw ModelError(.request, "there are two transcoders at layer \(layer)")
      }
      guard case .none = dictionary.norm, !dictionary.subtractsBias, dictionary.encoderBias != nil
      else {
        throw ModelError(
          .request,
          "the transcoder at layer \(layer) norms what it reads or has a gate: its activations are no "
            + "sums over what writes to the stream")
      }
    }
    for placed in layers.values where !placed.hasWholeSet(in: layers) {
      throw ModelError(
        .request,
        "the features at layer \(placed.site.layer) are added in layers whose transcoders are not given"
      )
    }
    self.tokens = tokens
    self.transcoders = layers
    (self.mostFeatures, self.mostLogits) = (mostFeatures, mostLogits)
  }

  /// What the run must keep, at all positions.
  public func captures(in configuration: Configuration) -> [Site: RunRequest.Positions] {
    var sites: Set<Site> = [Site(.embed)]
    if configuration.hasLearnedPositions { sites.insert(Site(.posEmbed)) }
    for layer in 0..<configuration.layers {
      sites.formUnion([.ln1Scale, .pattern, .mlpOut].map { Site($0, layer: layer) })
      if configuration.hasPostNorms { sites.insert(Site(.ln1PostScale, layer: layer)) }
      guard let placed = transcoders[layer] else { continue }
      sites.formUnion(placed.sites)
      if let scale = placed.inputScale { sites.insert(scale) }
    }
    var captures = Dictionary(uniqueKeysWithValues: sites.map { ($0, RunRequest.Positions.all) })
    captures[Site(.lnFinalScale)] = .some([tokens.count - 1])
    return captures
  }

  /// And which logits: those before a soft cap.
  public var logits: RunRequest.Logits { .all([tokens.count - 1]) }
}

extension AttributionGraph.Node {
  public var layer: Int? {
    switch self {
    case .feature(let layer, _, _), .error(let layer, _), .mlp(let layer, _): layer
    case .embedding, .positionEmbedding, .bias, .rest, .logit: nil
    }
  }

  public var feature: Int? {
    if case .feature(_, let feature, _) = self { feature } else { nil }
  }

  public var position: Int? {
    switch self {
    case .feature(_, _, let position), .error(_, let position), .mlp(_, let position),
      .embedding(let position), .positionEmbedding(let position), .logit(_, let position):
      position
    case .bias, .rest: nil
    }
  }
}
