import CSIMD
import TestSupport
import Testing

@testable import Model

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

@Suite("Kernels: attention")
struct KernelAttentionTests {
  /// Rows of a key or value buffer, with a place for each source that is not its own number.
  private struct Cache {
    let stride: Int
    let values: [Float]
    let rows: [Int32]

    init(count: Int, width: Int, seed: Int) {
      var generator = SeededGenerator(seed)
      stride = width + 3
      values = generator.floats((count + 5) * stride)
      rows = Array((0..<Int32(count + 5)).shuffled(using: &generator).prefix(count))
    }

    func row(_ j: Int, width: Int) -> [Float] {
      let start = Int(rows[j]) * stride
      return Array(values[start..<start + width])
    }
  }

  private static let widths = Array(1...40) + [64, 128]

  /// Measured: 9e-8 of the sum of magnitudes.
  @Test("scores are scaled dot products", arguments: NamedKernels.all)
  func scores(_ named: NamedKernels) {
    let kernels = named.kernels
    var generator = SeededGenerator(1)
    for width in Self.widths {
      let count = 1 + width % 13
      let keys = Cache(count: count, width: width, seed: width)
      let q = generator.floats(width)
      let scale = 1 / Float(width).squareRoot()
      let found = withMargin([Float](repeating: 0, count: count)) { out in
        kernels.attentionScores(
          of: q, keys: keys.values,
          at: SummandSources(rows: keys.rows, count: count, stride: keys.stride), width: width,
          scale: scale, into: out)
      }
      for j in 0..<count {
        let key = keys.row(j, width: width)
        let terms = zip(q, key).map { Double($0) * Double($1) * Double(scale) }
        let magnitude = terms.reduce(0) { $0 + abs($1) }
        #expect(abs(Double(found[j]) - terms.reduce(0, +)) <= 3e-7 * magnitude)
        expectSameBits([found[j]], [KernelElementwiseTests.lanes(q, key) * scale])
      }
    }
  }

  @Test("z is the weighted sum of values, sources in order", arguments: NamedKernels.all)
  func weightedValues(_ named: NamedKernels) {
    let kernels = named.kernels
    var generator = SeededGenerator(2)
    for width in Self.widths {
      let count = 1 + width % 13
      let values = Cache(count: count, width: width, seed: 100 + width)
      let pattern = generator.floats(count, in: 0...1)
      let found = withMargin([Float](repeating: 0, count: width)) { out in
        kernels.weightedValues(
          pattern: pattern, values: values.values,
          at: SummandSources(rows: values.rows, count: count, stride: values.stride),
          width: width, into: out)
      }
      for i in 0..<width {
        var sum: Float = 0
        var exact = 0.0
        var magnitude = 0.0
        for j in 0..<count {
          let value = values.row(j, width: width)[i]
          sum = sum.addingProduct(pattern[j], value)
          exact += Double(pattern[j]) * Double(value)
          magnitude += abs(Double(pattern[j]) * Double(value))
        }
        #expect(abs(Double(found[i]) - exact) <= 1e-6 * magnitude)
        expectSameBits([found[i]], [sum], "width \(width), element \(i)")
      }
    }
  }

  /// Measured: 7e-8 of the pair's length.
  @Test("rotation turns (i, i + half) and nothing else", arguments: NamedKernels.all)
  func rotate(_ named: NamedKernels) {
    let kernels = named.kernels
    var generator = SeededGenerator(3)
    for half in 1...40 {
      let x = generator.floats(2 * half + 3)
      let angles = generator.floats(half, in: -7...7).map { Double($0) }
      let cosines = angles.map { Float(Numerics.sinCos($0).cos) }
      let sines = angles.map { Float(Numerics.sinCos($0).sin) }
      let found = withMargin(x) { x in
        _ = withMargin(cosines) { c in
          _ = withMargin(sines) { kernels.rotate(x, half: half, cosines: c, sines: $0) }
        }
      }
      for i in 0..<half {
        let (a, b) = (Double(x[i]), Double(x[i + half]))
        let (c, s) = (Double(cosines[i]), Double(sines[i]))
        let length = (a * a + b * b).squareRoot()
        #expect(abs(Double(found[i]) - (a * c - b * s)) <= 2e-7 * length)
        #expect(abs(Double(found[i + half]) - (a * s + b * c)) <= 2e-7 * length)
        // Products rounded, then the sum: never fused, whatever the compiler can do.
        expectSameBits(
          [found[i], found[i + half]],
          [
            x[i] * cosines[i] - x[i + half] * sines[i],
            x[i] * sines[i] + x[i + half] * cosines[i],
          ])
      }
      expectSameBits(found[(2 * half)...], x[(2 * half)...], "beyond the rotated width")
    }
  }

  @Test("rotation of neighbours", arguments: NamedKernels.all)
  func rotateAdjacent(_ named: NamedKernels) {
    let kernels = named.kernels
    var generator = SeededGenerator(12)
    for (width, half) in [(2, 1), (10, 2), (64, 32), (80, 10)] {
      let x = generator.floats(width)
      let angles = (0..<half).map { _ in Double.random(in: -4...4, using: &generator) }
      let (cosines, sines) = (angles.map { Float(cos($0)) }, angles.map { Float(sin($0)) })
      let found = withMargin(x) {
        kernels.rotateAdjacent($0, half: half, cosines: cosines, sines: sines)
      }
      for i in 0..<half {
        expectSameBits(
          [found[2 * i], found[2 * i + 1]],
          [
            x[2 * i] * cosines[i] - x[2 * i + 1] * sines[i],
            x[2 * i] * sines[i] + x[2 * i + 1] * cosines[i],
          ])
      }
      expectSameBits(found[(2 * half)...], x[(2 * half)...], "beyond the rotated width")
    }
  }

  @Test("RoPE's angles are p · base^(−2i/d)")
  func rotaryTable() throws {
    let rotary = Rotary(width: 64, base: 100_000)
    let table = try RotaryTable(rotary, factors: [], positions: 9000)
    for position in [0, 1, 10, 511, 8191, 8999] {
      table.withAngles(at: position) { cosines, sines in
        for i in 0..<32 {
          let angle = Double(position) * pow(100_000, -2 * Double(i) / 64)
          #expect(abs(Double(cosines[i]) - cos(angle)) < 4e-8)
          #expect(abs(Double(sines[i]) - sin(angle)) < 4e-8)
        }
      }
    }
  }
}
