/// What the components of a run added to the stream at one position: for asking what some of them
/// alone would have said.
public struct Composition: Sendable {
  /// In the order of an attribution, with its convention for biases: what values have of them is the
  /// attention bias of the layer, not its heads'.
  public let components: [Attribution.Component]
  /// [components][d_model]; empty for what is added after the final norm has divided.
  let vectors: [[Float]]
  /// What the final norm divided by.
  let scale: Float
}

/// Takes runs apart into compositions.
public struct Composer: Sendable {
  private let transformer: Transformer
  private let position: Int
  /// b' W_O^h for each layer and head, [layers][heads][d_model]; nil where values have no biases.
  private let valueBiases: [[[Float]]]?

  /// - Parameter position: where the next token is predicted.
  public init(_ transformer: Transformer, at position: Int) throws {
    self.transformer = transformer
    self.position = position
    valueBiases =
      transformer.hasValueBiases
      ? transformer.foldedBiases.enumerated().map {
        transformer.results(of: transformer.spread($1), layer: $0)
      } : nil
    try transformer.checkWeights()
  }

  /// The same for another position.
  public func moved(to position: Int) -> Composer { Composer(self, at: position) }

  private init(_ other: Composer, at position: Int) {
    transformer = other.transformer
    valueBiases = other.valueBiases
    self.position = position
  }

  /// What the run must keep. It must be without edits.
  public var captures: [Site: RunRequest.Positions] {
    let here = RunRequest.Positions.some([position])
    let c = transformer.configuration
    var captures = [Site(.embed): here, Site(.lnFinalScale): here]
    if c.hasLearnedPositions { captures[Site(.posEmbed)] = here }
    for layer in transformer.layers.indices {
      captures[Site(.z, layer: layer)] = here
      captures[Site(.mlpOut, layer: layer)] = here
      if c.hasPostNorms { captures[Site(.ln1PostScale, layer: layer)] = here }
    }
    return captures
  }

  public func composition(of run: RunResult) throws -> Composition {
    func row(_ activation: Activation, _ layer: Int = 0) -> [Float] {
      run.activations[Site(activation, layer: layer)]?[0] ?? []
    }
    var (heads, biases, mlps): ([Part], [Part], [Part]) = ([], [], [])
    for (l, layer) in transformer.layers.enumerated() {
      let scale = layer.ln1Post == nil ? 1 : row(.ln1PostScale, l)[0]
      func added(_ vector: [Float]) -> [Float] {
        layer.beforeAttentionIsAdded(vector).map { $0 / scale }
      }
      var bias = layer.o.bias
      for (head, result) in transformer.results(of: row(.z, l), layer: l).enumerated() {
        var own = result
        if let folded = valueBiases?[l][head] {
          // An unedited pattern sums to 1.
          for i in own.indices { own[i] -= folded[i] }
          bias = bias.map { zip($0, folded).map(+) } ?? folded
        }
        heads.append(Part(.head(layer: l, head: head), added(own)))
      }
      if let bias { biases.append(Part(.attentionBias(layer: l), added(bias))) }
      mlps.append(Part(.mlp(layer: l), row(.mlpOut, l)))
    }
    try transformer.checkWeights()
    let c = transformer.configuration
    let first =
      [Part(.embed, row(.embed))]
      + (c.hasLearnedPositions ? [Part(.positionEmbedding, row(.posEmbed))] : [])
    let last =
      (c.norm == .layer ? [Part(.finalNormBias, [])] : [])
      + (transformer.unembeddingBias == nil ? [] : [Part(.unembeddingBias, [])])
    let parts = first + heads + biases + mlps + last
    return Composition(
      components: parts.map(\.component), vectors: parts.map(\.vector),
      scale: row(.lnFinalScale)[0])
  }

  private struct Part {
    var component: Attribution.Component
    var vector: [Float]

    init(_ component: Attribution.Component, _ vector: [Float]) {
      self.component = component
      self.vector = vector
    }
  }
}

extension Transformer {
  /// The logits that groups of components give, each without all others, the final norm's scale
  /// frozen. What groups without a component in common give adds up. No soft cap is applied.
  ///
  /// - Parameter groups: indices of the composition's components.
  /// - Returns: [groups][vocabulary].
  public func logits(of groups: [[Int]], in composition: Composition) throws -> [[Float]] {
    let width = configuration.width
    let sums = groups.map { group in
      let parts = group.map { composition.vectors[$0] }.filter { !$0.isEmpty }
      return (0..<width).map { i in Float(parts.reduce(0.0) { $0 + Double($1[i]) }) }
    }
    let betaOff = Norm(
      kind: finalNorm.kind, weight: finalNorm.weight,
      bias: [Float](repeating: 0, count: finalNorm.bias.count))
    let x = FloatBuffer(groups.count * width, zeroed: true)
    for (g, sum) in sums.enumerated() {
      betaOff.apply(
        to: sum, scale: composition.scale, width, Kernels.current, into: x.pointer + g * width)
      guard groups[g].contains(where: { composition.components[$0] == .finalNormBias }) else {
        continue
      }
      for i in finalNorm.bias.indices { x.pointer[g * width + i] += finalNorm.bias[i] }
    }
    var logits = products(x, rows: groups.count, stride: width, unembedding)
    if let unembeddingBias {
      for g in groups.indices
      where groups[g].contains(where: { composition.components[$0] == .unembeddingBias }) {
        for t in logits[g].indices { logits[g][t] += unembeddingBias[t] }
      }
    }
    try checkWeights()
    return logits
  }

  /// Each head's z · W_O, [heads][d_model], of all heads' z, [heads · d_head].
  fileprivate func results(of z: [Float], layer: Int) -> [[Float]] {
    let (heads, width) = (configuration.heads, configuration.headWidth)
    let stride = heads * width
    let x = FloatBuffer(heads * stride, zeroed: true)
    for head in 0..<heads {
      for i in head * width..<(head + 1) * width { x.pointer[head * stride + i] = z[i] }
    }
    return products(x, rows: heads, stride: stride, layers[layer].o.matrix)
  }

  /// What key/value heads have, for each query head that reads them, [heads · d_head].
  fileprivate func spread(_ bias: [Float]?) -> [Float] {
    let width = configuration.headWidth
    return (0..<configuration.heads).flatMap { head -> [Float] in
      guard let bias else { return [Float](repeating: 0, count: width) }
      let shared = configuration.keyValueHead(of: head)
      return Array(bias[shared * width..<(shared + 1) * width])
    }
  }

  private func products(
    _ x: FloatBuffer, rows: Int, stride: Int, _ matrix: PackedMatrix
  ) -> [[Float]] {
    let out = FloatBuffer(rows * matrix.stride)
    Products(pool: pool).multiply(
      x.pointer, rows: rows, stride: stride, [ProductTarget(matrix: matrix, out: out.pointer)])
    return (0..<rows).map {
      Array(UnsafeBufferPointer(start: out.pointer + $0 * matrix.stride, count: matrix.rows))
    }
  }
}
