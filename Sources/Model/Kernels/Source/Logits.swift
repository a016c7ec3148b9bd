import CSIMD

// What is read of a row of logits while it is at hand. Sums run in 16 lanes and one fixed fold, in
// double precision. No fused multiply-adds: see `Scripts/check-kernels`.

/// e^x within 2 ulp, for x from −708 to 0. x = n ln 2 + r, |r| ≤ ln 2 / 2; e^r by its series, to the
/// 12th power.
@inline(__always)
private func exponential(_ x: SIMD8<Double>) -> SIMD8<Double> {
  let n = summand_round_f64(x * SIMD8(repeating: 1.442_695_040_888_963_4))
  let high = x - n * SIMD8(repeating: 0.693_147_180_485_539_1)
  let r = high - n * SIMD8(repeating: 7.440_617_110_012_397e-11)
  var p = SIMD8<Double>(repeating: 1 / 479_001_600)
  p = p * r + SIMD8(repeating: 1 / 39_916_800)
  p = p * r + SIMD8(repeating: 1 / 3_628_800)
  p = p * r + SIMD8(repeating: 1 / 362_880)
  p = p * r + SIMD8(repeating: 1 / 40_320)
  p = p * r + SIMD8(repeating: 1 / 5_040)
  p = p * r + SIMD8(repeating: 1 / 720)
  p = p * r + SIMD8(repeating: 1 / 120)
  p = p * r + SIMD8(repeating: 1 / 24)
  p = p * r + SIMD8(repeating: 1 / 6)
  p = p * r + SIMD8(repeating: 0.5)
  p = p * r + SIMD8(repeating: 1)
  p = p * r + SIMD8(repeating: 1)
  return p * summand_power_of_two_f64(n)
}

/// Adds e^x and x e^x for eight x ≤ 0; both are 0 below −708.
@inline(__always)
private func accumulate(
  _ x: SIMD8<Double>, to sum: inout SIMD8<Double>, _ weighted: inout SIMD8<Double>
) {
  let isTiny = x .< SIMD8(repeating: -708)
  let bounded = x.replacing(with: SIMD8(repeating: -708), where: isTiny)
  let e = exponential(bounded).replacing(with: SIMD8(repeating: 0), where: isTiny)
  sum += e
  weighted += e * bounded
}

/// e^x for eight x ≤ 0; less than 10^−307 below −708.
@inline(__always)
private func probability(_ x: SIMD8<Double>) -> SIMD8<Double> {
  exponential(summand_maximum_f64(x, SIMD8(repeating: -708)))
}

/// What a token adds to a comparison of two rows, by its log-probabilities in them.
private protocol Term {
  static func of(_ p: SIMD8<Double>, _ q: SIMD8<Double>) -> SIMD8<Double>
}

/// p (log p − log q)
private enum Divergence: Term {
  @inline(__always)
  static func of(_ p: SIMD8<Double>, _ q: SIMD8<Double>) -> SIMD8<Double> {
    probability(p) * (p - q)
  }
}

/// With a, b the larger and the smaller probability and t = b / a: a (1 + t) (ln 2 − ln (1 + t)) + a t ln t.
private enum JensenShannon: Term {
  @inline(__always)
  static func of(_ p: SIMD8<Double>, _ q: SIMD8<Double>) -> SIMD8<Double> {
    let larger = summand_maximum_f64(p, q)
    let difference = summand_minimum_f64(p, q) - larger
    return probability(larger) * summand_shannon_f64(probability(difference), difference)
  }
}

/// |p − q|
private enum Distance: Term {
  @inline(__always)
  static func of(_ p: SIMD8<Double>, _ q: SIMD8<Double>) -> SIMD8<Double> {
    let (p, q) = (probability(p), probability(q))
    return summand_maximum_f64(p, q) - summand_minimum_f64(p, q)
  }
}

/// Σ of a term over the tokens of two rows of finite logits, each with its log Σ e^logit.
@inline(__always)
private func summed<T: Term>(
  _: T.Type, _ p: UnsafePointer<Float>, _ q: UnsafePointer<Float>, _ n: Int,
  _ logSums: (Double, Double)
) -> Double {
  let (ofP, ofQ) = (SIMD8(repeating: logSums.0), SIMD8(repeating: logSums.1))
  var (low, high) = (SIMD8<Double>.zero, SIMD8<Double>.zero)
  var i = 0
  while i < n {
    var (a, b): (SIMD16<Float>, SIMD16<Float>)
    if n - i >= 16 {
      (a, b) = (summand_load_f32(p + i), summand_load_f32(q + i))
    } else {
      // Probabilities of 0, which add 0; −∞ would make NaN of a difference.
      let none = -Float.greatestFiniteMagnitude
      (a, b) = (tail(p + i, n - i, padding: none), tail(q + i, n - i, padding: none))
    }
    low += T.of(summand_low_f64(a) - ofP, summand_low_f64(b) - ofQ)
    high += T.of(summand_high_f64(a) - ofP, summand_high_f64(b) - ofQ)
    i += 16
  }
  return fold(low, high)
}

/// 16 lanes, as two vectors, summed in halves.
@inline(__always)
private func fold(_ low: SIMD8<Double>, _ high: SIMD8<Double>) -> Double {
  let a = low + high
  let b = a.lowHalf + a.highHalf
  let c = b.lowHalf + b.highHalf
  return c.x + c.y
}

