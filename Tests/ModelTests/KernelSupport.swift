import Foundation
import TestSupport
import Testing

@testable import Model

extension SeededGenerator {
  /// Seeds that are near each other give sequences that are not.
  init(_ seed: Int) {
    self.init(seed: UInt64(truncatingIfNeeded: seed) &* 0xD1B5_4A32_D192_ED03)
  }

  mutating func floats(_ count: Int, in range: ClosedRange<Float> = -1...1) -> [Float] {
    (0..<count).map { _ in Float.random(in: range, using: &self) }
  }
}

/// A checkpoint in memory with one matrix of random blocks, `[rows, columns]`.
struct RandomMatrixFile: TensorFile {
  /// Which numbers the blocks may hold.
  enum Values {
    /// Up to about 1, denormal scales among them: sums of products stay finite.
    case moderate
    /// Every finite number that the type can hold.
    case finite
  }

  let path = "random"
  let tensors: [TensorInfo]
  var bytes: [UInt8]

  var matrix: TensorInfo { tensors[0] }
  var rowBytes: Int { bytes.count / matrix.shape[0] }

  init(_ type: TensorType, rows: Int, columns: Int, values: Values, seed: Int) throws {
    let tensor = try #require(
      TensorInfo(name: "w", shape: [rows, columns], type: type, offset: 0, shard: 0))
    var generator = SeededGenerator(seed)
    var bytes: [UInt8] = []
    for _ in 0..<(rows * columns / type.elementsPerBlock) {
      bytes += Self.block(type, values, &generator)
    }
    self.tensors = [tensor]
    self.bytes = bytes
  }

  func require(_ name: String) throws -> TensorInfo { matrix }

  func read(
    _ tensor: TensorInfo, bytes range: Range<Int>, into buffer: UnsafeMutableRawBufferPointer
  ) throws {
    buffer.copyBytes(from: bytes[range])
  }

  /// The matrix decoded by the reference, row after row.
  func decoded() -> [Float] {
    [Float](unsafeUninitializedCapacity: matrix.elementCount) { out, count in
      bytes.withUnsafeBytes { bytes in
        Dequantize.dequantize(
          matrix.type, bytes, into: UnsafeMutableBufferPointer(rebasing: out[...]))
      }
      count = matrix.elementCount
    }
  }

  private static func block(
    _ type: TensorType, _ values: Values, _ generator: inout SeededGenerator
  ) -> [UInt8] {
    func word<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
      withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }
    let half = half(values, &generator)
    let other = Self.half(values, &generator)
    let noise = (0..<type.bytesPerBlock).map { _ in UInt8.random(in: 0...255, using: &generator) }
    switch type {
    case .f32: return word(single(values, &generator).bitPattern)
    case .f16: return word(half)
    case .bf16: return word(UInt16(single(values, &generator).bitPattern >> 16))
    case .f8_E4M3, .f8_E5M2:
      // Exponents that leave out what is infinite or no number; for E4M3 some more.
      let largest: UInt8 = values == .finite ? 0x7B : 0x3B
      return [noise[0] & 0x80 | UInt8.random(in: 0...largest, using: &generator)]
    case .q4_0, .q5_0, .q8_0, .iq4_NL, .iq4_XS: return word(half) + noise[2...]
    case .q4_1, .q5_1, .q4_K, .q5_K: return word(half) + word(other) + noise[4...]
    case .q2_K: return noise[..<80] + word(half) + word(other)
    case .q3_K: return noise[..<108] + word(half)
    case .q6_K: return noise[..<208] + word(half)
    case .mxfp4:
      // Exponents 0 and 1 are denormal; with 12 times the largest, the weights are finite still.
      let scale = UInt8.random(in: values == .finite ? 0...251 : 0...127, using: &generator)
      return [scale] + noise[1...]
    }
  }

  /// The bits of a finite half: one in eight is denormal or 0.
  private static func half(_ values: Values, _ generator: inout SeededGenerator) -> UInt16 {
    let largest: UInt16 = values == .finite ? 30 : 14
    let exponent =
      UInt8.random(in: 0..<8, using: &generator) == 0
      ? 0 : UInt16.random(in: 0...largest, using: &generator)
    let sign = UInt16.random(in: 0...1, using: &generator)
    return sign << 15 | exponent << 10 | UInt16.random(in: 0..<1024, using: &generator)
  }

  private static func single(_ values: Values, _ generator: inout SeededGenerator) -> Float {
    switch values {
    case .moderate: return Float.random(in: -1...1, using: &generator)
    case .finite:
      let exponent = UInt32.random(in: 0...254, using: &generator)
      let rest = UInt32.random(in: 0..<(1 << 24), using: &generator)
      return Float(bitPattern: (rest >> 23) << 31 | exponent << 23 | rest & 0x7F_FFFF)
    }
  }
}

