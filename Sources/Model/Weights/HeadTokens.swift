// What heads make of tokens, by their weights alone.
extension Transformer {
  /// ⟨e_t, v⟩ for every token's embedding.
  ///
  /// - Parameter vectors: [n][d_model].
  /// - Returns: [n][vocabulary].
  /// - Throws: `Interruption.Stopped`, and `ModelError` where weights cannot be read.
  public func embedded(_ vectors: [[Float]]) throws -> [[Float]] {
    let (width, stride) = (configuration.width, embedding.stride)
    let x = FloatBuffer(vectors.count * width)
    for (n, vector) in vectors.enumerated() {
      for i in 0..<width { x.pointer[n * width + i] = vector[i] }
    }
    let out = FloatBuffer(vectors.count * stride)
    Products(pool: pool, mayStop: true).multiply(
      x.pointer, rows: vectors.count, stride: width,
      [ProductTarget(matrix: embedding, out: out.pointer)])
    try Interruption.check()
    try checkWeights()
    return vectors.indices.map {
      Array(
        UnsafeBufferPointer(start: out.pointer + $0 * stride, count: configuration.vocabulary))
    }
  }

  /// What a head that reads a token adds to every logit but for the final norm's scale, [tokens][vocabulary]:
  /// the embedding through the norm before attention, at its own scale, W_V, W_O, and the unembedding.
  ///
  /// - Throws: `Interruption.Stopped`, and `ModelError` where weights cannot be read.
  public func readLogits(of head: HeadWeights, layer: Int, tokens: [Int]) throws -> [[Float]] {
    for token in tokens { try configuration.check(token: token) }
    let written = tokens.map { token in
      let row = embeddingRow(token)
      let scale = layers[layer].ln1.scale(
        of: row, configuration.width, configuration.epsilon, Kernels.current)
      let z = head.value.times(row.map(Double.init))
      return head.output.transposedTimes(z).map { Float($0 / Double(scale)) }
    }
    try checkWeights()
    var logits: [[Float]] = []
    for start in stride(from: 0, to: written.count, by: Executor.vocabularyRowsAtOnce) {
      let some = written[start..<min(written.count, start + Executor.vocabularyRowsAtOnce)]
      logits += try unembedded(Array(some))
    }
    return logits
  }

  /// What a head that reads a token adds to that token's own logit, for every token, as `readLogits` has it.
  ///
  /// - Throws: `Interruption.Stopped`, and `ModelError` where weights cannot be read.
  public func ownLogits(of head: HeadWeights, layer: Int) throws -> [Float] {
    func rows(_ matrix: Matrix) -> [[Float]] {
      (0..<matrix.rows).map { matrix[row: $0].map { Float($0) } }
    }
    // [d_head][vocabulary] each: their sum of products over d_head is the diagonal.
    let (read, written) = (try embedded(rows(head.value)), try unembedded(rows(head.output)))
    let scales = try embeddingNorms(layers[layer].ln1)
    return try (0..<configuration.vocabulary).map { token in
      if token & 0xFFF == 0 { try Interruption.check() }
      var sum: Float = 0
      for i in read.indices { sum += read[i][token] * written[i][token] }
      return sum * (configuration.embeddingScale ?? 1) / scales[token]
    }
  }

  /// What a norm divides each token's embedding by.
  private func embeddingNorms(_ norm: Norm) throws -> [Float] {
    let (c, kernels) = (configuration, Kernels.current)
    let (d, width, factor) = (c.width, Kernels.panelWidth, c.embeddingScale ?? 1)
    let widened = FloatBuffer(d * width)
    let row = FloatBuffer(d)
    var norms: [Float] = []
    for index in 0..<embedding.panelCount {
      try Interruption.check()
      kernels.widen(embedding.panel(index), into: widened.pointer)
      for t in 0..<min(width, c.vocabulary - index * width) {
        for i in 0..<d { row.pointer[i] = widened.pointer[i * width + t] * factor }
        norms.append(norm.scale(of: row.pointer, d, c.epsilon, kernels))
      }
    }
    try checkWeights()
    return norms
  }

  /// A token's embedding as the stream begins with it.
  private func embeddingRow(_ token: Int) -> [Float] {
    let factor = configuration.embeddingScale ?? 1
    return embedding.row(token).map { $0 * factor }
  }
}
