import CSIMD

/// `d` and `m` f16; the fifth bits, which the file has in this order too; nibbles.
/// Weight = d · q + m.
enum Q5_1: PanelFormat {
  static var blockLength: Int { 32 }
  static var blockBytes: Int { 2 + 2 + 4 + 16 }
  static var scaleLength: Int { 32 }

  @inline(__always)
  static func scales(_ block: UnsafeRawPointer, part: Int, group: Int)
    -> (d: SIMD16<Float>, m: SIMD16<Float>)
  {
    (halves(block, group), halves(block + 64, group))
  }

  @inline(__always)
  static func weights(
    _ block: UnsafeRawPointer, k: Int, group: Int, scales: (d: SIMD16<Float>, m: SIMD16<Float>)
  ) -> SIMD16<Float> {
    let low = nibbles(block + 256, k, group)
    let high = singles(block + 128, k, group)
    return summand_fma(scales.d, summand_whole(summand_join(low, high, 4), 0), scales.m)
  }

  @inline(__always)
  static func pack(_ source: UnsafeRawPointer, column: Int, into block: UnsafeMutableRawPointer) {
    packHalf(source, column, into: block)
    packHalf(source + 2, column, into: block + 64)
    packBytes(source + 4, count: 4, column, into: block + 128)
    packSmallNibbles(source + 8, column, into: block + 256)
  }

  @inline(__always)
  static func pack(
    _ rows: UnsafePointer<UnsafeRawPointer>, at offset: Int, into block: UnsafeMutableRawPointer
  ) {
    packHalves(rows, at: offset, into: block)
    packHalves(rows, at: offset + 2, into: block + 64)
    packBytes(rows, at: offset + 4, count: 4, into: block + 128)
    packSmallNibbles(rows, at: offset + 8, into: block + 256)
  }

  @inline(__always)
  static func isFinite(_ block: UnsafeRawPointer) -> Bool {
    areFiniteHalves(block) && areFiniteHalves(block + 64)
  }
}
