import CSIMD

/// `d` and `dmin` f16; scales and minima as in Q4_K; fifth bits; nibbles.
/// Weight = (d · scale) · q − dmin · minimum.
enum Q5_K: PanelFormat {
  static var blockLength: Int { 256 }
  static var blockBytes: Int { 2 + 2 + 12 + 32 + 128 }
  static var scaleLength: Int { 32 }

  @inline(__always)
  static func scales(_ block: UnsafeRawPointer, part: Int, group: Int)
    -> (d: SIMD16<Float>, m: SIMD16<Float>)
  {
    sixBitScales(block, part: part, group: group)
  }

  @inline(__always)
  static func weights(
    _ block: UnsafeRawPointer, k: Int, group: Int, scales: (d: SIMD16<Float>, m: SIMD16<Float>)
  ) -> SIMD16<Float> {
    let low = nibbles(block + 1536, k, group)
    let high = singles(block + 512, k, group)
    return summand_fms(scales.d, summand_whole(summand_join(low, high, 4), 0), scales.m)
  }

  @inline(__always)
  static func pack(_ source: UnsafeRawPointer, column: Int, into block: UnsafeMutableRawPointer) {
    packHalf(source, column, into: block)
    packHalf(source + 2, column, into: block + 64)
    packBytes(source + 4, count: 12, column, into: block + 128)
    packLargeSingles(source + 16, column, into: block + 512)
    packLargeNibbles(source + 48, column, into: block + 1536)
  }

  @inline(__always)
  static func isFinite(_ block: UnsafeRawPointer) -> Bool {
    areFiniteHalves(block) && areFiniteHalves(block + 64)
  }
}
