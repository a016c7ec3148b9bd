import CSIMD

/// `d` f16; signed bytes. Weight = d · q.
enum Q8_0: PanelFormat {
  static var blockLength: Int { 32 }
  static var blockBytes: Int { 2 + 32 }
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
    let offset: Int = 64 + k * 32 + group * 16
    return scales * summand_load_i8(block + offset)
  }

  @inline(__always)
  static func pack(_ source: UnsafeRawPointer, column: Int, into block: UnsafeMutableRawPointer) {
    packHalf(source, column, into: block)
    packBytes(source + 2, count: 32, column, into: block + 64)
  }

  @inline(__always)
  static func pack(
    _ rows: UnsafePointer<UnsafeRawPointer>, at offset: Int, into block: UnsafeMutableRawPointer
  ) {
    packHalves(rows, at: offset, into: block)
    summand_pack_bytes(rows, offset + 2, block + 64)
    summand_pack_bytes(rows, offset + 18, block + 576)
  }

  @inline(__always)
  static func isFinite(_ block: UnsafeRawPointer) -> Bool {
    areFiniteHalves(block)
  }
}