/// Whether all bytes are the same: in a debug build, going through the numbers would take most of a
/// test's time.
func haveSameBytes(_ one: some Collection<Float>, _ other: some Collection<Float>) -> Bool {
  one.withContiguousStorageIfAvailable { one in
    other.withContiguousStorageIfAvailable { other in
      let (one, other) = (UnsafeRawBufferPointer(one), UnsafeRawBufferPointer(other))
      guard one.count == other.count, let a = one.baseAddress, let b = other.baseAddress else {
        return one.count == other.count
      }
      return memcmp(a, b, one.count) == 0
    } ?? false
  } ?? false
}

/// Two arrays that must be the same to the bit; −0 is not 0, and any NaN is any other.
func expectSameBits(
  _ found: some Collection<Float>, _ wanted: some Collection<Float>,
  _ what: @autoclosure () -> String = "", sourceLocation: SourceLocation = #_sourceLocation
) {
  if haveSameBytes(found, wanted) { return }
  let what = what()
  #expect(found.count == wanted.count, "\(what)", sourceLocation: sourceLocation)
  let pair = zip(found, wanted).enumerated().first { _, pair in
    pair.0.bitPattern != pair.1.bitPattern && !(pair.0.isNaN && pair.1.isNaN)
  }
  if let (i, (found, wanted)) = pair {
    Issue.record(
      "\(what) differs first at \(i): \(found) instead of \(wanted)",
      sourceLocation: sourceLocation)
  }
}

/// The largest |found − wanted| / max(|wanted|, floor).
func relativeGap(
  _ found: some Sequence<Float>, _ wanted: some Sequence<Double>, floor: Double = 1e-30
) -> Double {
  zip(found, wanted).map { found, wanted in
    // A NaN must not pass for the smallest.
    let gap = abs(Double(found) - wanted) / max(abs(wanted), floor)
    return gap.isNaN ? .infinity : gap
  }.max() ?? 0
}

/// The kernels of an instruction set, by its name in the tests' log.
struct NamedKernels: Sendable, CustomTestStringConvertible {
  let kernels: any InstructionSet.Type

  static let all = Kernels.available.map(NamedKernels.init)

  var testDescription: String { kernels.name }
}

/// Calls `body` with a copy of `values` that ends where the array does but for `margin` more
/// elements, all NaN, and requires these to be NaN still: nobody reads or writes beyond the end.
func withMargin(
  _ values: [Float], margin: Int = 40, sourceLocation: SourceLocation = #_sourceLocation,
  _ body: (UnsafeMutablePointer<Float>) -> Void
) -> [Float] {
  var padded = values + [Float](repeating: .nan, count: margin)
  padded.withUnsafeMutableBufferPointer { buffer in
    if let base = buffer.baseAddress { body(base) }
  }
  #expect(
    padded[values.count...].allSatisfy { $0.isNaN }, "written beyond the end",
    sourceLocation: sourceLocation)
  return Array(padded[..<values.count])
}
