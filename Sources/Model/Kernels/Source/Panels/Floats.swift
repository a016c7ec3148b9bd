import CSIMD

/// Weights one by one, without scales.
protocol FloatFormat: PanelFormat where Scales == Void {}

extension FloatFormat {
  static var blockLength: Int { 1 }
  static var scaleLength: Int { 1 }
  @inline(__always)
  static func scales(_ block: UnsafeRawPointer, part: Int, group: Int) {}
}

/// `[k][32]`
enum F32: FloatFormat {
  static var blockBytes: Int { 4 }
  @inline(__always)
  static func weights(_ block: UnsafeRawPointer, k: Int, group: Int, scales: Void)
    -> SIMD16<Float>
  {
    summand_load_f32(block + group * 64)
  }
  @inline(__always)
  static func pack(_ source: UnsafeRawPointer, column: Int, into block: UnsafeMutableRawPointer) {
    block.storeBytes(
      of: source.loadUnaligned(as: UInt32.self), toByteOffset: column * 4, as: UInt32.self)
  }

  @inline(__always)
  static func isFinite(_ block: UnsafeRawPointer) -> Bool {
    summand_finite_singles(block) != 0
  }
}

/// `[k][32]`
enum F16: FloatFormat {
  static var blockBytes: Int { 2 }
  @inline(__always)
  static func weights(_ block: UnsafeRawPointer, k: Int, group: Int, scales: Void)
    -> SIMD16<Float>
  {
    halves(block, group)
  }
  @inline(__always)
  static func pack(_ source: UnsafeRawPointer, column: Int, into block: UnsafeMutableRawPointer) {
    packHalf(source, column, into: block)
  }

  @inline(__always)
  static func isFinite(_ block: UnsafeRawPointer) -> Bool {
    areFiniteHalves(block)
  }
}

/// `[k][32]`
enum BF16: FloatFormat {
  static var blockBytes: Int { 2 }
  @inline(__always)
  static func weights(_ block: UnsafeRawPointer, k: Int, group: Int, scales: Void)
    -> SIMD16<Float>
  {
    summand_load_bf16(block + group * 32)
  }
  @inline(__always)
  static func pack(_ source: UnsafeRawPointer, column: Int, into block: UnsafeMutableRawPointer) {
    packHalf(source, column, into: block)
  }

  @inline(__always)
  static func isFinite(_ block: UnsafeRawPointer) -> Bool {
    summand_finite_words(block, 0x7F80) != 0
  }
}
