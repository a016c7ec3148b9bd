import CSIMD

/// An exponent in a byte; nibbles. Weight = 2^(e − 128) · twice the value that a nibble stands for.
enum MXFP4: PanelFormat {
  static var blockLength: Int { 32 }
  static var blockBytes: Int { 1 + 16 }
  static var scaleLength: Int { 32 }

  @inline(__always)
  static func scales(_ block: UnsafeRawPointer, part: Int, group: Int)
    -> SIMD16<Float>
  {
    summand_load_e8m0_half(block + group * 16)
  }

  @inline(__always)
  static func weights(
    _ block: UnsafeRawPointer, k: Int, group: Int, scales: SIMD16<Float>
  ) -> SIMD16<Float> {
    scales * summand_look_up(summand_mxfp4_values(), nibbles(block + 32, k, group))
  }

  @inline(__always)
  static func pack(_ source: UnsafeRawPointer, column: Int, into block: UnsafeMutableRawPointer) {
    packBytes(source, count: 1, column, into: block)
    packSmallNibbles(source + 1, column, into: block + 32)
  }

  @inline(__always)
  static func isFinite(_ block: UnsafeRawPointer) -> Bool {
    // 12 · 2^(253 − 128) is more than f32 holds.
    summand_bytes_below(block, 0xFF, 253) != 0
  }
}
