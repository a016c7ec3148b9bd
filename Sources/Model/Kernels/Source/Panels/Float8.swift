import CSIMD

// The eight-bit floats of safetensors files (Micikevicius et al., "FP8 Formats for Deep Learning").

protocol Float8Format: FloatFormat {}

extension Float8Format {
  static var blockBytes: Int { 1 }
  @inline(__always)
  static func pack(_ source: UnsafeRawPointer, column: Int, into block: UnsafeMutableRawPointer) {
    packBytes(source, count: 1, column, into: block)
  }
}

/// `[k][32]`: 4 bits of exponent, 3 of fraction, no infinity
enum F8_E4M3: Float8Format {
  @inline(__always)
  static func weights(_ block: UnsafeRawPointer, k: Int, group: Int, scales: Void)
    -> SIMD16<Float>
  {
    summand_load_f8_e4m3(block + group * 16)
  }
  @inline(__always)
  static func isFinite(_ block: UnsafeRawPointer) -> Bool {
    summand_bytes_below(block, 0x7F, 0x7F) != 0
  }
}

/// `[k][32]`: 5 bits of exponent, 2 of fraction, the upper half of an f16
enum F8_E5M2: Float8Format {
  @inline(__always)
  static func weights(_ block: UnsafeRawPointer, k: Int, group: Int, scales: Void)
    -> SIMD16<Float>
  {
    summand_load_f8_e5m2(block + group * 16)
  }
  @inline(__always)
  static func isFinite(_ block: UnsafeRawPointer) -> Bool {
    summand_bytes_below(block, 0x7F, 0x7C) != 0
  }
}
