/// A linear function of the logits: Σ c_t · logit_t, of an answer, of an answer less its foils, of
/// a set of tokens.
public struct LogitTarget: Sendable, Hashable {
  public var coefficients: [Int: Float]
  /// Measured from the mean over the vocabulary: W_U less its mean over tokens.
  public var isCentred: Bool

  public init(_ coefficients: [Int: Float], isCentred: Bool = false) {
    self.coefficients = coefficients
    self.isCentred = isCentred
  }

  public static func token(_ token: Int) -> LogitTarget { LogitTarget([token: 1]) }

  /// The answer's logit less the mean of the foils'.
  public static func difference(_ answer: Int, _ foils: [Int]) -> LogitTarget {
    var coefficients: [Int: Float] = [answer: 1]
    for foil in foils { coefficients[foil, default: 0] -= 1 / Float(foils.count) }
    return LogitTarget(coefficients)
  }

  /// The mean of some tokens' logits.
  public static func mean(_ tokens: [Int]) -> LogitTarget {
    var coefficients: [Int: Float] = [:]
    for token in tokens { coefficients[token, default: 0] += 1 / Float(tokens.count) }
    return LogitTarget(coefficients)
  }

  var sum: Float { coefficients.values.reduce(0, +) }

  /// Tokens in a fixed order: sums must not depend on a hash.
  var ordered: [(token: Int, coefficient: Float)] {
    coefficients.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  public var tokens: [Int] { ordered.map(\.token) }

  /// The target's value, from the logits of `tokens` in their order.
  public func value(of logits: [Float]) -> Double {
    zip(ordered, logits).reduce(0) { $0 + Double($1.0.coefficient) * Double($1.1) }
  }
}

/// A target seen from the residual stream: what a vector of the stream is multiplied by.
public struct Direction: Sendable {
  /// γ_f ⊙ Σ c_t W_U[:, t], [d_model]; less its mean where the final norm takes a vector's mean off,
  /// which comes to the same.
  let vector: [Float]
  /// (γ of the norm between attention and the stream ⊙) `vector`, W_O^h applied backwards to it, for
  /// each layer [heads · d_head]: what a z is multiplied by.
  let heads: [[Float]]
  /// ⟨b' W_O^h, u⟩ for each layer and head, b' being what values have of biases.
  let valueBias: [[Float]]
  /// ⟨b_O, u⟩ for each layer that has a b_O.
  let attentionBias: [Float?]
  /// Of each layer's neurons: (γ of the norm between MLP and the stream ⊙) `vector`, W_out applied
  /// backwards to it, [neurons], and ⟨b_out, u⟩ where there is a b_out. Empty unless asked for.
  var neurons: [(weights: [Float], bias: Float?)] = []
  /// ⟨β_f, Σ c_t W_U[:, t]⟩, where the final norm has a β.
  let finalNormBias: Float?
  /// Σ c_t b_U[t], where logits have biases.
  let unembeddingBias: Float?
}

extension Direction {
  /// Σ w_i u_i, the direction of Σ w_i · target_i: of targets that share most of their tokens only
  /// one such sum needs a pass over the weights. There must be a part.
  public static func sum(_ parts: [(weight: Double, direction: Direction)]) -> Direction {
    func vectors(_ rows: (Direction) -> [Float]) -> [Float] {
      var sum = [Double](repeating: 0, count: rows(parts[0].direction).count)
      for (weight, direction) in parts {
        for (i, x) in rows(direction).enumerated() { sum[i] += weight * Double(x) }
      }
      return sum.map { Float($0) }
    }
    func numbers(_ bias: (Direction) -> Float?) -> Float? {
      guard bias(parts[0].direction) != nil else { return nil }
      return Float(parts.reduce(0) { $0 + $1.weight * Double(bias($1.direction) ?? 0) })
    }
    let layers = parts[0].direction.heads.indices
    return Direction(
      vector: vectors(\.vector), heads: layers.map { l in vectors { $0.heads[l] } },
      valueBias: layers.map { l in vectors { $0.valueBias[l] } },
      attentionBias: layers.map { l in numbers { $0.attentionBias[l] } },
      neurons: parts[0].direction.neurons.indices.map { l in
        (vectors { $0.neurons[l].weights }, numbers { $0.neurons[l].bias })
      },
      finalNormBias: numbers(\.finalNormBias), unembeddingBias: numbers(\.unembeddingBias))
  }
}

extension Transformer {
  /// The direction of a target. One pass over all W_O: keep it for every run that shares it.
  ///
  /// - Parameter withNeurons: whether neurons are told apart, which takes a pass over all W_out.
  public func direction(of target: LogitTarget, withNeurons: Bool = false) throws -> Direction {
    try directions(of: [target], withNeurons: withNeurons)[0]
  }

  /// The same of several, in about the same passes.
  public func directions(of targets: [LogitTarget], withNeurons: Bool = false) throws -> [Direction]
  {
    try directions(try targets.map(readout), withNeurons: withNeurons)
  }

