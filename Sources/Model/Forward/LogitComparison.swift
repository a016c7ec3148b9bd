/// How far one prediction of the next token is from another.
public enum LogitComparison: Sendable, Hashable {
  /// KL(base ‖ other)
  case divergence
  /// ½ KL(base ‖ m) + ½ KL(other ‖ m), m the mean of both: at most ln 2.
  case jensenShannon
  /// ½ Σ |p − q|
  case totalVariation
  /// The share of the k likeliest tokens that both have.
  case overlap(Int)

  /// Of a prediction with itself.
  public var ofEqual: Double {
    switch self {
    case .divergence, .jensenShannon, .totalVariation: 0
    case .overlap: 1
    }
  }
}

/// A row of logits that others are compared with. What is needed of it alone is found once.
struct ComparedRow {
  private let row: LogitRow
  private let logSum: Double
  private var likeliest: [Int: Set<Int>] = [:]

  init(_ row: LogitRow, for comparisons: some Sequence<LogitComparison>) {
    self.row = row
    logSum = row.sums.logSum
    for case .overlap(let k) in comparisons { likeliest[k] = Set(row.largest(k)) }
  }

  /// NaN where a logit of either is not finite.
  func compare(_ comparison: LogitComparison, with other: LogitRow, logSum: Double) -> Double {
    guard row.isFinite, other.isFinite else { return .nan }
    // Exact, whatever the rounding of a sum.
    if row.hasSameBits(as: other) { return comparison.ofEqual }
    let logSums = (self.logSum, logSum)
    let (p, q, count, kernels) = (row.logits, other.logits, row.count, row.kernels)
    switch comparison {
    case .divergence: return kernels.divergence(p, q, count: count, logSums: logSums)
    case .jensenShannon: return kernels.jensenShannon(p, q, count: count, logSums: logSums)
    case .totalVariation: return kernels.totalVariation(p, q, count: count, logSums: logSums)
    case .overlap(let k):
      let base = likeliest[k] ?? []
      return Double(other.largest(k).count(where: base.contains)) / Double(max(base.count, 1))
    }
  }
}

extension LogitRow {
  fileprivate func hasSameBits(as other: LogitRow) -> Bool {
    logits == other.logits
      || count == other.count && memcmp(logits, other.logits, count * MemoryLayout<Float>.size) == 0
  }
}

extension Distribution {
  /// How far another prediction is from this one; NaN where a logit of either is not finite.
  public func compared(_ comparison: LogitComparison, with other: Distribution) -> Double {
    logits.withLogitRow { row in
      other.logits.withLogitRow {
        ComparedRow(row, for: [comparison]).compare(comparison, with: $0, logSum: other.logSum)
      }
    }
  }
}
