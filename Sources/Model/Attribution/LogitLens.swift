extension Transformer {
  /// The logits that a vector of the stream would have if the model ended there: its own final
  /// norm, then the unembedding ("logit lens", nostalgebraist 2020).
  ///
  /// - Parameter stream: [n][d_model].
  /// - Returns: [n][vocabulary].
  public func lens(_ stream: [[Float]]) throws -> [[Float]] {
    let kernels = Kernels.current
    let width = configuration.width
    let x = FloatBuffer(stream.count * width)
    for (i, row) in stream.enumerated() {
      let scale = finalNorm.scale(of: row, width, configuration.epsilon, kernels)
      finalNorm.apply(to: row, scale: scale, width, kernels, into: x.pointer + i * width)
    }
    let stride = unembedding.stride
    let out = FloatBuffer(stream.count * stride)
    Products(pool: pool).multiply(
      x.pointer, rows: stream.count, stride: width,
      [ProductTarget(matrix: unembedding, out: out.pointer)])
    try checkWeights()
    return stream.indices.map {
      let row = out.pointer + $0 * stride
      if let unembeddingBias { kernels.add(unembeddingBias, to: row, count: unembeddingBias.count) }
      if let cap = configuration.logitCap {
        kernels.softCap(row, count: configuration.vocabulary, cap: cap)
      }
      return Array(UnsafeBufferPointer(start: row, count: configuration.vocabulary))
    }
  }
}

/// log Σ e^logit and what follows from it, in double precision. Where one of the logits is infinite or
/// NaN there are no probabilities and no ranks.
public struct Distribution: Sendable {
  public let logits: [Float]
  /// log Σ e^logit; NaN where a logit is not finite.
  public let logSum: Double

  public var isFinite: Bool { !logSum.isNaN }

  public init(_ logits: [Float]) {
    self.logits = logits
    guard logits.isFinite else {
      logSum = .nan
      return
    }
    let largest = Double(logits.max() ?? 0)
    var sum = 0.0
    for logit in logits { sum += Numerics.exp(Double(logit) - largest) }
    logSum = largest + Numerics.log(sum)
  }

  public func logProbability(_ token: Int) -> Double { Double(logits[token]) - logSum }
  public func probability(_ token: Int) -> Double { Numerics.exp(logProbability(token)) }

  /// A token's logit; NaN where it is infinite.
  public func logit(_ token: Int) -> Float { logits[token].isFinite ? logits[token] : .nan }

  /// From 1: one more than the tokens with a larger logit. Nil where a logit is not finite.
  public func rank(_ token: Int) -> Int? {
    isFinite ? Self.rank(token, amongFinite: logits) : nil
  }

  /// The same without what only probabilities need.
  public static func rank(_ token: Int, among logits: [Float]) -> Int? {
    logits.isFinite ? rank(token, amongFinite: logits) : nil
  }

  private static func rank(_ token: Int, amongFinite logits: [Float]) -> Int {
    1 + logits.count { $0 > logits[token] }
  }

  /// KL(self ‖ other) = Σ p (log p − log q); NaN where a logit of either is not finite.
  public func divergence(from other: Distribution) -> Double {
    guard isFinite, other.isFinite else { return .nan }
    var sum = 0.0
    for token in logits.indices {
      let log = logProbability(token)
      let p = Numerics.exp(log)
      if p > 0 { sum += p * (log - other.logProbability(token)) }
    }
    return sum
  }
}

extension [Float] {
  /// Whether none is infinite or NaN: such a number makes NaN of its product with 0, and of the sum.
  public var isFinite: Bool {
    withUnsafeBufferPointer { values in
      var sum: Float = 0
      for value in values { sum += value * 0 }
      return sum == 0
    }
  }
}
