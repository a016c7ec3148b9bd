import CSIMD

/// `d` f16; 6 bytes that hold 8 scales of six bits; nibbles.
/// Weight = (d · (scale − 32)) · the value that a nibble stands for.
enum IQ4_XS: PanelFormat {
  static var blockLength: Int { 256 }
  static var blockBytes: Int { 2 + 2 + 4 + 128 }
  static var scaleLength: Int { 32 }

  @inline(__always)
  static func scales(_ block: UnsafeRawPointer, part: Int, group: Int)
    -> SIMD16<Float>
  {
    // Two bytes with four upper pairs each, then four bytes with two lower nibbles each.
    let high = bits(block + 64, part >> 2, group, shift: (part & 3) * 2, mask: 3)
    let low = bits(block + 64, 2 + (part >> 1), group, shift: (part & 1) * 4, mask: 15)
    return halves(block, group) * summand_whole(summand_join(low, high, 4), 32)
  }

  @inline(__always)
  static func weights(
    _ block: UnsafeRawPointer, k: Int, group: Int, scales: SIMD16<Float>
  ) -> SIMD16<Float> {
    scales * summand_look_up(summand_iq4_nl_values(), nibbles(block + 256, k, group))
  }

  @inline(__always)
  static func pack(_ source: UnsafeRawPointer, column: Int, into block: UnsafeMutableRawPointer) {
    packHalf(source, column, into: block)
    packBytes(source + 2, count: 6, column, into: block + 64)
    for part in 0..<8 {
      packSmallNibbles(source + (8 + part * 16), column, into: block + (256 + part * 512))
    }
  }

  @inline(__always)
  static func isFinite(_ block: UnsafeRawPointer) -> Bool {
    areFiniteHalves(block)
  }
}
