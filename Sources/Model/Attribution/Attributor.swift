/// What an attribution at one position of a run is made from, and how.
public struct Attributor: Sendable {
  let transformer: Transformer
  let position: Int
  private let edits: [Edit]
  let detail: AttributionDetail

  /// - Parameters:
  ///   - edits: those of the run: what they overwrote has no share.
  public init(
    _ transformer: Transformer, at position: Int, edits: [Edit], _ detail: AttributionDetail
  ) {
    self.transformer = transformer
    self.position = position
    self.edits = edits
    var detail = detail
    detail.foldsBiases = detail.foldsBiases && transformer.hasValueBiases
    self.detail = detail
  }

  private var bySource: Bool { detail.bySource }
  private var foldsBiases: Bool { detail.foldsBiases }

  /// What the run must keep.
  public var captures: [Site: RunRequest.Positions] {
    let here = RunRequest.Positions.some([position])
    let c = transformer.configuration
    var captures = [Site(.embed): here, detail.stream ?? Site(.lnFinalScale): here]
    if c.hasLearnedPositions { captures[Site(.posEmbed)] = here }
    var perLayer: [Activation] = [.z, .mlpOut]
    if c.hasPostNorms { perLayer.append(.ln1PostScale) }
    if bySource || foldsBiases { perLayer.append(.pattern) }
    if detail.byNeuron {
      perLayer.append(.mlpPost)
      if c.hasPostNorms { perLayer.append(.ln2PostScale) }
    }
    for layer in transformer.layers.indices where isBefore(layer, .residMid) {
      for activation in perLayer { captures[Site(activation, layer: layer)] = here }
      if bySource { captures[Site(.v, layer: layer)] = .some(Array(0...position)) }
    }
    for site in dictionarySites { captures[site] = here }
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
  /// - Parameters:
  ///   - logit: the target's value as the run computed it, before any soft cap.
  ///   - features: what `decompose` made of the run.
  public func attribute(
    _ run: RunResult, _ direction: Direction, logit: Double,
    _ features: Decompositions = Decompositions()
  ) -> Attribution {
    let scale = detail.stream == nil ? row(run, .lnFinalScale, 0)[0] : 1
    let parts = Parts(run: run, direction: direction, scale: scale, features: features)
    let start = start
    var (attention, biases, mlps): ([Attribution.Part], [Attribution.Part], [Attribution.Part]) =
      ([], [], [])
    for layer in transformer.layers.indices {
      if isAfter(start, layer, .residMid), isBefore(layer, .residMid) {
        let (heads, bias) = self.attention(parts, layer)
        attention += heads
        if let bias { biases.append(bias) }
      }
      if isAfter(start, layer, .residPost), isBefore(layer, .residPost) {
        mlps += mlp(parts, layer)
      }
      mlps += parts.ofCrossLayerFeatures(of: layer)
    }
    return Attribution(
      parts: beginning(parts, start) + attention + biases + mlps + parts.lastBiases, logit: logit)
  }

  // MARK: - The stream

  /// The last site of the stream that is divided by itself: by an edit, or by a dictionary.
  var start: Site? {
    [lastOverwrittenStream(), lastStreamWithFeatures].compactMap(\.self)
      .max { order($0) < order($1) }
  }

  /// What the stream began with: the embeddings, or what an edit wrote over all that was in it.
  private func beginning(_ parts: Parts, _ start: Site?) -> [Attribution.Part] {
    if let start {
      if let features = parts.ofFeatures(at: start) { return features }
      return [parts.part(.stream(start), row(parts.run, start.activation, start.layer))]
    }
    let positions =
      transformer.configuration.hasLearnedPositions
      ? [parts.part(.positionEmbedding, row(parts.run, .posEmbed, 0))] : []
    return [parts.part(.embed, row(parts.run, .embed, 0))] + positions
  }

  /// The last site of the stream itself that an edit wrote at this position.
  private func lastOverwrittenStream() -> Site? {
    edits.filter { isHere($0) }.map(\.site)
      .filter { [.residPre, .residMid, .residPost].contains($0.activation) }
      .filter { isBefore($0.layer, $0.activation) }
      .max { order($0) < order($1) }
  }

  func order(_ site: Site) -> Int {
    let within =
      switch site.activation {
      case .residPre: 0
      case .residMid: 1
      default: 2
      }
    return site.layer * 2 + within
  }

  /// Whether what enters the stream at a layer's `site` comes after an overwritten stream.
  func isAfter(_ start: Site?, _ layer: Int, _ activation: Activation) -> Bool {
    start.map { order(Site(activation, layer: layer)) > order($0) } ?? true
  }

  /// Whether a layer's `site` is no later than the stream that is attributed.
  func isBefore(_ layer: Int, _ activation: Activation) -> Bool {
    detail.stream.map { order(Site(activation, layer: layer)) <= order($0) } ?? true
  }

  // MARK: - MLPs

  /// An MLP's part, or its neurons' and its bias's: act_n ⟨W_out[n], u⟩ / σ, over the scale of a norm on
  /// the way to the stream. What an edit wrote into the whole has no neurons.
  private func mlp(_ parts: Parts, _ layer: Int) -> [Attribution.Part] {
    if let features = parts.ofFeatures(at: Site(.mlpOut, layer: layer)) { return features }
    let isWritten = edits.contains { isHere($0) && $0.site == Site(.mlpOut, layer: layer) }
    guard detail.byNeuron, !isWritten else {
      return [parts.part(.mlp(layer: layer), row(parts.run, .mlpOut, layer))]
    }
    let hasNorm = transformer.layers[layer].ln2Post != nil
    let scale = parts.scale * (hasNorm ? row(parts.run, .ln2PostScale, layer)[0] : 1)
    let direction = parts.direction.neurons[layer]
    let neurons = zip(row(parts.run, .mlpPost, layer), direction.weights).map { $0 * $1 / scale }
    let bias = direction.bias.map {
      Attribution.Part(component: .mlpBias(layer: layer), value: $0 / scale)
    }
    return [Attribution.Part(neurons: neurons, layer: layer), bias].compactMap(\.self)
  }

  // MARK: - Attention

  private func attention(_ parts: Parts, _ layer: Int)
    -> (heads: [Attribution.Part], bias: Attribution.Part?)
  {
    if let features = parts.ofFeatures(at: Site(.attnOut, layer: layer)) { return (features, nil) }
    let here = edits.filter { isHere($0) && $0.site.layer == layer }
    if here.contains(where: { $0.site.activation == .attnOut }) {
      return ([parts.part(.attention(layer: layer), row(parts.run, .attnOut, layer))], nil)
    }
    // What attention gives is still to be divided by the norm on its way, where there is one.
    let onItsWay =
      transformer.configuration.hasPostNorms ? row(parts.run, .ln1PostScale, layer)[0] : 1
    let scale = parts.scale * onItsWay
    if let features = parts.ofFeatures(
      at: Site(.z, layer: layer), along: parts.direction.heads[layer], scale: scale)
    {
      let bias = parts.direction.attentionBias[layer].map {
        Attribution.Part(component: .attentionBias(layer: layer), value: $0 / scale, sources: nil)
      }
      return (features, bias)
    }
    var folded: Float = 0
    let heads = (0..<transformer.configuration.heads).map { head in
      let share = share(parts, layer, head, scale, edits: here)
      folded += share.folded
      return share.part
    }
    let bias = parts.direction.attentionBias[layer].map { $0 / scale }
    let isThere = bias != nil || foldsBiases
    return (
      heads,
      isThere
        ? Attribution.Part(
          component: .attentionBias(layer: layer), value: (bias ?? 0) + folded, sources: nil) : nil
    )
  }

  /// A head's part, and what of its values came from biases and is not in it.
  private func share(
    _ parts: Parts, _ layer: Int, _ head: Int, _ scale: Float, edits: [Edit]
  ) -> (part: Attribution.Part, folded: Float) {
    let component = Attribution.Component.head(layer: layer, head: head)
    func isEdited(_ activation: Activation) -> Bool {
      edits.contains { $0.site.activation == activation && $0.units?.contains(head) ?? true }
    }
    if isEdited(.result), let results = here(parts.run, .result, layer) {
      let direction = transformer.layers[layer].beforeAttentionIsAdded(parts.direction.vector)
      let value = Parts.dot(results[head], direction[...]) / scale
      return (Attribution.Part(component: component, value: value, sources: nil), 0)
    }
    let width = transformer.configuration.headWidth
    let weights = parts.direction.heads[layer][head * width..<(head + 1) * width]
    let z = here(parts.run, .z, layer)
    let whole = Parts.dot(z?[head] ?? [], weights) / scale
    // A z that was written has no sources, and nothing of any bias that could be told.
    if isEdited(.z) {
      return (Attribution.Part(component: component, value: whole, sources: nil), 0)
    }
    let biases = folded(parts, layer, head, scale)
    let sources = bySource ? self.sources(parts, layer, head, weights, scale, less: biases) : nil
    let sum = biases.reduce(0, +)
    return (Attribution.Part(component: component, value: whole - sum, sources: sources), sum)
  }

  /// From each source A[j] ⟨b' W_O^h, u⟩ / σ; nothing from where an edit wrote the value. Empty where
  /// nothing is folded.
  private func folded(_ parts: Parts, _ layer: Int, _ head: Int, _ scale: Float) -> [Float] {
    guard foldsBiases, let pattern = here(parts.run, .pattern, layer) else { return [] }
    let shared = transformer.configuration.keyValueHead(of: head)
    let written = Set(
      edits.filter { $0.site == Site(.v, layer: layer) && $0.units?.contains(shared) ?? true }
        .flatMap(\.positions))
    let bias = parts.direction.valueBias[layer][head] / scale
    return pattern[head].enumerated().map { source, weight in
      written.contains(source) ? 0 : weight * bias
    }
  }

  private func sources(
    _ parts: Parts, _ layer: Int, _ head: Int, _ weights: ArraySlice<Float>, _ scale: Float,
    less biases: [Float]
  ) -> [Float]? {
    guard let pattern = here(parts.run, .pattern, layer),
      let values = parts.run.activations[Site(.v, layer: layer)]
    else { return nil }
    let keyValueHead = transformer.configuration.keyValueHead(of: head)
    return pattern[head].enumerated().map { source, weight in
      let part = weight * Parts.dot(values[source, keyValueHead], weights) / scale
      return biases.isEmpty ? part : part - biases[source]
    }
  }

  private func row(_ run: RunResult, _ activation: Activation, _ layer: Int) -> [Float] {
    here(run, activation, layer)?.row ?? []
  }

  /// What a site has at the position; the run may have kept others too.
  private func here(_ run: RunResult, _ activation: Activation, _ layer: Int) -> Here? {
    guard let kept = run.activations[Site(activation, layer: layer)],
      let index = kept.positions.firstIndex(of: position)
    else { return nil }
    return Here(kept: kept, index: index)
  }
}

extension Attributor {
  /// - Parameters:
  ///   - edits: those of the run.
  ///   - foldsBiases: as `AttributionDetail` has it.
  public init(
    _ transformer: Transformer, at position: Int, edits: [Edit], bySource: Bool,
    foldsBiases: Bool = true
  ) {
    self.init(
      transformer, at: position, edits: edits,
      AttributionDetail(bySource: bySource, foldsBiases: foldsBiases))
  }
}

/// An activation at one of the positions that were kept.
private struct Here {
  let kept: CapturedActivation
  let index: Int

