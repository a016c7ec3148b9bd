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
  /// Queries of which each reads the same rows of a buffer first and then its own, in any order.
  private struct Block {
    let width: Int
    let stride: Int
    let scoreStride: Int
    let shared: Int
    /// For each query the rows of its sources.
    let rows: [[Int32]]
    /// The first source that each query weighs.
    let first: [Int]
    let q: [Float]
    let keys: [Float]

    init(queries: Int, width: Int, seed: Int) {
      var generator = SeededGenerator(seed)
      func pick(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }
      self.width = width
      stride = width + 3
      let shared = pick(0...40)
      self.shared = shared
      let buffer = 90
      let common = (0..<Int32(buffer)).shuffled(using: &generator)
      let isOneRun = seed.isMultiple(of: 3)
      rows = (0..<queries).map { _ in
        let count =
          isOneRun ? pick(1...max(1, shared)) : shared + pick(shared == 0 ? 1...1 : 0...11)
        let own = (0..<Int32(buffer)).shuffled(using: &generator)
        return Array((common.prefix(shared) + own).prefix(count))
      }
      first = rows.map { pick(0...$0.count - 1) }
      scoreStride = (rows.map(\.count).max() ?? 0) + 16
      q = generator.floats(queries * width)
      keys = generator.floats(buffer * stride)
    }

    func q(of query: Int) -> [Float] { Array(q[query * width..<(query + 1) * width]) }

    /// The vector of a query's source.
    func vector(_ query: Int, _ source: Int) -> [Float] {
      let start = Int(rows[query][source]) * stride
      return Array(keys[start..<start + width])
    }

    /// Calls `body` with the block and its buffer of keys, or of values.
    func with(
      scores: UnsafeMutablePointer<Float>, z: UnsafeMutablePointer<Float>,
      _ body: (SummandQueries, SummandHead) -> Void
    ) {
      let flat = rows.flatMap { $0 }
      q.withUnsafeBufferPointer { q in
        keys.withUnsafeBufferPointer { keys in
          flat.withUnsafeBufferPointer { flat in
            guard let q = q.baseAddress, let keys = keys.baseAddress, let flat = flat.baseAddress
            else { return }
            var start = 0
            let queries = rows.indices.map { i in
              defer { start += rows[i].count }
              return SummandQuery(
                q: q + i * width, rows: flat + start, first: first[i], count: rows[i].count,
                scores: scores + i * scoreStride, z: z + i * width)
            }
            queries.withUnsafeBufferPointer { queries in
              guard let base = queries.baseAddress else { return }
              body(
                SummandQueries(queries: base, count: queries.count, shared: shared),
                SummandHead(base: keys, stride: stride, width: width))
            }
          }
        }
      }
    }
  }

  private static let widths = Array(1...40) + [64, 80, 96, 128, 256]

  /// Blocks of every number of queries up to 14, each with a width of its own.
  private static let blocks = widths.enumerated().map { i, width in
    Block(queries: 1 + i % 14, width: width, seed: i)
  }

  /// Measured: 9e-8 of the sum of magnitudes.
  @Test("scores are scaled dot products", arguments: NamedKernels.all)
  func scores(_ named: NamedKernels) {
    for block in Self.blocks {
      let scale = 1 / Float(block.width).squareRoot()
      var z: Float = 0
      let found = withMargin(
        [Float](repeating: 0, count: block.rows.count * block.scoreStride)
      ) { scores in
        block.with(scores: scores, z: &z) {
          named.kernels.attentionScores(of: $0, keys: $1, scale: scale)
        }
      }
      for (i, rows) in block.rows.enumerated() {
        for j in rows.indices {
          let (q, key) = (block.q(of: i), block.vector(i, j))
          let terms = zip(q, key).map { Double($0) * Double($1) * Double(scale) }
          let magnitude = terms.reduce(0) { $0 + abs($1) }
          let score = found[i * block.scoreStride + j]
          #expect(abs(Double(score) - terms.reduce(0, +)) <= 3e-7 * magnitude)
          expectSameBits(
            [score], [KernelElementwiseTests.lanes(q, key) * scale],
            "width \(block.width), query \(i), source \(j)")
        }
      }
    }
  }

  @Test("z is the weighted sum of values, sources in order", arguments: NamedKernels.all)
  func weightedValues(_ named: NamedKernels) {
    var generator = SeededGenerator(2)
    for block in Self.blocks {
      var pattern = generator.floats(block.rows.count * block.scoreStride, in: 0...1)
      // What is before the first or after the last is not read: it would make all of z NaN.
      for (i, rows) in block.rows.enumerated() {
        for j in 0..<block.scoreStride where j < block.first[i] || j >= rows.count {
          pattern[i * block.scoreStride + j] = .nan
        }
      }
      let found = withMargin(
        [Float](repeating: 0, count: block.rows.count * block.width)
      ) { z in
        pattern.withUnsafeMutableBufferPointer { pattern in
          guard let base = pattern.baseAddress else { return }
          block.with(scores: base, z: z) { named.kernels.weightedValues(of: $0, values: $1) }
        }
      }
      for (i, rows) in block.rows.enumerated() {
        var sums = [Float](repeating: 0, count: block.width)
        var exact = [Double](repeating: 0, count: block.width)
        for j in block.first[i]..<rows.count {
          let weight = pattern[i * block.scoreStride + j]
          for (column, value) in block.vector(i, j).enumerated() {
            sums[column].addProduct(weight, value)
            exact[column] += Double(weight) * Double(value)
          }
        }
        let z = Array(found[i * block.width..<(i + 1) * block.width])
        expectSameBits(z, sums, "width \(block.width), query \(i)")
        for (z, exact) in zip(z, exact) { #expect(abs(Double(z) - exact) <= 1e-5) }
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
