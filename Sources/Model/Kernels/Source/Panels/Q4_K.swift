import CSIMD

/// `d` and `dmin` f16; 12 bytes that hold 8 scales and 8 minima of six bits; nibbles.
/// Weight = (d · scale) · q − dmin · minimum.
enum Q4_K: PanelFormat {
  static var blockLength: Int { 256 }
  static var blockBytes: Int { 2 + 2 + 12 + 128 }
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
    summand_fms(scales.d, wholeNibbles(block + 512, k, group), scales.m)
  }

  @inline(__always)
  static func pack(_ source: UnsafeRawPointer, column: Int, into block: UnsafeMutableRawPointer) {
    packHalf(source, column, into: block)
    packHalf(source + 2, column, into: block + 64)
    packBytes(source + 4, count: 12, column, into: block + 128)
    packLargeNibbles(source + 16, column, into: block + 512)
  }

  @inline(__always)
  static func pack(
    _ rows: UnsafePointer<UnsafeRawPointer>, at offset: Int, into block: UnsafeMutableRawPointer
  ) {
    packHalves(rows, at: offset, into: block)
    packHalves(rows, at: offset + 2, into: block + 64)
    packBytes(rows, at: offset + 4, count: 12, into: block + 128)
    packLargeNibbles(rows, at: offset + 16, into: block + 512)
  }

  @inline(__always)
  static func isFinite(_ block: UnsafeRawPointer) -> Bool {
    areFiniteHalves(block) && areFiniteHalves(block + 64)
  }
}

/// The scales and minima of Q4_K and Q5_K: the first four of each are the lower six bits of a byte,
/// the others a nibble of the last four bytes with the upper two bits of these.
@inline(__always)
func sixBitScales(_ block: UnsafeRawPointer, part: Int, group: Int)
  -> (d: SIMD16<Float>, m: SIMD16<Float>)
{
  let bytes = block + 128
  let scale: SIMD16<UInt8>
  let minimum: SIMD16<UInt8>
  if part < 4 {
    scale = bits(bytes, part, group, shift: 0, mask: 63)
    minimum = bits(bytes, part + 4, group, shift: 0, mask: 63)
  } else {
    scale = summand_join(
      bits(bytes, part + 4, group, shift: 0, mask: 15),
      bits(bytes, part - 4, group, shift: 6, mask: 3), 4)
    minimum = summand_join(
      bits(bytes, part + 4, group, shift: 4, mask: 15),
      bits(bytes, part, group, shift: 6, mask: 3), 4)
  }
  return (
    halves(block, group) * summand_whole(scale, 0),
    halves(block + 64, group) * summand_whole(minimum, 0)
  )
}
