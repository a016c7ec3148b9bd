import CSIMD

/// `d` f16; 12 bytes that hold 16 scales of six bits; third bits; pairs of bits.
/// Weight = (d · (scale − 32)) · (q − 4).
enum Q3_K: PanelFormat {
  static var blockLength: Int { 256 }
  static var blockBytes: Int { 32 + 64 + 12 + 2 }
  static var scaleLength: Int { 16 }

  @inline(__always)
  static func scales(_ block: UnsafeRawPointer, part: Int, group: Int)
    -> SIMD16<Float>
  {
    // Eight bytes with two lower nibbles each, then four bytes with four upper pairs each.
    let low = bits(block + 64, part & 7, group, shift: (part >> 3) * 4, mask: 15)
    let high = bits(block + 64, 8 + (part & 3), group, shift: (part >> 2) * 2, mask: 3)
    return halves(block, group) * summand_whole(summand_join(low, high, 4), 32)
  }

  @inline(__always)
  static func weights(
    _ block: UnsafeRawPointer, k: Int, group: Int, scales: SIMD16<Float>
  ) -> SIMD16<Float> {
    let low = pairs(block + 1472, k, group)
    let high = singles(block + 448, k, group)
    return scales * summand_whole(summand_join(low, high, 2), 4)
  }

  @inline(__always)
  static func pack(_ source: UnsafeRawPointer, column: Int, into block: UnsafeMutableRawPointer) {
    packHalf(source + 108, column, into: block)
    packBytes(source + 96, count: 12, column, into: block + 64)
    packLargeSingles(source, column, into: block + 448)
    packLargePairs(source + 32, column, into: block + 1472)
  }

  @inline(__always)
  static func isFinite(_ block: UnsafeRawPointer) -> Bool {
    areFiniteHalves(block)
  }
}
