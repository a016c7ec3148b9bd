import CSIMD

/// `d` f16; the fifth bits, which the file has in this order too; nibbles. Weight = d · (q − 16).
enum Q5_0: PanelFormat {
  static var blockLength: Int { 32 }
  static var blockBytes: Int { 2 + 4 + 16 }
  static var scaleLength: Int { 32 }

  @inline(__always)
  static func scales(_ block: UnsafeRawPointer, part: Int, group: Int)
    -> SIMD16<Float>
  {
    halves(block, group)
  }

  @inline(__always)
  static func weights(
    _ block: UnsafeRawPointer, k: Int, group: Int, scales: SIMD16<Float>
  ) -> SIMD16<Float> {
    let low = nibbles(block + 192, k, group)
    let high = singles(block + 64, k, group)
    return scales * summand_whole(summand_join(low, high, 4), 16)
  }

  @inline(__always)
  static func pack(_ source: UnsafeRawPointer, column: Int, into block: UnsafeMutableRawPointer) {
    packHalf(source, column, into: block)
    packBytes(source + 2, count: 4, column, into: block + 64)
    packSmallNibbles(source + 6, column, into: block + 192)
  }

  @inline(__always)
  static func pack(
    _ rows: UnsafePointer<UnsafeRawPointer>, at offset: Int, into block: UnsafeMutableRawPointer
  ) {
    packHalves(rows, at: offset, into: block)
    packBytes(rows, at: offset + 2, count: 4, into: block + 64)
    packSmallNibbles(rows, at: offset + 6, into: block + 192)
  }

  @inline(__always)
  static func isFinite(_ block: UnsafeRawPointer) -> Bool {
    areFiniteHalves(block)
  }
}
