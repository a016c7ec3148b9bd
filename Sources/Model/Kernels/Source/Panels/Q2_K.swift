import CSIMD

/// `d` and `dmin` f16; a byte for each 16 k, its low nibble a scale and its high one a minimum; pairs
/// of bits. Weight = (d · scale) · q − dmin · minimum.
enum Q2_K: PanelFormat {
  static var blockLength: Int { 256 }
  static var blockBytes: Int { 16 + 64 + 2 + 2 }
  static var scaleLength: Int { 16 }

  @inline(__always)
  static func scales(_ block: UnsafeRawPointer, part: Int, group: Int)
    -> (d: SIMD16<Float>, m: SIMD16<Float>)
  {
    let scale = summand_whole(bits(block + 128, part, group, shift: 0, mask: 15), 0)
    let minimum = summand_whole(bits(block + 128, part, group, shift: 4, mask: 15), 0)
    return (halves(block, group) * scale, halves(block + 64, group) * minimum)
  }

  @inline(__always)
  static func weights(
    _ block: UnsafeRawPointer, k: Int, group: Int, scales: (d: SIMD16<Float>, m: SIMD16<Float>)
  ) -> SIMD16<Float> {
    summand_fms(scales.d, summand_whole(pairs(block + 640, k, group), 0), scales.m)
  }

  @inline(__always)
  static func pack(_ source: UnsafeRawPointer, column: Int, into block: UnsafeMutableRawPointer) {
    packHalf(source + 80, column, into: block)
    packHalf(source + 82, column, into: block + 64)
    packBytes(source, count: 16, column, into: block + 128)
    packLargePairs(source + 16, column, into: block + 640)
  }

  @inline(__always)
  static func isFinite(_ block: UnsafeRawPointer) -> Bool {
    areFiniteHalves(block) && areFiniteHalves(block + 64)
  }
}
