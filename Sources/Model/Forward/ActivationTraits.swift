/// Everything that code must know of an activation: one row of the table below for each. Hook
/// names, sizes, checks, forks, ends and lost edits derive from it.
struct ActivationTraits {
  /// The name in TransformerLens; `#` stands for the number of a layer.
  var hook: StaticString
  /// What a site is divided into.
  var units: Activation.Units = .none
  var width: Width
  var stage: Stage
  /// The next activation of its layer and position through which everything must pass that a change
  /// of it reaches; nil where there is none, as for what other positions read.
  var passesInto: Activation?
  var needs = Needs.nothing

  /// The elements of one unit at one position.
  enum Width { case model, head, neuron, sources, scale }

  /// When it comes, and with that who reads it.
  enum Stage {
    /// Before the first layer.
    case embedding
    /// Before anything of its layer is computed. Later positions read it through keys and values.
    case entering
    /// On the way to the layer's keys and values, which later positions read in the same layer.
    case keysAndValues
    /// After them: later positions read it in the next layer only.
    case through
    /// After the last layer.
    case finalNorm
  }

  /// What a model must have for it to be there.
  enum Needs { case nothing, learnedPositions, sequentialResidual, ownMLPNorm, postNorms }
}

extension Activation {
  var traits: ActivationTraits {
    switch self {
    case .embed: .init(hook: "hook_embed", width: .model, stage: .embedding)
    case .posEmbed:
      .init(hook: "hook_pos_embed", width: .model, stage: .embedding, needs: .learnedPositions)
    case .residPre: .init(hook: "blocks.#.hook_resid_pre", width: .model, stage: .entering)
    case .ln1Scale: .init(hook: "blocks.#.ln1.hook_scale", width: .scale, stage: .keysAndValues)
    case .k:
      .init(
        hook: "blocks.#.attn.hook_k", units: .keyValueHeads, width: .head, stage: .keysAndValues)
    case .v:
      .init(
        hook: "blocks.#.attn.hook_v", units: .keyValueHeads, width: .head, stage: .keysAndValues)
    case .q:
      .init(
        hook: "blocks.#.attn.hook_q", units: .heads, width: .head, stage: .through,
        passesInto: .attnScores)
    case .attnScores:
      .init(
        hook: "blocks.#.attn.hook_attn_scores", units: .heads, width: .sources, stage: .through,
        passesInto: .pattern)
    case .pattern:
      .init(
        hook: "blocks.#.attn.hook_pattern", units: .heads, width: .sources, stage: .through,
        passesInto: .z)
    case .z:
      .init(
        hook: "blocks.#.attn.hook_z", units: .heads, width: .head, stage: .through,
        passesInto: .attnOut)
    case .result:
      .init(
        hook: "blocks.#.attn.hook_result", units: .heads, width: .model, stage: .through,
        passesInto: .attnOut)
    case .ln1PostScale:
      .init(
        hook: "blocks.#.ln1_post.hook_scale", width: .scale, stage: .through,
        passesInto: .attnOut, needs: .postNorms)
    case .attnOut:
      .init(
        hook: "blocks.#.hook_attn_out", width: .model, stage: .through, passesInto: .residMid)
    case .residMid:
      .init(
        hook: "blocks.#.hook_resid_mid", width: .model, stage: .through, passesInto: .residPost,
        needs: .sequentialResidual)
    case .ln2Scale:
      .init(
        hook: "blocks.#.ln2.hook_scale", width: .scale, stage: .through, passesInto: .mlpPost,
        needs: .ownMLPNorm)
    case .mlpPre:
      .init(
        hook: "blocks.#.mlp.hook_pre", units: .neurons, width: .neuron, stage: .through,
        passesInto: .mlpPost)
    case .mlpPost:
      .init(
        hook: "blocks.#.mlp.hook_post", units: .neurons, width: .neuron, stage: .through,
        passesInto: .mlpOut)
    case .ln2PostScale:
      .init(
        hook: "blocks.#.ln2_post.hook_scale", width: .scale, stage: .through,
        passesInto: .mlpOut, needs: .postNorms)
    case .mlpOut:
      .init(
        hook: "blocks.#.hook_mlp_out", width: .model, stage: .through, passesInto: .residPost)
    case .residPost: .init(hook: "blocks.#.hook_resid_post", width: .model, stage: .through)
    case .lnFinalScale: .init(hook: "ln_final.hook_scale", width: .scale, stage: .finalNorm)
    }
  }

  /// What a site of an activation is divided into.
  public enum Units: Sendable { case none, heads, keyValueHeads, neurons }

  public var units: Units { traits.units }

  /// Whether there is one in every layer.
  public var isInLayer: Bool {
    switch traits.stage {
    case .embedding, .finalNorm: false
    case .entering, .keysAndValues, .through: true
    }
  }

  /// Whether nothing of its layer has been computed when it comes.
  var isBeforeItsLayer: Bool {
    switch traits.stage {
    case .embedding, .entering: true
    case .keysAndValues, .through, .finalNorm: false
    }
  }

  /// Whether a norm divides by it.
  public var isScale: Bool { traits.width == .scale }

  /// Whether what one unit has at a position is as wide as the stream, and of its space.
  public var isOfStream: Bool { traits.width == .model }

  /// Whether its vectors have an element for each source position.
  public var isOverSources: Bool { traits.width == .sources }

  /// Whether a change at a position reaches later positions within the same layer: through the keys
  /// and values that they read there.
  var reachesLaterPositionsAtOnce: Bool {
    switch traits.stage {
    case .embedding, .entering, .keysAndValues: true
    case .through, .finalNorm: false
    }
  }

  /// The sites of its own layer and position through which everything must pass that a change of it
  /// reaches, in their order.
  package var narrows: [Activation] {
    guard let next = traits.passesInto else { return [] }
    return [next] + next.narrows
  }

  /// The name in TransformerLens: `blocks.9.attn.hook_z`.
  public func hookName(layer: Int) -> String {
    let parts = traits.hook.description.split(separator: "#", omittingEmptySubsequences: false)
    return parts.joined(separator: String(layer))
  }
}

extension Site {
  /// Whether it is made of the position's own token alone: two runs have the same wherever they have the
  /// same token at the same position, and no edit before it.
  public var isOfOwnToken: Bool {
    switch activation.traits.stage {
    case .embedding: true
    case .entering, .keysAndValues: layer == 0
    case .through, .finalNorm: false
    }
  }

  /// How far a position must go for this to be computed at it.
  func reach(layers: Int) -> Reach {
    switch activation.traits.stage {
    case .embedding, .entering, .keysAndValues: .keysAndValues(of: layer)
    case .through: .through(layer)
    case .finalNorm: .finalNorm(after: layers)
    }
  }
}

extension Configuration {
  /// How many heads, key/value heads or neurons a site has; 1 where it is not divided.
  public func unitCount(_ site: Site) -> Int {
    switch site.activation.units {
    case .none: 1
    case .heads: heads
    case .keyValueHeads: keyValueHeads
    case .neurons: mlp[site.layer].neurons
    }
  }

  /// The elements of one unit at one position, of `sources` that it can see.
  public func unitWidth(_ activation: Activation, sources: Int) -> Int {
    switch activation.traits.width {
    case .model: width
    case .head: headWidth
    case .neuron, .scale: 1
    case .sources: sources
    }
  }
}
