import CSIMD

/// `d` f16; a signed byte for each 16 k, a scale; nibbles; upper pairs of bits.
/// Weight = (d · scale) · (q − 32).
enum Q6_K: PanelFormat {
  static var blockLength: Int { 256 }
  static var blockBytes: Int { 128 + 64 + 16 + 2 }
  static var scaleLength: Int { 16 }

  @inline(__always)
  static func scales(_ block: UnsafeRawPointer, part: Int, group: Int)
    -> SIMD16<Float>
  {
    let offset: Int = 64 + part * 32 + group * 16
    return halves(block, group) * summand_load_i8(block + offset)
  }

  @inline(__always)
  static func weights(
    _ block: UnsafeRawPointer, k: Int, group: Int, scales: SIMD16<Float>
  ) -> SIMD16<Float> {
    let low = nibbles(block + 576, k, group)
    let high = pairs(block + 4672, k, group)
    return scales * summand_whole(summand_join(low, high, 4), 32)
  }

  @inline(__always)
  static func pack(_ source: UnsafeRawPointer, column: Int, into block: UnsafeMutableRawPointer) {
    packHalf(source + 208, column, into: block)
    packBytes(source + 192, count: 16, column, into: block + 64)
    for k in 0..<256 {
      // Each half has 64 bytes of nibbles: 64 low ones, then 64 high ones.
      let value = byte(source, (k >> 7) * 64 + (k & 63))
      packNibble((k & 64 == 0 ? value : value >> 4) & 15, k: k, column, into: block + 576)
    }
    packLargePairs(source + 128, column, into: block + 4672)
  }

  @inline(__always)
  static func isFinite(_ block: UnsafeRawPointer) -> Bool {
    areFiniteHalves(block)
  }
}
