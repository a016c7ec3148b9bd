/// The canonical activations, the same for every family, under TransformerLens's names.
public enum Activation: String, Sendable, CaseIterable, Hashable {
  case embed
  /// What is added to the embedding where positions are learned.
  case posEmbed = "pos_embed"
  case residPre = "resid_pre"
  case residMid = "resid_mid"
  case residPost = "resid_post"
  /// What the norm before attention divides by: √(mean x² + ε), of x less its mean in a LayerNorm.
  case ln1Scale = "ln1.scale"
  /// What the norm before the MLP divides by.
  case ln2Scale = "ln2.scale"
  /// What the norm between attention and the stream divides by.
  case ln1PostScale = "ln1_post.scale"
  /// What the norm between the MLP and the stream divides by.
  case ln2PostScale = "ln2_post.scale"
  /// Queries, bias included, before any norm of their own and RoPE, [heads, d_head].
  case q
  /// Keys, likewise, [key/value heads, d_head].
  case k
  /// Values, [key/value heads, d_head].
  case v
  /// q · k, scaled and capped, before the softmax, [heads, sources]; sources after the position are
  /// absent, those before its window −∞.
  case attnScores = "attn_scores"
  /// Attention probabilities, [heads, sources].
  case pattern
  /// Σ_sources pattern · v, [heads, d_head].
  case z
  /// A head's z · W_O, [heads, d_model]; before a norm on the way into the stream.
  case result
  /// What attention adds to the stream, its bias included.
  case attnOut = "attn_out"
  /// The gate's pre-activation, or the neurons' own where there is no gate, [neurons].
  case mlpPre = "mlp_pre"
  /// act(gate) · up, or act(pre): what the MLP's last matrix reads, [neurons].
  case mlpPost = "mlp_post"
  /// What the MLP adds to the stream.
  case mlpOut = "mlp_out"
  /// What the final norm divides by.
  case lnFinalScale = "ln_final.scale"

  /// The activation and layer that a TransformerLens hook names.
  public static func parse(hook: String) -> (activation: Activation, layer: Int?)? {
    let parts = hook.split(separator: ".")
    let layer = parts.count > 1 && parts[0] == "blocks" ? Int(parts[1]) : nil
    return allCases.first {
      $0.hookName(layer: layer ?? 0) == hook && $0.isInLayer == (layer != nil)
    }.map { ($0, layer) }
  }
}

/// One activation of one layer. `embed`, `pos_embed` and `ln_final.scale` are in no layer: 0 stands
/// there.
public struct Site: Sendable, Hashable {
  public let activation: Activation
  public let layer: Int

  public init(_ activation: Activation, layer: Int = 0) {
    self.activation = activation
    self.layer = activation.isInLayer ? layer : 0
  }
}

extension Configuration {
  /// Those that this model has.
  public var activations: [Activation] { Activation.allCases.filter { lacks($0) == nil } }

  /// Why this model has no such activation; nil where it has.
  public func lacks(_ activation: Activation) -> String? {
    switch activation.traits.needs {
    case .learnedPositions where !hasLearnedPositions:
      "this model has no position embedding: it rotates queries and keys instead"
    case .sequentialResidual where residual != .sequential:
      "this model has no \(activation.rawValue): attention and MLP both read the stream before the "
        + "layer and are added to it together"
    case .ownMLPNorm where residual == .parallelSharedNorm:
      "this model has no \(activation.rawValue): attention and MLP read the stream through one norm, "
        + "ln1"
    case .postNorms where !hasPostNorms:
      "this model has no \(activation.rawValue): nothing is normed on its way into the stream"
    case .nothing, .learnedPositions, .sequentialResidual, .ownMLPNorm, .postNorms: nil
    }
  }
}
