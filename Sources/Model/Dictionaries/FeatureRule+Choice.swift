// What becomes of a row of pre-activations.

extension FeatureRule {
  /// A row in place, from pre-activations to activations.
  func apply(to p: UnsafeMutablePointer<Float>, _ count: Int) {
    switch self {
    case .rectified: for j in 0..<count where !(p[j] > 0) { p[j] = p[j].isNaN ? .nan : 0 }
    case .jump(let thresholds): for j in 0..<count { p[j] = Self.jumped(p[j], thresholds[j]) }
    case .gated(let gate): for j in 0..<count { p[j] = gate.opened(p[j], j) }
    case .top(let k): Self.keepLargest(k, of: p, count)
    case .groups(let k):
      let size = count / k
      for group in 0..<k { Self.keepLargest(1, of: p + group * size, size) }
    }
  }

  /// One feature's; not of a rule that is joint.
  func activation(_ p: Float, of feature: Int) -> Float {
    switch self {
    case .rectified, .top, .groups: p > 0 ? p : p.isNaN ? .nan : 0
    case .jump(let thresholds): Self.jumped(p, thresholds[feature])
    case .gated(let gate): gate.opened(p, feature)
    }
  }

  private static func jumped(_ p: Float, _ threshold: Float) -> Float {
    p > 0 && p > threshold ? p : p.isNaN ? .nan : 0
  }

  /// All but the largest become 0, and so do those that are not above 0.
  private static func keepLargest(_ k: Int, of p: UnsafeMutablePointer<Float>, _ count: Int) {
    var positive: [(value: Float, index: Int)] = []
    for j in 0..<count {
      if p[j] > 0 {
        positive.append((p[j], j))
      } else if !p[j].isNaN {
        p[j] = 0
      }
    }
    guard positive.count > k else { return }
    positive.sort { $0.value != $1.value ? $0.value > $1.value : $0.index < $1.index }
    for (_, index) in positive[k...] { p[index] = 0 }
  }
}

extension FeatureRule.Gate {
  func opened(_ p: Float, _ feature: Int) -> Float {
    if p.isNaN { return .nan }
    guard p + bias[feature] > 0 else { return 0 }
    return max(0, p * scales[feature] + magnitudeBias[feature])
  }
}
