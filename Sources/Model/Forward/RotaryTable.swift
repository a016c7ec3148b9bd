/// RoPE's angles: position p turns pair i by p · base^(−2i / d_head).
struct RotaryTable: Sendable {
  private let half: Int
  /// [positions][half]
  private let cosines: [Float]
  private let sines: [Float]

  init(_ configuration: Configuration, positions: Int) {
    let half = configuration.headWidth / 2
    let logBase = Numerics.log(configuration.ropeBase)
    let frequencies = (0..<half).map { Numerics.exp(-Double($0) / Double(half) * logBase) }
    var cosines: [Float] = []
    var sines: [Float] = []
    for position in 0..<positions {
      for frequency in frequencies {
        let (sin, cos) = Numerics.sinCos(Double(position) * frequency)
        cosines.append(Float(cos))
        sines.append(Float(sin))
      }
    }
    self.half = half
    self.cosines = cosines
    self.sines = sines
  }

  func withAngles(
    at position: Int, _ body: (UnsafePointer<Float>, UnsafePointer<Float>) -> Void
  ) {
    cosines.withUnsafeBufferPointer { cosines in
      sines.withUnsafeBufferPointer { sines in
        if let c = cosines.baseAddress, let s = sines.baseAddress {
          body(c + position * half, s + position * half)
        }
      }
    }
  }
}
