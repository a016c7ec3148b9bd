/// The quantiles of numbers that come one after the other, in memory that does not grow with them.
///
/// Up to `exactCount` numbers are kept, and their quantiles are exact. Of more, how many there are in each of
/// 2,561 ranges is kept: each octave of sizes from 2⁻²⁰ to 2²⁰ has 32, on either side of 0, so that a number
/// is known to within 1/32 of its size. What is smaller counts as 0; what is larger is in the last range. The
/// idea is DDSketch's (Masson et al. 2019), with ranges that are a float's leading bits. Which numbers there
/// were decides the result, not their order.
struct ValueSketch {
  static let exactCount = 1024
  /// What one takes at the most.
  static let bytes = Ranges.count * MemoryLayout<UInt32>.size + 128

  private(set) var count = 0
  private(set) var least = Float.infinity
  private(set) var most = -Float.infinity
  /// Empty where there are too many.
  private var values: [Float] = []
  private var counts: [UInt32] = []

  /// Adds numbers; those that are not finite are left out.
  mutating func add(_ numbers: some Sequence<Float>) {
    for number in numbers where number.isFinite {
      count += 1
      least = min(least, number)
      most = max(most, number)
      if counts.isEmpty {
        values.append(number)
        if values.count > Self.exactCount { divide() }
      } else {
        tally(number)
      }
    }
  }

  private mutating func divide() {
    counts = [UInt32](repeating: 0, count: Ranges.count)
    for value in values { tally(value) }
    values = []
  }

  private mutating func tally(_ number: Float) {
    let range = Ranges.index(of: number)
    if counts[range] < .max { counts[range] += 1 }
  }

  /// Quantiles by linear interpolation between the numbers next to them, as numpy's default has it; NaN where
  /// there are no numbers.
  ///
  /// - Parameter shares: each from 0 to 1.
  func quantiles(_ shares: [Double]) -> [Double] {
    guard count > 0 else { return shares.map { _ in .nan } }
    let sorted = values.sorted()
    func number(_ place: Int) -> Double {
      counts.isEmpty ? Double(sorted[place]) : estimate(place)
    }
    return shares.map { share in
      let place = share * Double(count - 1)
      let low = min(Int(place.rounded(.down)), count - 1)
      let (a, b) = (number(low), number(min(low + 1, count - 1)))
      return a + (b - a) * (place - Double(low))
    }
  }

  /// The number at a place of the sorted ones: those of a range are taken to be evenly in it.
  private func estimate(_ place: Int) -> Double {
    if place == 0 { return Double(least) }
    if place == count - 1 { return Double(most) }
    var before = 0
    for (range, number) in counts.enumerated() where number > 0 {
      let inside = place - before
      before += Int(number)
      guard inside < Int(number) else { continue }
      guard let ends = Ranges.ends(of: range) else { return 0 }
      let low = range == 0 ? Double(least) : max(ends.low, Double(least))
      let high = range == Ranges.count - 1 ? Double(most) : min(ends.high, Double(most))
      return low + (high - low) * (Double(inside) + 0.5) / Double(number)
    }
    return Double(most)
  }
}

/// Ranges of floats that share their sign, exponent and five bits after it.
private enum Ranges {
  private static let bits: UInt32 = 5
  private static let shift = 23 - bits
  /// 2⁻²⁰ in these bits, and how many ranges there are up to 2²⁰.
  private static let smallest = Int((127 - 20) << bits)
  private static let side = 40 << Int(bits)
  static let count = 2 * side + 1

  static func index(of number: Float) -> Int {
    let size = Int((number.bitPattern & 0x7FFF_FFFF) >> shift) - smallest
    if size < 0 { return side }
    let away = min(size, side - 1) + 1
    return number < 0 ? side - away : side + away
  }

  /// Nil for the range around 0.
  static func ends(of index: Int) -> (low: Double, high: Double)? {
    guard index != side else { return nil }
    let away = (index - side).magnitude
    func end(_ place: UInt) -> Double {
      Double(Float(bitPattern: UInt32(UInt(smallest) + place) << shift))
    }
    let (near, far) = (end(away - 1), end(away))
    return index < side ? (-far, -near) : (near, far)
  }
}
