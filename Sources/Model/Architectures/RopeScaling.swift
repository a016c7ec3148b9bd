/// What stretches RoPE beyond the context that a model was first trained for.
enum RopeScaling {
  /// Every frequency divided alike.
  static func linear(_ rotary: Rotary, factor: Double) -> [Double] {
    [Double](repeating: factor, count: rotary.width / 2)
  }

  /// Llama 3.1: frequencies of short wavelengths stay, those of long ones are divided by `factor`, those
  /// between are blended (transformers' `_compute_llama3_parameters`).
  static func llama3(
    _ rotary: Rotary, factor: Double, low: Double, high: Double, context: Int
  ) -> [Double] {
    let logBase = Numerics.log(rotary.base)
    return (0..<rotary.width / 2).map { pair in
      let frequency = Numerics.exp(-Double(2 * pair) / Double(rotary.width) * logBase)
      let turns = Double(context) * frequency / (2 * Double.pi)
      if turns < low { return factor }
      if turns > high { return 1 }
      let share = (turns - low) / (high - low)
      return 1 / ((1 - share) / factor + share)
    }
  }

  /// √(1 + ln(factor) / ln(original)): Phi-3's correction of sines and cosines.
  ///
  /// - Parameters:
  ///   - factor: how many times longer the context is than that of the first training.
  ///   - original: the context of the first training.
  static func longMagnitude(factor: Double, original: Int) -> Double {
    guard factor > 1 else { return 1 }
    return (1 + Numerics.log(factor) / Numerics.log(Double(original))).squareRoot()
  }
}