  /// A target as it reads the last stream: what that is multiplied by, but for the final norm's scale, which
  /// divides it, and what biases add.
  typealias Readout = (vector: [Float], finalNormBias: Float?, unembeddingBias: Float?)

  func readout(of target: LogitTarget) throws -> Readout {
    for (token, _) in target.ordered { try configuration.check(token: token) }
    let weights = self.weights(of: target)
    let vector = centred(zip(weights, finalNorm.weight).map { $0 * Double($1) }).map { Float($0) }
    let hasBias = finalNorm.kind == .layer
    return (
      vector,
      hasBias ? Float(zip(weights, finalNorm.bias).reduce(0) { $0 + $1.0 * Double($1.1) }) : nil,
      unembeddingBias.map { Float(bias(of: target, $0)) }
    )
  }

  /// A vector as a direction: what components write along it in the stream, before any norm.
  public func direction(toward vector: [Float], withNeurons: Bool = false) throws -> Direction {
    precondition(vector.count == configuration.width)
    return try directions([(vector, nil, nil)], withNeurons: withNeurons)[0]
  }

  private func directions(_ readouts: [Readout], withNeurons: Bool) throws -> [Direction] {
    let vectors = readouts.map(\.vector)
    let heads = Slots<[[Float]]>(repeating: [], count: layers.count)
    let neurons = Slots<[[Float]]>(repeating: [], count: withNeurons ? layers.count : 0)
    pool.run(layers.count) { l, _ in
      if Interruption.requested.load(ordering: .relaxed) { return }
      let layer = layers[l]
      heads[l] = layer.o.matrix.transposedProducts(vectors.map(layer.beforeAttentionIsAdded))
      guard withNeurons else { return }
      neurons[l] = layer.mlp.down.matrix.transposedProducts(vectors.map(layer.beforeMLPIsAdded))
    }
    try Interruption.check()
    try checkWeights()
    return readouts.indices.map { i in
      direction(
        readouts[i], heads: heads.values.map { $0[i] }, neurons: neurons.values.map { $0[i] })
    }
  }

  /// - Parameters:
  ///   - heads: W_O applied backwards, of each layer.
  ///   - neurons: W_out; none where neurons are not told apart.
  private func direction(_ readout: Readout, heads: [[Float]], neurons: [[Float]]) -> Direction {
    func bias(_ bias: [Float]?, _ direction: [Float]) -> Float? {
      bias.map { Kernels.current.dot($0, direction, count: $0.count) }
    }
    let vector = readout.vector
    return Direction(
      vector: vector, heads: heads, valueBias: valueBiases(seenFrom: heads),
      attentionBias: layers.map { bias($0.o.bias, $0.beforeAttentionIsAdded(vector)) },
      neurons: neurons.enumerated().map { l, weights in
        (weights, bias(layers[l].mlp.down.bias, layers[l].beforeMLPIsAdded(vector)))
      }, finalNormBias: readout.finalNormBias, unembeddingBias: readout.unembeddingBias)
  }

  /// Σ c_t W_U[:, t], [d_model].
  private func weights(of target: LogitTarget) -> [Double] {
    var sum = [Double](repeating: 0, count: configuration.width)
    for (token, coefficient) in target.ordered {
      for (i, u) in unembedding.row(token).enumerated() {
        sum[i] += Double(coefficient) * Double(u)
      }
    }
    if target.isCentred {
      for (i, u) in meanUnembedding.enumerated() { sum[i] -= Double(target.sum) * Double(u) }
    }
    return sum
  }

  private func bias(of target: LogitTarget, _ bias: [Float]) -> Double {
    let sum = target.ordered.reduce(0) { $0 + Double($1.coefficient) * Double(bias[$1.token]) }
    guard target.isCentred else { return sum }
    return sum - Double(target.sum) * bias.reduce(0) { $0 + Double($1) } / Double(bias.count)
  }

  /// LayerNorm takes the mean off a vector; taking it off what the vector is multiplied by is the
  /// same.
  private func centred(_ direction: [Double]) -> [Double] {
    switch configuration.norm {
    case .rootMeanSquare: return direction
    case .layer:
      let mean = direction.reduce(0, +) / Double(direction.count)
      return direction.map { $0 - mean }
    }
  }

  /// The mean of the unembedding over the vocabulary, [d_model].
  private var meanUnembedding: [Float] {
    let share = 1 / Float(configuration.vocabulary)
    return unembedding.transposedProduct(
      [Float](repeating: share, count: configuration.vocabulary))
  }
}

extension Transformer.Layer {
  /// A direction of the stream, seen from what attention gives to the norm that stands before it,
  /// once that norm's scale is divided by.
  func beforeAttentionIsAdded(_ direction: [Float]) -> [Float] {
    ln1Post.map { zip(direction, $0.weight).map { $0 * $1 } } ?? direction
  }

  /// The same, seen from what the MLP gives.
  func beforeMLPIsAdded(_ direction: [Float]) -> [Float] {
    ln2Post.map { zip(direction, $0.weight).map { $0 * $1 } } ?? direction
  }
}