  var row: [Float] { kept[index] }
  subscript(unit: Int) -> ArraySlice<Float> { kept[index, unit] }
}

/// A run, seen along a direction.
private struct Parts {
  let run: RunResult
  let direction: Direction
  /// The final norm's, σ.
  let scale: Float
  let features: Decompositions

  /// The parts of a site that has a dictionary; nil where it has none.
  ///
  /// - Parameters:
  ///   - direction: as wide as the site; nil: the stream's.
  ///   - scale: what divides it; nil: the final norm's.
  func ofFeatures(at site: Site, along direction: [Float]? = nil, scale: Float? = nil)
    -> [Attribution.Part]?
  {
    features.parts[site].map { parts in
      parts.map { part in
        let value = Self.dot(part.vector[...], (direction ?? self.direction.vector)[...])
        return Attribution.Part(
          component: part.component, value: value / (scale ?? self.scale), sources: nil)
      }
    }
  }

  /// The features of a layer that write in several.
  func ofCrossLayerFeatures(of layer: Int) -> [Attribution.Part] {
    (features.crossLayer[layer] ?? []).map { part($0.component, $0.vector) }
  }

  /// Of a vector of the stream.
  func part(_ component: Attribution.Component, _ vector: [Float]) -> Attribution.Part {
    Attribution.Part(
      component: component, value: Self.dot(vector[...], direction.vector[...]) / scale,
      sources: nil)
  }

  /// What is added after the final norm has divided.
  var lastBiases: [Attribution.Part] {
    let biases: [(Attribution.Component, Float?)] = [
      (.finalNormBias, direction.finalNormBias), (.unembeddingBias, direction.unembeddingBias),
    ]
    return biases.compactMap { component, value in
      value.map { Attribution.Part(component: component, value: $0, sources: nil) }
    }
  }

  static func dot(_ a: ArraySlice<Float>, _ b: ArraySlice<Float>) -> Float {
    a.withUnsafeBufferPointer { a in
      b.withUnsafeBufferPointer { b in
        guard let x = a.baseAddress, let y = b.baseAddress else { return 0 }
        return Kernels.current.dot(x, y, count: min(a.count, b.count))
      }
    }
  }
}
