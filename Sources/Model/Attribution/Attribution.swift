/// Direct logit attribution ("Summing Up the Facts", Chughtai, Cooney, Nanda): what each component
/// added to a logit, with the final norm's scale σ frozen at its own run's.
///
/// - A component c of the stream: ⟨c, u⟩ / σ, u the target's direction.
/// - Head h from source j: A[j] · ⟨v_j W_O^h, u⟩ / σ; a head's whole is ⟨z W_O^h, u⟩ / σ.
/// - Together they are the logit: the check that `gap` states.
public struct Attribution: Sendable {
  public enum Component: Sendable, Hashable {
    case embed
    case head(layer: Int, head: Int)
    /// All of a layer's attention, where an edit has left its heads no shares of their own.
    case attention(layer: Int)
    case mlp(layer: Int)
    /// A stream that an edit wrote: all that was in it before is gone.
    case stream(Site)
  }

  public struct Part: Sendable {
    public var component: Component
    public var value: Float
    /// By source position; nil for what has no sources, and for a head whose z was edited.
    public var sources: [Float]?
  }

  /// embed, heads by layer, MLPs by layer.
  public var parts: [Part]
  /// The target as the model computed it.
  public var logit: Double

  /// Σ parts, in double precision.
  public var sum: Double { parts.reduce(0) { $0 + Double($1.value) } }

  /// How far the parts are from the whole: rounding, or something is wrong.
  public var gap: Double { sum - logit }
}

/// What an attribution at one position of a run is made from, and how.
public struct Attributor: Sendable {
  private let transformer: Transformer
  private let position: Int
  private let edits: [Edit]
  private let bySource: Bool

  /// - Parameter edits: those of the run: what they overwrote has no share.
  public init(_ transformer: Transformer, at position: Int, edits: [Edit], bySource: Bool) {
    self.transformer = transformer
    self.position = position
    self.edits = edits
    self.bySource = bySource
  }

  /// What the run must keep.
  public var captures: [Site: RunRequest.Positions] {
    let here = RunRequest.Positions.some([position])
    var captures = [Site(.embed): here, Site(.lnFinalScale): here]
    for layer in transformer.layers.indices {
      for activation in [Activation.z, .mlpOut, .residPost] {
        captures[Site(activation, layer: layer)] = here
      }
      if bySource {
        captures[Site(.pattern, layer: layer)] = here
        captures[Site(.v, layer: layer)] = .some(Array(0...position))
      }
    }
    for edit in edits where isHere(edit) && Self.overwritten.contains(edit.site.activation) {
      captures[edit.site] = here
    }
    return captures
  }

  private static let overwritten: Set<Activation> = [
    .residPre, .residMid, .residPost, .attnOut, .result,
  ]

  private func isHere(_ edit: Edit) -> Bool { edit.positions.contains(position) }

  /// The parts of a target in a run that kept `captures`.
  ///
  /// - Parameter logit: the target's value as the run computed it.
  public func attribute(_ run: RunResult, _ direction: Direction, logit: Double) -> Attribution {
    let scale = row(run, .lnFinalScale, 0)[0]
    var parts: [Attribution.Part] = []
    var mlps: [Attribution.Part] = []
    let start = lastOverwrittenStream()

    if let start {
      parts.append(part(.stream(start), row(run, start.activation, start.layer), direction, scale))
    } else {
      parts.append(part(.embed, row(run, .embed, 0), direction, scale))
    }
    for layer in transformer.layers.indices {
      if isAfter(start, layer, .residMid) {
        parts += attention(run, layer, direction, scale)
      }
      if isAfter(start, layer, .residPost) {
        mlps.append(
          part(.mlp(layer: layer), row(run, .mlpOut, layer), direction, scale))
      }
    }
    return Attribution(parts: parts + mlps, logit: logit)
  }

  /// The last site of the stream itself that an edit wrote at this position.
  private func lastOverwrittenStream() -> Site? {
    edits.filter { isHere($0) }.map(\.site)
      .filter { [.residPre, .residMid, .residPost].contains($0.activation) }
      .max { order($0) < order($1) }
  }

  private func order(_ site: Site) -> Int {
    let within =
      switch site.activation {
      case .residPre: 0
      case .residMid: 1
      default: 2
      }
    return site.layer * 2 + within
  }

  /// Whether what enters the stream at a layer's `site` comes after an overwritten stream.
  private func isAfter(_ start: Site?, _ layer: Int, _ activation: Activation) -> Bool {
    start.map { order(Site(activation, layer: layer)) > order($0) } ?? true
  }

  private func attention(
    _ run: RunResult, _ layer: Int, _ direction: Direction, _ scale: Float
  ) -> [Attribution.Part] {
    let edits = edits.filter { isHere($0) && $0.site.layer == layer }
    if edits.contains(where: { $0.site.activation == .attnOut }) {
      return [part(.attention(layer: layer), row(run, .attnOut, layer), direction, scale)]
    }
    let c = transformer.configuration
    let z = run.activations[Site(.z, layer: layer)]
    return (0..<c.heads).map { head in
      let component = Attribution.Component.head(layer: layer, head: head)
      func isEdited(_ activation: Activation) -> Bool {
        edits.contains {
          $0.site.activation == activation && $0.units?.contains(head) ?? true
        }
      }
      if isEdited(.result), let results = run.activations[Site(.result, layer: layer)] {
        return part(component, Array(results[0, head]), direction, scale)
      }
      let weights = direction.heads[layer][head * c.headWidth..<(head + 1) * c.headWidth]
      let value = dot(z?[0, head] ?? [], weights) / scale
      let sources =
        bySource && !isEdited(.z) ? self.sources(run, layer, head, weights, scale) : nil
      return Attribution.Part(component: component, value: value, sources: sources)
    }
  }

  private func sources(
    _ run: RunResult, _ layer: Int, _ head: Int, _ weights: ArraySlice<Float>, _ scale: Float
  ) -> [Float]? {
    guard let pattern = run.activations[Site(.pattern, layer: layer)],
      let values = run.activations[Site(.v, layer: layer)]
    else { return nil }
    let keyValueHead = transformer.configuration.keyValueHead(of: head)
    return pattern[0, head].enumerated().map { source, weight in
      weight * dot(values[source, keyValueHead], weights) / scale
    }
  }

  private func part(
    _ component: Attribution.Component, _ vector: [Float], _ direction: Direction, _ scale: Float
  ) -> Attribution.Part {
    Attribution.Part(
      component: component, value: dot(vector[...], direction.vector[...]) / scale, sources: nil)
  }

  private func row(_ run: RunResult, _ activation: Activation, _ layer: Int) -> [Float] {
    run.activations[Site(activation, layer: layer)]?[0] ?? []
  }

  private func dot(_ a: ArraySlice<Float>, _ b: ArraySlice<Float>) -> Float {
    a.withUnsafeBufferPointer { a in
      b.withUnsafeBufferPointer { b in
        guard let x = a.baseAddress, let y = b.baseAddress else { return 0 }
        return Kernels.current.dot(x, y, min(a.count, b.count))
      }
    }
  }
}
