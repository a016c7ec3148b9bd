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
  /// The scores of all heads of some layers, [layers][heads].
  ///
  /// - Throws: `Interruption.Stopped`, and `ModelError` where weights cannot be read.
  public func headScores(layers numbers: [Int], _ vocabulary: VocabularyProduct) throws
    -> [[HeadWeightScores]]
  {
    // Matrices of several layers, so that there are eight for a thread; of a large model not many.
    let atOnce = max(1, 64 / configuration.heads)
    return try stride(from: 0, to: numbers.count, by: atOnce).flatMap { first in
      let some = numbers[first..<min(numbers.count, first + atOnce)]
      var (own, through): ([Matrix], [Matrix]) = ([], [])
      var scores: [[HeadWeightScores]] = []
      for number in some {
        through += try vocabularyInside(layer: number, vocabulary)
        let (layer, insides) = try normScores(layer: number)
        own += insides
        scores.append(layer)
      }
      let found = try Eigenvalues.of(through + own, on: pool).map(\.positivity)
      for (i, heads) in scores.enumerated() {
        for head in heads.indices {
          let place = i * configuration.heads + head
          scores[i][head].copying = found[place]
          scores[i][head].ovPositivity = found[through.count + place]
        }
      }
      return scores
    }
  }

  /// The norms of a layer's heads, and of each W_V W_O, which has the eigenvalues of its OV.
  private func normScores(layer number: Int) throws -> ([HeadWeightScores], insides: [Matrix]) {
    let (c, weights) = (configuration, try allHeadWeights(layer: number))
    func rows(_ head: Int) -> Range<Int> { head * c.headWidth..<(head + 1) * c.headWidth }
    let none = Matrix(rows: 0, columns: 0)
    // Where the work is to end, nobody looks at the results.
    let read = Slots<Matrix>(repeating: none, count: 2 * c.keyValueHeads)
    pool.run(2 * c.keyValueHeads) { item, _ in
      let matrix = item % 2 == 0 ? weights.key : weights.value
      read[item] = (try? matrix.gram(of: rows(item / 2))) ?? none
    }
    let norms = Slots<Double>(repeating: .nan, count: 2 * c.heads)
    let insides = Slots<Matrix>(repeating: none, count: c.heads)
    pool.run(2 * c.heads) { item, _ in
      let (head, isOV) = (item / 2, item % 2 == 1)
      let shared = c.keyValueHead(of: head)
      guard let gram = try? (isOV ? weights.output : weights.query).gram(of: rows(head)) else {
        return
      }
      norms[item] = HeadWeights.norm(grams: gram, read[2 * shared + item % 2])
      if isOV {
        insides[head] = weights.value.products(of: rows(shared), with: weights.output, rows(head))
      }
    }
    try Interruption.check()
    let scores = (0..<c.heads).map {
      HeadWeightScores(ovNorm: norms[2 * $0 + 1], qkNorm: norms[2 * $0])
    }
    return (scores, insides.values)
  }

  /// Of each head W_V (Σ e uᵀ) W_O, [d_head][d_head], which has the eigenvalues of W_E · OV · W_U that are
  /// not 0.
  public func vocabularyInside(layer number: Int, _ vocabulary: VocabularyProduct) throws
    -> [Matrix]
  {
    let (layer, c) = (layers[number], configuration)
    let (d, width) = (c.width, c.headWidth)
    let seen = FloatBuffer(d * d)
    pool.run(d) { m, _ in
      let (row, out) = (vocabulary.numbers.pointer + m * vocabulary.stride, seen.pointer + m * d)
      var mean = 0.0
      if layer.ln1.kind == .layer { for i in 0..<d { mean += Double(row[i]) / Double(d) } }
      layer.ln1.weight.withUnsafeBufferPointer { gains in
        for i in 0..<d { out[i] = (row[i] - Float(mean)) * gains[i] }
      }
    }
    let values = FloatBuffer(d * layer.v.stride)
    Products(pool: pool, mayStop: true).multiply(
      seen.pointer, rows: d, stride: d, [ProductTarget(matrix: layer.v.matrix, out: values.pointer)]
    )
    let (keyWidth, stride) = (c.keyValueHeads * width, layer.o.matrix.stride)
    let turned = FloatBuffer(keyWidth * stride, zeroed: true)
    pool.run(keyWidth) { j, _ in
      let out = turned.pointer + j * stride
      for m in 0..<d { out[m] = values.pointer[m * layer.v.stride + j] }
      guard let gains = layer.ln1Post?.weight else { return }
      for m in 0..<d { out[m] *= gains[m] }
    }
    let outStride = layer.q.stride
    let out = FloatBuffer(keyWidth * outStride)
    TransposedProducts(pool: pool).multiply(
      [TransposedFactor(matrix: layer.o.matrix, x: turned.pointer)], rows: keyWidth,
      into: out.pointer, stride: outStride)
    try Interruption.check()
    try checkWeights()
    let insides = Slots<Matrix>(repeating: Matrix(rows: 0, columns: 0), count: c.heads)
    pool.run(c.heads) { head, _ in
      let first = out.pointer + c.keyValueHead(of: head) * width * outStride + head * width
      let elements = [Double](unsafeUninitializedCapacity: width * width) { inside, count in
        for j in 0..<width {
          for i in 0..<width { inside[j * width + i] = Double(first[j * outStride + i]) }
        }
        count = width * width
      }
      insides[head] = Matrix(rows: width, columns: width, elements: elements)
    }
    return insides.values
  }

  /// The eigenvalues of matrices of one size.
  ///
  /// - Throws: `Interruption.Stopped`.
  public func eigenvalues(of matrices: [Matrix]) throws -> [Eigenvalues] {
    try Eigenvalues.of(matrices, on: pool)
  }
}
