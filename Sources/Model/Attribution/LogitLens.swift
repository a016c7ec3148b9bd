extension Transformer {
  /// Reads the logits that vectors of the stream would have if the model ended there: their own final
  /// norm, then the unembedding ("logit lens", nostalgebraist 2020). The vocabularies are not kept.
  ///
  /// - Parameters:
  ///   - stream: [n][d_model].
  ///   - queries: one for each vector; their positions do not matter.
  ///   - isRaw: the vector times W_U and nothing else: no norm, no bias and no soft cap, as Geva et al. 2023
  ///     project subjects.
  /// - Throws: `Interruption.Stopped`, and `ModelError` where weights cannot be read.
  public func lens(_ stream: [[Float]], reading queries: [LogitQuery], isRaw: Bool = false) throws
    -> [LogitSummary]
  {
    precondition(stream.count == queries.count)
    precondition(stream.allSatisfy { $0.count == configuration.width })
    let kernels = Kernels.current
    let (width, stride, vocabulary) = (
      configuration.width, unembedding.stride, configuration.vocabulary
    )
    let atOnce = max(1, min(stream.count, Executor.vocabularyRowsAtOnce))
    let x = FloatBuffer(atOnce * width)
    let out = FloatBuffer(atOnce * stride)
    let products = Products(pool: pool, mayStop: true)
    var summaries: [LogitSummary] = []
    for start in Swift.stride(from: 0, to: stream.count, by: atOnce) {
      let some = start..<min(stream.count, start + atOnce)
      for (i, row) in stream[some].enumerated() {
        if isRaw {
          row.withUnsafeBufferPointer { row in
            if let row = row.baseAddress { (x.pointer + i * width).update(from: row, count: width) }
          }
          continue
        }
        let scale = finalNorm.scale(of: row, width, configuration.epsilon, kernels)
        finalNorm.apply(to: row, scale: scale, width, kernels, into: x.pointer + i * width)
      }
      products.multiply(
        x.pointer, rows: some.count, stride: width,
        [ProductTarget(matrix: unembedding, out: out.pointer)])
      try Interruption.check()
      try checkWeights()
      summaries += pool.map(Array(queries[some])) { query, i, _ in
        let row = out.pointer + i * stride
        if isRaw { return LogitSummary(LogitRow(row, count: vocabulary), query) }
        if let unembeddingBias {
          kernels.add(unembeddingBias, to: row, count: unembeddingBias.count)
        }
        if let cap = configuration.logitCap {
          kernels.softCap(row, count: vocabulary, cap: cap)
        }
        return LogitSummary(LogitRow(row, count: vocabulary), query)
      }
    }
    return summaries
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
    logSum = logits.withLogitRow { $0.sums.logSum }
  }

  public func logProbability(_ token: Int) -> Double { Double(logits[token]) - logSum }
  public func probability(_ token: Int) -> Double { Numerics.exp(logProbability(token)) }

  /// A token's logit; NaN where it is infinite.
  public func logit(_ token: Int) -> Float { logits[token].isFinite ? logits[token] : .nan }

  /// From 1: one more than the tokens with a larger logit. Nil where a logit is not finite.
  public func rank(_ token: Int) -> Int? { Self.rank(token, among: logits) }

  /// The same without what only probabilities need.
  public static func rank(_ token: Int, among logits: [Float]) -> Int? {
    logits.withLogitRow { $0.rank(token) }
  }

  /// The places of the largest of some numbers, as for logits.
  public static func largest(_ count: Int, among numbers: [Float]) -> [Int] {
    numbers.withLogitRow { $0.largest(count) }
  }

  /// The tokens with the largest logits, largest first; of equal ones the smaller id first. Those whose
  /// logits are not finite come last.
  public func largest(_ count: Int) -> [Int] { logits.withLogitRow { $0.largest(count) } }

  /// KL(self ‖ other); NaN where a logit of either is not finite.
  public func divergence(from other: Distribution) -> Double {
    compared(.divergence, with: other)
  }
}

extension [Float] {
  /// Whether none is infinite or NaN.
  public var isFinite: Bool { withLogitRow(\.isFinite) }
}
