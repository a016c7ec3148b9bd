import Model

/// Numbers of the standard normal distribution, the same on every machine: Box and Muller's (1958) pairs.
struct NormalNumbers {
  private var generator: SplitMix64
  private var second: Double?

  init(_ generator: SplitMix64) { self.generator = generator }

  mutating func next() -> Double {
    if let second {
      self.second = nil
      return second
    }
    let radius = (-2 * Numerics.log(generator.share())).squareRoot()
    let (sin, cos) = Numerics.sinCos(2 * Double.pi * generator.share())
    second = radius * sin
    return radius * cos
  }
}
