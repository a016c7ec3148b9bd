import Model

extension Attribution.Component {
  /// The component as the language writes it.
  var label: String {
    switch self {
    case .embed: "embed"
    case .positionEmbedding: "pos_embed"
    case .head(let layer, let head): "L\(layer)H\(head)"
    case .attention(let layer): "L\(layer).attn"
    case .attentionBias(let layer): "L\(layer).attn.bias"
    case .mlp(let layer): "L\(layer).mlp"
    case .neurons(let layer): "L\(layer)N*"
    case .mlpBias(let layer): "L\(layer).mlp.bias"
    case .feature(let prefix, let layer, let feature): "\(prefix)L\(layer)F\(feature)"
    case .featureBias(let prefix, let layer): "\(prefix)L\(layer).b_dec"
    case .featureError(let prefix, let layer): "\(prefix)L\(layer).error"
    case .finalNormBias: "ln_final.bias"
    case .unembeddingBias: "unembed.bias"
    case .stream(let site): "L\(site.layer).\(site.activation.rawValue)"
    }
  }

  var layer: Int? {
    switch self {
    case .embed, .positionEmbedding, .finalNormBias, .unembeddingBias: nil
    case .head(let layer, _), .attention(let layer), .attentionBias(let layer), .mlp(let layer),
      .neurons(let layer), .mlpBias(let layer), .feature(_, let layer, _),
      .featureBias(_, let layer), .featureError(_, let layer):
      layer
    case .stream(let site): site.layer
    }
  }

  var head: Int? { if case .head(_, let head) = self { head } else { nil } }
  var feature: Int? { if case .feature(_, _, let feature) = self { feature } else { nil } }
  var isHead: Bool { head != nil }

  /// Whether an MLP adds it.
  var isOfMLP: Bool {
    switch self {
    case .mlp, .neurons, .mlpBias: true
    case .embed, .positionEmbedding, .head, .attention, .attentionBias, .finalNormBias,
      .unembeddingBias, .stream, .feature, .featureBias, .featureError:
      false
    }
  }
}
