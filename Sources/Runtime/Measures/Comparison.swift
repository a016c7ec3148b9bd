import Model

/// How far an edited run's next token is from the base's.
enum Comparison: Sendable, Equatable {
  /// KL(base ‖ edited)
  case divergence
  /// ½ KL(base ‖ m) + ½ KL(edited ‖ m), m the mean of both: at most ln 2.
  case jensenShannon
  /// ½ Σ |p − q|
  case totalVariation
  /// The share of the k likeliest tokens that both have.
  case overlap(Int)

  /// Of a distribution with itself.
  var ofEqual: Double {
    switch self {
    case .divergence, .jensenShannon, .totalVariation: 0
    case .overlap: 1
    }
  }
}

/// What runs are compared with: its probabilities and likeliest tokens are found once.
struct ComparedBase {
  let distribution: Distribution
  /// Empty where none is needed.
  private var probabilities: [Double] = []
  private var likeliest: [Int: Set<Int>] = [:]

  init(_ logits: [Float], for comparisons: [Comparison]) {
    distribution = Distribution(logits)
    guard distribution.isFinite else { return }
    for comparison in comparisons {
      switch comparison {
      case .divergence, .jensenShannon, .totalVariation:
        if probabilities.isEmpty { probabilities = distribution.probabilities }
      case .overlap(let k): likeliest[k] = Set(distribution.largest(k))
      }
    }
  }

  /// NaN where a logit of either is not finite.
  func compare(_ comparison: Comparison, with logits: [Float]) -> Double {
    guard distribution.isFinite, logits.isFinite else { return .nan }
    // Exact, whatever the rounding of a sum.
    if distribution.logits == logits { return comparison.ofEqual }
    switch comparison {
    case .divergence:
      return distribution.divergence(from: Distribution(logits), given: probabilities)
    case .jensenShannon:
      let other = Distribution(logits)
      var sum = 0.0
      for token in logits.indices {
        let (p, q) = (probabilities[token], other.probability(token))
        let mean = Numerics.log((p + q) / 2)
        // p log p is 0 for p = 0.
        if p > 0 { sum += p * (distribution.logProbability(token) - mean) }
        if q > 0 { sum += q * (other.logProbability(token) - mean) }
      }
      return sum / 2
    case .totalVariation:
      let others = Distribution(logits).probabilities
      return zip(probabilities, others).reduce(0.0) { $0 + abs($1.0 - $1.1) } / 2
    case .overlap(let k):
      let base = likeliest[k] ?? []
      let shared = Distribution(logits).largest(k).count(where: base.contains)
      return Double(shared) / Double(max(base.count, 1))
    }
  }
}