extension Implementation {
  /// The smallest and the largest of a row, and whether all are finite: such a number's product with 0
  /// is 0, that of another is NaN. Without meaning where one is not finite.
  public static func extremes(_ x: UnsafePointer<Float>, count n: Int) -> SummandExtremes {
    var smallest = SIMD16<Float>(repeating: .infinity)
    var largest = SIMD16<Float>(repeating: -.infinity)
    var zeros = SIMD16<Float>.zero
    let whole = n & ~15
    var i = 0
    while i < whole {
      let v = summand_load_f32(x + i)
      largest = summand_maximum(v, largest)
      smallest = smallest.replacing(with: v, where: v .< smallest)
      zeros += v * SIMD16(repeating: 0)
      i += 16
    }
    if whole < n {
      let v = tail(x + whole, n - whole, padding: x[0])
      largest = summand_maximum(v, largest)
      smallest = smallest.replacing(with: v, where: v .< smallest)
      zeros += v * SIMD16(repeating: 0)
    }
    return SummandExtremes(
      smallest: -foldMaximum(-smallest), largest: foldMaximum(largest),
      zero: fold(zeros))
  }

  /// Σ e^(x − shift) and Σ (x − shift) e^(x − shift), where `shift` is the largest.
  public static func exponentialSums(_ x: UnsafePointer<Float>, count n: Int, shift: Float) -> (
    sum: Double, weighted: Double
  ) {
    let shift = SIMD8(repeating: Double(shift))
    var (lowSum, highSum) = (SIMD8<Double>.zero, SIMD8<Double>.zero)
    var (lowWeighted, highWeighted) = (SIMD8<Double>.zero, SIMD8<Double>.zero)
    let whole = n & ~15
    var i = 0
    while i < whole {
      let v = summand_load_f32(x + i)
      accumulate(summand_low_f64(v) - shift, to: &lowSum, &lowWeighted)
      accumulate(summand_high_f64(v) - shift, to: &highSum, &highWeighted)
      i += 16
    }
    if whole < n {
      let v = tail(x + whole, n - whole, padding: -.infinity)
      accumulate(summand_low_f64(v) - shift, to: &lowSum, &lowWeighted)
      accumulate(summand_high_f64(v) - shift, to: &highSum, &highWeighted)
    }
    return (fold(lowSum, highSum), fold(lowWeighted, highWeighted))
  }

  /// KL(p ‖ q) = Σ p (log p − log q), of finite logits and their log Σ e^logit.
  public static func divergence(
    _ p: UnsafePointer<Float>, _ q: UnsafePointer<Float>, count n: Int,
    logSums: (Double, Double)
  ) -> Double { summed(Divergence.self, p, q, n, logSums) }

  /// ½ KL(p ‖ m) + ½ KL(q ‖ m) with m = (p + q) / 2.
  public static func jensenShannon(
    _ p: UnsafePointer<Float>, _ q: UnsafePointer<Float>, count n: Int,
    logSums: (Double, Double)
  ) -> Double { summed(JensenShannon.self, p, q, n, logSums) / 2 }

  /// ½ Σ |p − q|
  public static func totalVariation(
    _ p: UnsafePointer<Float>, _ q: UnsafePointer<Float>, count n: Int,
    logSums: (Double, Double)
  ) -> Double { summed(Distance.self, p, q, n, logSums) / 2 }

  /// How many of a row are above a threshold.
  public static func countAbove(_ threshold: Float, _ x: UnsafePointer<Float>, count n: Int) -> Int
  {
    let threshold = SIMD16(repeating: threshold)
    var counts = SIMD16<Int32>.zero
    let whole = n & ~15
    var i = 0
    while i < whole {
      counts &-= summand_above(summand_load_f32(x + i), threshold)
      i += 16
    }
    if whole < n {
      counts &-= summand_above(tail(x + whole, n - whole, padding: -.infinity), threshold)
    }
    var sum = 0
    for lane in 0..<16 { sum += Int(counts[lane]) }
    return sum
  }

  /// How many of a row, all of them finite, fall into each bin.
  public static func countInBins(
    _ x: UnsafePointer<Float>, count n: Int, _ bins: SummandBins,
    into counts: UnsafeMutablePointer<Int32>
  ) {
    for bin in 0..<bins.count { counts[bin] = 0 }
    let last = Int32(bins.count - 1)
    for i in 0..<n {
      let bin = Int32((x[i] - bins.low) * bins.scale)
      counts[Int(bin < last ? bin : last)] += 1
    }
  }

  /// Where the numbers in a bin and the bins above it stand, in order.
  ///
  /// - Parameter out: has room for as many as there are.
  /// - Returns: how many there are.
  public static func indices(
    inAndAbove bin: Int, of x: UnsafePointer<Float>, count n: Int, _ bins: SummandBins,
    into out: UnsafeMutablePointer<Int32>
  ) -> Int {
    let (low, scale) = (SIMD16(repeating: bins.low), SIMD16(repeating: bins.scale))
    let border = Float(bin)
    let below = SIMD16(repeating: border.nextDown)
    var found = 0
    let whole = n & ~15
    var i = 0
    while i < whole {
      let v = (summand_load_f32(x + i) - low) * scale
      if summand_any(summand_above(v, below)) != 0 {
        for lane in 0..<16 where v[lane] >= border {
          out[found] = Int32(i + lane)
          found += 1
        }
      }
      i += 16
    }
    while i < n {
      if (x[i] - bins.low) * bins.scale >= border {
        out[found] = Int32(i)
        found += 1
      }
      i += 1
    }
    return found
  }
}
