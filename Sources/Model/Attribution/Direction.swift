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
  /// γ_f ⊙ Σ c_t W_U[:, t], [d_model].
  let vector: [Float]
  /// W_O^h applied backwards to `vector`, for each layer [heads · d_head]: what a z is multiplied
  /// by.
  let heads: [[Float]]
}

extension Transformer {
  /// The direction of a target. One pass over all W_O: keep it for every run that shares it.
  public func direction(of target: LogitTarget) throws -> Direction {
    var sum = [Double](repeating: 0, count: configuration.width)
    for (token, coefficient) in target.ordered {
      for (i, u) in unembeddingDirection(of: token).enumerated() {
        sum[i] += Double(coefficient) * Double(u)
      }
    }
    if target.isCentred {
      for (i, u) in meanUnembedding.enumerated() {
        sum[i] -= Double(target.sum) * Double(u) * Double(finalNorm[i])
      }
    }
    let vector = sum.map { Float($0) }
    let heads = Slots<[Float]>(count: layers.count)
    pool.run(layers.count) { l, _ in heads[l] = layers[l].o.transposedProduct(vector) }
    try checkWeights()
    return Direction(vector: vector, heads: heads.values)
  }

  /// The mean of the unembedding over the vocabulary, [d_model].
  private var meanUnembedding: [Float] {
    let share = 1 / Float(configuration.vocabulary)
    return unembedding.transposedProduct(
      [Float](repeating: share, count: configuration.vocabulary))
  }
}

/// Places that threads fill, each its own.
private final class Slots<T: Sendable>: @unchecked Sendable {
  private let storage: UnsafeMutablePointer<T?>
  private let count: Int

  init(count: Int) {
    self.count = count
    storage = .allocate(capacity: count)
    storage.initialize(repeating: nil, count: count)
  }

  deinit {
    storage.deinitialize(count: count)
    storage.deallocate()
  }

  subscript(i: Int) -> T? {
    get { storage[i] }
    set { storage[i] = newValue }
  }

  var values: [T] { (0..<count).compactMap { storage[$0] } }
}
