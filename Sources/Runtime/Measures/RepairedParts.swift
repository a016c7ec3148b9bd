import Model

/// What components add to a logit in one run, each divided by that run's own final scale σ.
struct RepairedParts {
  /// Those of the stream.
  private var values: [Attribution.Component: Double] = [:]
  private let scale: Double
  let logit: Double

  /// - Parameter attribution: with what values have of biases left in the heads.
  init(_ attribution: Attribution, scale: Float) {
    for part in attribution.parts {
      switch part.component {
      case .finalNormBias, .unembeddingBias: break
      case .embed, .positionEmbedding, .head, .attention, .attentionBias, .mlp, .neurons, .mlpBias,
        .stream, .feature, .featureBias, .featureError:
        values[part.component, default: 0] += Double(part.value)
      }
    }
    self.scale = Double(scale)
    logit = attribution.logit
  }

  /// How an edit changes a logit, and by way of what (Rushing and Nanda 2024, arXiv:2402.15390).
  struct Change {
    /// By what the edited components write themselves, at the base's scale.
    var direct = 0.0
    /// In all.
    var effect = 0.0
    /// By the final norm's scale: all that is written, at the new scale instead of the base's.
    var norm = 0.0
    /// By what heads and MLPs write that are not edited, at the base's scale.
    var heads = 0.0
    var mlps = 0.0

    /// What comes later makes up for.
    var repair: Double { effect - direct + 0 }
  }

  /// With c the parts of the base at scale σ and c' those of the edited run at σ': a component changes
  /// c' σ'/σ − c, and the norm Σ c' (1 − σ'/σ). Together they are the change of the logit.
  ///
  /// - Parameter isEdited: of the edited run's components.
  func change(to edited: RepairedParts, isEdited: (Attribution.Component) -> Bool) -> Change {
    var change = Change()
    change.effect = edited.logit - logit + 0
    let ratio = edited.scale / scale
    let base = collapsed(as: edited)
    // In a fixed order: sums must not depend on a hash.
    for (component, value) in edited.values.sorted(by: { $0.key.order < $1.key.order }) {
      change.norm += value * (1 - ratio)
      let own = value * ratio - (base[component] ?? 0)
      if isEdited(component) {
        change.direct += own
        continue
      }
      switch component {
      case .mlp, .neurons, .mlpBias: change.mlps += own
      case .embed, .positionEmbedding, .head, .attention, .attentionBias, .finalNormBias,
        .unembeddingBias, .stream, .feature, .featureBias, .featureError:
        change.heads += own
      }
    }
    return change
  }

  /// Where an edit left the heads of a layer no shares of their own, they are one here too.
  private func collapsed(as edited: RepairedParts) -> [Attribution.Component: Double] {
    var values: [Attribution.Component: Double] = [:]
    for (component, value) in self.values.sorted(by: { $0.key.order < $1.key.order }) {
      var component = component
      if let layer = component.attentionLayer,
        edited.values[.attention(layer: layer)] != nil
      {
        component = .attention(layer: layer)
      }
      values[component, default: 0] += value
    }
    return values
  }
}

extension Attribution.Component {
  /// Of what attention adds: its layer.
  fileprivate var attentionLayer: Int? {
    switch self {
    case .head(let layer, _), .attention(let layer), .attentionBias(let layer): layer
    case .embed, .positionEmbedding, .mlp, .neurons, .mlpBias, .finalNormBias, .unembeddingBias,
      .stream, .feature, .featureBias, .featureError:
      nil
    }
  }

  /// From first to last in the model.
  fileprivate var order: Int {
    switch self {
    case .embed: -2
    case .positionEmbedding: -1
    case .head(let layer, let head): layer << 20 + head
    case .attention(let layer): layer << 20 + 1 << 18
    case .attentionBias(let layer): layer << 20 + 1 << 18 + 1
    case .mlp(let layer), .neurons(let layer), .mlpBias(let layer): layer << 20 + 1 << 19
    // No dictionary has parts in a repair.
    case .finalNormBias, .unembeddingBias, .stream, .feature, .featureBias, .featureError: Int.max
    }
  }
}

extension [Place.SitePart] {
  /// Whether a component is one of those that edits at these sites change.
  func edit(_ component: Attribution.Component, _ c: Configuration) -> Bool {
    contains { part in
      let layer = part.site.layer
      switch part.site.activation {
      case .z, .result, .q, .attnScores, .pattern:
        if component == .attention(layer: layer) { return true }
        guard case .head(layer, let head) = component else { return false }
        return part.units?.contains(head) ?? true
      case .k, .v:
        if component == .attention(layer: layer) { return true }
        guard case .head(layer, let head) = component else { return false }
        return part.units?.contains(c.keyValueHead(of: head)) ?? true
      case .attnOut, .ln1PostScale: return component.attentionLayer == layer
      case .mlpPre, .mlpPost, .mlpOut, .ln2PostScale: return component == .mlp(layer: layer)
      case .embed, .posEmbed, .residPre, .residMid, .residPost, .ln1Scale, .ln2Scale, .lnFinalScale:
        return false
      }
    }
  }
}

extension Activation {
  /// Whether an edit there is one of heads, of attention or of an MLP.
  var isOfComponent: Bool {
    switch self {
    case .z, .result, .q, .attnScores, .pattern, .k, .v, .attnOut, .ln1PostScale, .mlpPre, .mlpPost,
      .mlpOut, .ln2PostScale:
      true
    case .embed, .posEmbed, .residPre, .residMid, .residPost, .ln1Scale, .ln2Scale, .lnFinalScale:
      false
    }
  }
}
