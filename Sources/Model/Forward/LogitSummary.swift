import CSIMD

/// What is to be read of the logits of one position, over the whole vocabulary.
public struct LogitQuery: Sendable, Equatable {
  public var position: Int
  /// Tokens whose logits and ranks are asked for.
  public var tokens: [Int]
  /// Whether their ranks are wanted: of many tokens they take longer than all else.
  public var ranksTokens: Bool
  /// How many of the largest logits.
  public var top: Int
  /// How the logits are compared with those of the run that this one varies, at the same position.
  public var comparisons: [LogitComparison]
  /// Whether the mean of all logits is wanted.
  public var takesMean: Bool

  public init(
    position: Int, tokens: [Int] = [], ranksTokens: Bool = true, top: Int = 0,
    comparisons: [LogitComparison] = [], takesMean: Bool = false
  ) {
    self.position = position
    self.tokens = tokens
    self.ranksTokens = ranksTokens
    self.top = top
    self.comparisons = comparisons
    self.takesMean = takesMean
  }

  /// What its summary takes, in the size of a float.
  var summaryFloats: Int {
    LogitSummary.floats(tokens: tokens.count, top: top, comparisons: comparisons.count)
  }
}

/// What was read of the logits of one position. The vocabulary itself is not kept.
public struct LogitSummary: Sendable {
  /// log Σ e^logit; NaN where one of the logits is not finite.
  public var logSum: Double
  /// −Σ p log p, in nats; NaN where one of the logits is not finite.
  public var entropy: Double
  /// The tokens asked for, in their order.
  public var tokens: [Token]
  /// The tokens with the largest logits, largest first; of equal ones the smaller id first. Those whose
  /// logits are not finite come last.
  public var top: [Token]
  /// How far it is from the run that it varies, by each comparison asked for; of a run that varies none,
  /// from itself. NaN where a logit of either is not finite.
  public var comparisons: [Double]
  /// The mean of all logits, where it was asked for.
  public var mean: Double?

  public struct Token: Sendable {
    public var id: Int
    public var logit: Float
    /// From 1: one more than the tokens with a larger logit. Nil where one of the logits is not finite, or
    /// ranks were not wanted.
    public var rank: Int?

    /// The logit; NaN where it is infinite.
    public var finiteLogit: Float { logit.isFinite ? logit : .nan }
  }

  public var isFinite: Bool { !logSum.isNaN }

  public func logProbability(ofLogit logit: Float) -> Double { Double(logit) - logSum }
  public func probability(ofLogit logit: Float) -> Double {
    Numerics.exp(logProbability(ofLogit: logit))
  }

  /// Of a row that is kept.
  public init(_ logits: [Float], _ query: LogitQuery) {
    self = logits.withLogitRow { LogitSummary($0, query) }
  }

  /// - Parameter base: what the row is compared with; nil: itself.
  init(_ row: LogitRow, _ query: LogitQuery, base: ComparedRow? = nil) {
    (logSum, entropy) = row.sums
    tokens = query.tokens.map {
      Token(id: $0, logit: row[$0], rank: query.ranksTokens ? row.rank($0) : nil)
    }
    top = query.top == 0 ? [] : row.largest(query.top).map { Token(id: $0, logit: row[$0]) }
    let logSum = logSum
    comparisons = query.comparisons.map { comparison in
      if let base { return base.compare(comparison, with: row, logSum: logSum) }
      return row.isFinite ? comparison.ofEqual : .nan
    }
    mean = query.takesMean ? row.mean : nil
    guard row.isFinite else { return }
    var rank = 0
    for i in top.indices {
      if i == 0 || top[i].logit != top[i - 1].logit { rank = i + 1 }
      top[i].rank = rank
    }
  }

  /// Of the shape that a run would give, all zeros.
  init(blankFor query: LogitQuery, _ vocabulary: Int) {
    (logSum, entropy) = (0, 0)
    tokens = query.tokens.map { Token(id: $0, logit: 0, rank: 1) }
    top = (0..<min(query.top, vocabulary)).map { Token(id: $0, logit: 0, rank: 1) }
    comparisons = query.comparisons.map { _ in 0 }
    mean = query.takesMean ? 0 : nil
  }

  var floats: Int {
    Self.floats(tokens: tokens.count, top: top.count, comparisons: comparisons.count)
  }

