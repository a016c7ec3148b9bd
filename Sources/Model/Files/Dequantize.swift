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
      case .q4_1: fourBits(source, target)
      case .q8_0: eightBits(source, target)
      case .q6_K: sixBits(source, target)
      }
    }
  }

  /// Q4_1: f16 d, f16 m, 16 bytes: the low nibbles are elements 0 to 15, the high ones 16 to 31;
  /// q·d rounded, then + m rounded.
  private static func fourBits(
    _ block: UnsafeRawBufferPointer, _ values: UnsafeMutableBufferPointer<Float>
  ) {
    let (d, m) = (float(half: load(block, 0)), float(half: load(block, 2)))
    for index in 0..<16 {
      values[index] = d * Float(block[4 + index] & 0xF) + m
      values[16 + index] = d * Float(block[4 + index] >> 4) + m
    }
  }

  /// Q8_0: f16 d, 32 signed bytes: q·d.
  private static func eightBits(
    _ block: UnsafeRawBufferPointer, _ values: UnsafeMutableBufferPointer<Float>
  ) {
    let d = float(half: load(block, 0))
    for index in 0..<32 { values[index] = Float(Int8(bitPattern: block[2 + index])) * d }
  }

  /// Q6_K: ql[128], qh[64], 16 signed scales, f16 d: each value has four bits in ql and two in qh, is
  /// offset by 32, and is multiplied by d·scale, which is rounded first. One scale serves 16 values.
  private static func sixBits(
    _ block: UnsafeRawBufferPointer, _ values: UnsafeMutableBufferPointer<Float>
  ) {
    let d = float(half: load(block, 208))
    for index in 0..<256 {
      // Each half of the block has 64 bytes of ql and 32 of qh, in four groups of 32 values.
      let (half, group, lane) = (index / 128, index % 128 / 32, index % 32)
      let low = block[half * 64 + group % 2 * 32 + lane] >> (group / 2 * 4) & 0xF
      let high = block[128 + half * 32 + lane] >> (group * 2) & 3
      let scale = Float(Int8(bitPattern: block[192 + index / 16]))
      values[index] = d * scale * Float(Int(low | high << 4) - 32)
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

  private static func load<T: FixedWidthInteger>(
    _ bytes: UnsafeRawBufferPointer, _ offset: Int
  ) -> T {
    T(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: T.self))
  }
}
