extension Transformer {
  /// What vectors of the stream add to each token's logit, but for the final norm's scale, which divides all
  /// of it: ⟨v, γ ⊙ W_U[:, t]⟩, the vector less its mean before a LayerNorm. Biases are no part of it.
  ///
  /// - Parameter vectors: [n][d_model].
  /// - Returns: [n][vocabulary].
  /// - Throws: `Interruption.Stopped`, and `ModelError` where weights cannot be read.
  public func unembedded(_ vectors: [[Float]]) throws -> [[Float]] {
    let (width, stride) = (configuration.width, unembedding.stride)
    let x = FloatBuffer(vectors.count * width)
    for (n, vector) in vectors.enumerated() {
      precondition(vector.count == width)
      let seen = normDirection(vector)
      for i in 0..<width { x.pointer[n * width + i] = seen[i] }
    }
    let out = FloatBuffer(vectors.count * stride)
    Products(pool: pool, mayStop: true).multiply(
      x.pointer, rows: vectors.count, stride: width,
      [ProductTarget(matrix: unembedding, out: out.pointer)])
    try Interruption.check()
    try checkWeights()
    return vectors.indices.map {
      Array(
        UnsafeBufferPointer(start: out.pointer + $0 * stride, count: configuration.vocabulary))
    }
  }

  /// A vector of the stream as what reads the final norm sees it, its scale aside.
  func normDirection(_ vector: [Float]) -> [Float] {
    var mean = 0.0
    if finalNorm.kind == .layer {
      mean = vector.reduce(0) { $0 + Double($1) } / Double(vector.count)
    }
    return zip(vector, finalNorm.weight).map { Float((Double($0) - mean) * Double($1)) }
  }
}
