/// Steele, Lea and Flood's SplitMix64: small, and the same everywhere, which the system's own
/// generator is not.
struct SplitMix64: RandomNumberGenerator {
  private var state: UInt64

  /// - Parameter stream: tells apart sequences of one seed.
  init(seed: Int, stream: Int = 0) {
    state =
      UInt64(truncatingIfNeeded: seed) &+ UInt64(truncatingIfNeeded: stream)
      &* 0xD134_2543_DE82_EF95
  }

  /// - Parameter streams: one within the other: each number tells apart sequences of the one before.
  init(seed: Int, streams: Int...) {
    self.init(seed: seed, stream: streams.first ?? 0)
    for stream in streams.dropFirst() {
      self = SplitMix64(seed: Int(truncatingIfNeeded: next()), stream: stream)
    }
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// Between 0 and 1, neither of them.
  mutating func share() -> Double { (Double(next() >> 11) + 0.5) / 0x1p53 }

  /// One of 0..<bound, by Lemire's multiplication. The bound must be above 0.
  mutating func index(below bound: Int) -> Int {
    Int(next().multipliedFullWidth(by: UInt64(bound)).high)
  }
}
