/// The angles by which one kind of RoPE turns each position.
struct RotaryTable: Sendable {
  private let pairing: Rotary.Pairing
  private let half: Int
  /// [positions][half]
  private let cosines: [Float]
  private let sines: [Float]

  /// - Parameter factors: what each pair's frequency is divided by; 1 where there are none.
  /// - Throws: `Interruption.Stopped`.
  init(_ rotary: Rotary, factors: [Double], positions: Int) throws {
    pairing = rotary.pairing
    half = rotary.width / 2
    let logBase = Numerics.log(rotary.base)
    let frequencies = (0..<half).map { [half] in
      Numerics.exp(-Double($0) / Double(half) * logBase) / (factors.isEmpty ? 1 : factors[$0])
    }
    var cosines: [Float] = []
    var sines: [Float] = []
    for position in 0..<positions {
      if position.isMultiple(of: 64) { try Interruption.check() }
      for frequency in frequencies {
        let (sin, cos) = Numerics.sinCos(Double(position) * frequency)
        cosines.append(Float(cos * rotary.magnitude))
        sines.append(Float(sin * rotary.magnitude))
      }
    }
    self.cosines = cosines
    self.sines = sines
  }

  /// Turns the heads of one row, `width` elements each.
  func rotate(
    _ x: UnsafeMutablePointer<Float>, heads: Int, width: Int, at position: Int,
    _ kernels: any InstructionSet.Type
  ) {
    withAngles(at: position) { cosines, sines in
      for head in 0..<heads {
        switch pairing {
        case .halfSplit:
          kernels.rotate(x + head * width, half: half, cosines: cosines, sines: sines)
        case .adjacent:
          kernels.rotateAdjacent(x + head * width, half: half, cosines: cosines, sines: sines)
        }
      }
    }
  }

  /// Takes what `rotate` gave back: turns the other way, the magnitude still a factor.
  func rotateBack(
    _ x: UnsafeMutablePointer<Float>, heads: Int, width: Int, at position: Int,
    _ kernels: any InstructionSet.Type
  ) {
    withAngles(at: position) { cosines, sines in
      for head in 0..<heads {
        let x = x + head * width
        for i in 0..<half {
          let (first, second) =
            switch pairing {
            case .halfSplit: (i, i + half)
            case .adjacent: (2 * i, 2 * i + 1)
            }
          let (a, b) = (x[first], x[second])
          x[first] = a * cosines[i] + b * sines[i]
          x[second] = b * cosines[i] - a * sines[i]
        }
      }
    }
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

/// The tables of all layers: one for each kind of RoPE among them.
struct RotaryTables: Sendable {
  /// How one layer rotates.
  struct Layer: Sendable {
    fileprivate let rotary: Rotary
    fileprivate let short: RotaryTable
    /// Where there are prompts that need it.
    fileprivate let long: RotaryTable?

    /// For a prompt of `tokens` tokens.
    func table(tokens: Int) -> RotaryTable { rotary.isLong(tokens) ? long ?? short : short }
  }

  private let kinds: [Layer]
  /// Of each layer, its index among `kinds`.
  private let indices: [Int?]

  /// - Parameter tokens: of the longest prompt.
  init(_ configuration: Configuration, tokens: Int) throws {
    var kinds: [Layer] = []
    indices = try configuration.attention.map { layer in
      guard let rotary = layer.rotary else { return nil }
      if let found = kinds.firstIndex(where: { $0.rotary == rotary }) { return found }
      kinds.append(
        Layer(
          rotary: rotary,
          short: try RotaryTable(rotary, factors: rotary.factors, positions: tokens),
          long: rotary.isLong(tokens)
            ? try RotaryTable(rotary, factors: rotary.long?.factors ?? [], positions: tokens) : nil)
      )
      return kinds.count - 1
    }
    self.kinds = kinds
  }

  /// Nil where the layer rotates nothing.
  subscript(layer: Int) -> Layer? { indices[layer].map { kinds[$0] } }
}
