/// What one head's weights say of it, whatever it reads.
public struct HeadWeightScores: Sendable {
  /// Σ λ / Σ |λ| of the eigenvalues of W_E · OV · W_U: near 1 for a head that raises the tokens that it
  /// reads (Elhage et al. 2021).
  public var copying = Double.nan
  /// The same of OV itself: whether what it writes is like what it reads.
  public var ovPositivity = Double.nan
  /// Frobenius norms.
  public var ovNorm = Double.nan
  public var qkNorm = Double.nan
}

extension Transformer {
  /// Σ_t u_t e_tᵀ over the vocabulary, [d_model][stride]: u_t is what a vector of the stream is multiplied
  /// by for the logit of t, e_t the embedding. With it nothing is ever as large as a vocabulary squared.
  ///
  /// - Throws: `Interruption.Stopped`, and `ModelError` where weights cannot be read.
  public func vocabularyProduct() throws -> VocabularyProduct {
    let (d, rowsAtOnce) = (configuration.width, 96)
    let width = Kernels.panelWidth
    let stride = (d + width - 1) / width * width
    let product = FloatBuffer(d * stride, zeroed: true)
    let means = finalNorm.kind == .layer ? unembeddingMeans() : []
    let products = TransposedProducts(pool: pool)
    let x = FloatBuffer(rowsAtOnce * embedding.stride, zeroed: true)
    for first in Swift.stride(from: 0, to: d, by: rowsAtOnce) {
      let rows = first..<min(d, first + rowsAtOnce)
      forEachUnembeddingPanel { tokens, widened in
        for m in rows {
          let out = x.pointer + (m - first) * embedding.stride + tokens.lowerBound
          let gain = finalNorm.weight[m]
          for t in 0..<tokens.count {
            let mean = means.isEmpty ? 0 : means[tokens.lowerBound + t]
            out[t] = gain * widened[m * width + t] - mean
          }
        }
      }
      products.multiply(
        [TransposedFactor(matrix: embedding, x: x.pointer)], rows: rows.count,
        into: product.pointer + first * stride, stride: stride)
      try Interruption.check()
    }
    try checkWeights()
    return VocabularyProduct(numbers: product, stride: stride)
  }

  /// Of each token the mean over d_model of what the final norm's gain makes of its unembedding.
  private func unembeddingMeans() -> [Float] {
    let (d, width) = (configuration.width, Kernels.panelWidth)
    var means = [Float](repeating: 0, count: configuration.vocabulary)
    forEachUnembeddingPanel { tokens, widened in
      for t in 0..<tokens.count {
        var sum = 0.0
        for m in 0..<d { sum += Double(finalNorm.weight[m] * widened[m * width + t]) }
        means[tokens.lowerBound + t] = Float(sum / Double(d))
      }
    }
    return means
  }

  private func forEachUnembeddingPanel(
    _ body: (_ tokens: Range<Int>, _ widened: UnsafeMutablePointer<Float>) -> Void
  ) {
    let widened = FloatBuffer(configuration.width * Kernels.panelWidth)
    for index in 0..<unembedding.panelCount {
      if Interruption.requested.load(ordering: .relaxed) { return }
      Kernels.current.widen(unembedding.panel(index), into: widened.pointer)
      let first = index * Kernels.panelWidth
      let end = min(configuration.vocabulary, first + Kernels.panelWidth)
      body(first..<end, widened.pointer)
    }
  }

  /// The scores of all heads of a layer.
  ///
  /// - Throws: `Interruption.Stopped`, and `ModelError` where weights cannot be read.
  public func headScores(layer number: Int, _ vocabulary: VocabularyProduct) throws
    -> [HeadWeightScores]
  {
    let c = configuration
    let weights = try headWeights(layer: number, heads: Array(0..<c.heads))
    let inside = try vocabularyInside(layer: number, vocabulary)
    let scores = Slots<HeadWeightScores>(repeating: HeadWeightScores(), count: c.heads)
    pool.run(c.heads) { head, _ in
      let own = weights[head]
      // Where the work is to end, nobody looks at the result.
      guard let copying = try? Eigenvalues(inside[head]).positivity,
        let positivity = try? Eigenvalues(own.ovInside).positivity,
        let ovNorm = try? HeadWeights.norm(own.output, own.value),
        let qkNorm = try? HeadWeights.norm(own.query, own.key)
      else { return }
      scores[head] = HeadWeightScores(
        copying: copying, ovPositivity: positivity, ovNorm: ovNorm, qkNorm: qkNorm)
    }
    try Interruption.check()
    return scores.values
  }

  /// Of each head W_V (Σ e uᵀ) W_O, [d_head][d_head], which has the eigenvalues of W_E · OV · W_U that are
  /// not 0.
  public func vocabularyInside(layer number: Int, _ vocabulary: VocabularyProduct) throws
    -> [Matrix]
  {
    let (layer, c) = (layers[number], configuration)
    let (d, width) = (c.width, c.headWidth)
    let seen = FloatBuffer(d * d)
    for m in 0..<d {
      let row = vocabulary.numbers.pointer + m * vocabulary.stride
      var mean = 0.0
      if layer.ln1.kind == .layer { for i in 0..<d { mean += Double(row[i]) / Double(d) } }
      for i in 0..<d { seen.pointer[m * d + i] = (row[i] - Float(mean)) * layer.ln1.weight[i] }
    }
    let values = FloatBuffer(d * layer.v.stride)
    Products(pool: pool, mayStop: true).multiply(
      seen.pointer, rows: d, stride: d, [ProductTarget(matrix: layer.v.matrix, out: values.pointer)]
    )
    let (keyWidth, stride) = (c.keyValueHeads * width, layer.o.matrix.stride)
    let turned = FloatBuffer(keyWidth * stride, zeroed: true)
    for m in 0..<d {
      let gain = layer.ln1Post?.weight[m] ?? 1
      for j in 0..<keyWidth {
        turned.pointer[j * stride + m] = values.pointer[m * layer.v.stride + j] * gain
      }
    }
    let outStride = layer.q.stride
    let out = FloatBuffer(keyWidth * outStride)
    TransposedProducts(pool: pool).multiply(
      [TransposedFactor(matrix: layer.o.matrix, x: turned.pointer)], rows: keyWidth,
      into: out.pointer, stride: outStride)
    try Interruption.check()
    try checkWeights()
    return (0..<c.heads).map { head in
      let shared = c.keyValueHead(of: head)
      var inside = Matrix(rows: width, columns: width)
      for j in 0..<width {
        for i in 0..<width {
          inside.elements[j * width + i] = Double(
            out.pointer[(shared * width + j) * outStride + head * width + i])
        }
      }
      return inside
    }
  }
}

/// What `Transformer.vocabularyProduct` makes.
public struct VocabularyProduct: @unchecked Sendable {
  let numbers: FloatBuffer
  let stride: Int
}
