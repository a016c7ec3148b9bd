import CSIMD

/// `d` f16; nibbles. Weight = d · (q − 8).
enum Q4_0: PanelFormat {
  static var blockLength: Int { 32 }
  static var blockBytes: Int { 2 + 16 }
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
    scales * wholeNibbles(block + 64, k, group, less: 8)
  }

  @inline(__always)
  static func pack(_ source: UnsafeRawPointer, column: Int, into block: UnsafeMutableRawPointer) {
    packHalf(source, column, into: block)
    packSmallNibbles(source + 2, column, into: block + 64)
  }

  @inline(__always)
  static func pack(
    _ rows: UnsafePointer<UnsafeRawPointer>, at offset: Int, into block: UnsafeMutableRawPointer
  ) {
    packHalves(rows, at: offset, into: block)
    packSmallNibbles(rows, at: offset + 2, into: block + 64)
  }

  @inline(__always)
  static func isFinite(_ block: UnsafeRawPointer) -> Bool {
    areFiniteHalves(block)
  }
}
