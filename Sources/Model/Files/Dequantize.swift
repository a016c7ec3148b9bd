/// The stored types decoded to f32, one value after the other, exactly as `gguf.quants` does.
///
/// This is the reference that the kernels' own decoders are compared with. A NaN stays a NaN; its
/// other bits may differ.
public enum Dequantize {
  /// Decodes whole blocks.
  ///
  /// - Parameters:
  ///   - bytes: whole blocks, with no alignment.
  ///   - values: as many elements as `bytes` hold.
  public static func dequantize(
    _ type: TensorType, _ bytes: UnsafeRawBufferPointer,
    into values: UnsafeMutableBufferPointer<Float>
  ) {
    precondition(bytes.count % type.bytesPerBlock == 0)
    let blocks = bytes.count / type.bytesPerBlock
    precondition(values.count == blocks * type.elementsPerBlock)
    for block in 0..<blocks {
      let source = UnsafeRawBufferPointer(
        rebasing: bytes[block * type.bytesPerBlock..<(block + 1) * type.bytesPerBlock])
      let target = UnsafeMutableBufferPointer(
        rebasing: values[block * type.elementsPerBlock..<(block + 1) * type.elementsPerBlock])
      switch type {
      case .f32: target[0] = Float(bitPattern: load(source, 0))
      case .f16: target[0] = float(half: load(source, 0))
      case .bf16: target[0] = Float(bitPattern: UInt32(load(source, 0) as UInt16) << 16)
      case .q4_0: centredFourBits(source, target)
      case .q4_1: fourBits(source, target)
      case .q5_0: centredFiveBits(source, target)
      case .q5_1: fiveBits(source, target)
      case .q8_0: eightBits(source, target)
      case .q2_K: twoBits(source, target)
      case .q3_K: threeBits(source, target)
      case .q4_K: scaledFourBits(source, target)
      case .q5_K: scaledFiveBits(source, target)
      case .q6_K: sixBits(source, target)
      case .iq4_NL: tableOfFourBits(source, target)
      case .iq4_XS: scaledTableOfFourBits(source, target)
      case .f8_E4M3: target[0] = float(e4m3: source[0])
      case .f8_E5M2: target[0] = float(half: UInt16(source[0]) << 8)
      case .mxfp4: microscaledFourBits(source, target)
      }
    }
  }

  /// IEEE half precision to single, exactly; without `Float16`, which macOS lacks on Intel.
  static func float(half bits: UInt16) -> Float {
    let sign = UInt32(bits & 0x8000) << 16
    let exponent = UInt32(bits >> 10 & 0x1F)
    let fraction = UInt32(bits & 0x3FF)
    switch exponent {
    case 0:
      // Denormal: fraction · 2^-24, exact in single precision.
      let magnitude = Float(fraction) * Float(sign: .plus, exponent: -24, significand: 1)
      return Float(bitPattern: sign | magnitude.bitPattern)
    case 0x1F: return Float(bitPattern: sign | 0x7F80_0000 | fraction << 13)
    default: return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
    }
  }

  /// One bit of sign, four of exponent (less 7), three of fraction; all ones are NaN, and there
  /// is no infinity.
  static func float(e4m3 bits: UInt8) -> Float {
    let (exponent, fraction) = (Int(bits >> 3 & 15), Float(bits & 7))
    if bits & 0x7F == 0x7F { return .nan }
    let magnitude =
      exponent == 0
      ? Float(sign: .plus, exponent: -9, significand: fraction)
      : Float(sign: .plus, exponent: exponent - 7, significand: 1 + fraction / 8)
    return bits & 0x80 == 0 ? magnitude : -magnitude
  }

  static func load<T: FixedWidthInteger>(
    _ bytes: UnsafeRawBufferPointer, _ offset: Int
  ) -> T {
    T(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: T.self))
  }
}