  static func floats(tokens: Int, top: Int, comparisons: Int) -> Int {
    // Two sums, a mean and three arrays; a token's id, logit and rank with its mark.
    let perToken = MemoryLayout<Token>.stride / MemoryLayout<Float>.size
    let (floats, isMany) = (tokens + top).multipliedReportingOverflow(by: perToken)
    return isMany ? .max / 8 : 22 + 2 * comparisons + floats
  }
}

/// A row of logits, looked at where it stands.
struct LogitRow {
  let logits: UnsafePointer<Float>
  let count: Int
  let kernels: any InstructionSet.Type
  private let extremes: SummandExtremes

  var isFinite: Bool { extremes.zero == 0 }

  init(
    _ logits: UnsafePointer<Float>, count: Int,
    kernels: any InstructionSet.Type = Kernels.current
  ) {
    self.logits = logits
    self.count = count
    self.kernels = kernels
    extremes = kernels.extremes(logits, count: count)
  }

  subscript(token: Int) -> Float { logits[token] }

  /// log Σ e^logit, and the entropy: with t = logit − the largest, log Σ e^t − Σ t e^t / Σ e^t. NaN
  /// where a logit is not finite.
  var sums: (logSum: Double, entropy: Double) {
    guard isFinite, count > 0 else { return (.nan, .nan) }
    let largest = extremes.largest
    let (sum, weighted) = kernels.exponentialSums(logits, count: count, shift: largest)
    let log = Numerics.log(sum)
    return (Double(largest) + log, log - weighted / sum)
  }

  /// Of all logits, summed in their order.
  var mean: Double {
    var sum = 0.0
    for token in 0..<count { sum += Double(logits[token]) }
    return sum / Double(count)
  }

  func rank(_ token: Int) -> Int? {
    isFinite ? 1 + kernels.countAbove(logits[token], logits, count: count) : nil
  }

  // MARK: The largest

  /// The tokens with the `wanted` largest logits, largest first; of equal ones the smaller id first.
  /// Those whose logits are not finite come last.
  func largest(_ wanted: Int) -> [Int] {
    let wanted = min(max(wanted, 0), count)
    guard wanted > 0 else { return [] }
    var keys = candidates(wanted).map { key(of: Int($0)) }
    keys.sort(by: >)
    return keys.prefix(wanted).map { Int(UInt32.max - UInt32(truncatingIfNeeded: $0)) }
  }

  /// A larger logit has a larger key, and of equal ones a smaller id.
  private func key(of token: Int) -> UInt64 {
    let logit = logits[token].isFinite ? logits[token] : -.infinity
    // Plus 0: −0 is no smaller than 0.
    let bits = (logit + 0).bitPattern
    let ordered = bits >> 31 == 0 ? bits | 1 << 31 : ~bits
    return UInt64(ordered) << 32 | UInt64(UInt32.max - UInt32(token))
  }

  /// A few tokens, in any order, that the largest are among. To sort a vocabulary for the few that are
  /// looked at takes longer than to compute it.
  private func candidates(_ wanted: Int) -> [Int32] {
    let range = extremes.largest - extremes.smallest
    guard wanted < count / 16, isFinite, range > 0, range.isFinite else {
      return (0..<Int32(count)).map(\.self)
    }
    let bins = SummandBins(
      low: extremes.smallest, scale: Float(Self.bins) / range, count: Self.bins)
    guard bins.scale.isFinite else { return (0..<Int32(count)).map(\.self) }
    let counts = [Int32](unsafeUninitializedCapacity: Self.bins) { counts, initialized in
      if let base = counts.baseAddress {
        kernels.countInBins(logits, count: count, bins, into: base)
      }
      initialized = Self.bins
    }
    var bin = Self.bins - 1
    var found = Int(counts[bin])
    while found < wanted, bin > 0 {
      bin -= 1
      found += Int(counts[bin])
    }
    return [Int32](unsafeUninitializedCapacity: found) { out, initialized in
      if let base = out.baseAddress {
        initialized = kernels.indices(inAndAbove: bin, of: logits, count: count, bins, into: base)
      }
    }
  }

  /// Enough that the bin at the border adds few to those that are wanted.
  private static let bins = 1024
}

extension [Float] {
  /// Looks at the numbers as a row of logits.
  func withLogitRow<Found>(_ body: (LogitRow) throws -> Found) rethrows -> Found {
    try withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress, !buffer.isEmpty else {
        return try withUnsafePointer(to: Float.nan) { try body(LogitRow($0, count: 0)) }
      }
      return try body(LogitRow(base, count: buffer.count))
    }
  }
}
