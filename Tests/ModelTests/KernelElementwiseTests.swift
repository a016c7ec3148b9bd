import CSIMD
import TestSupport
import Testing

@testable import Model

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

@Suite("Kernels: rows of numbers")
struct KernelElementwiseTests {
  private static let lengths = Array(1...40) + [576, 1536]

  /// The order of every reduction: element i goes to lane i mod 16, the lanes are folded in halves.
  static func lanes(_ a: [Float], _ b: [Float]) -> Float {
    var lanes = [Float](repeating: 0, count: 16)
    for i in a.indices { lanes[i % 16] = lanes[i % 16].addingProduct(a[i], b[i]) }
    var width = 8
    while width > 0 {
      for i in 0..<width { lanes[i] += lanes[i + width] }
      width /= 2
    }
    return lanes[0]
  }

  @Test("dot products in 16 lanes and one fold, to the bit", arguments: NamedKernels.all)
  func dot(_ named: NamedKernels) {
    let kernels = named.kernels
    var generator = SeededGenerator(1)
    for n in Self.lengths {
      let (a, b) = (generator.floats(n), generator.floats(n))
      var found: Float = 0
      _ = withMargin(a) { a in _ = withMargin(b) { found = kernels.dot(a, $0, count: n) } }
      expectSameBits([found], [Self.lanes(a, b)], "\(n) elements")
    }
  }

  @Test("four vectors by several others, each as by itself", arguments: NamedKernels.all)
  func dots(_ named: NamedKernels) {
    let kernels = named.kernels
    var generator = SeededGenerator(11)
    for (n, count) in [(1, 1), (8, 2), (16, 5), (37, 6), (48, 13), (576, 28)] {
      let rows = (0..<4).map { _ in generator.floats(n) }
      let stride = n + 3
      let others = generator.floats((count - 1) * stride + n)
      let found = withMargin([Float](repeating: 0, count: 4 * count)) { out in
        _ = withMargin(others) { others in
          let columns = SummandColumns(
            base: others, stride: stride, count: count, length: n)
          kernels.dots(rows[0], rows[1], rows[2], rows[3], by: columns, into: out)
        }
      }
      let wanted = rows.flatMap { row in
        (0..<count).map { Self.lanes(row, Array(others[$0 * stride..<$0 * stride + n])) }
      }
      expectSameBits(found, wanted, "\(n) elements by \(count)")
    }
  }

  @Test("addition, to the bit", arguments: NamedKernels.all)
  func add(_ named: NamedKernels) {
    let kernels = named.kernels
    var generator = SeededGenerator(2)
    for n in Self.lengths {
      let (x, y) = (generator.floats(n), generator.floats(n))
      let found = withMargin(y) { y in _ = withMargin(x) { kernels.add($0, to: y, count: n) } }
      expectSameBits(found, zip(x, y).map { $1 + $0 }, "\(n) elements")
    }
  }

  @Test("folding lanes, to the bit", arguments: NamedKernels.all)
  func foldLanes(_ named: NamedKernels) {
    let kernels = named.kernels
    var generator = SeededGenerator(3)
    let x = generator.floats(16 * 7)
    let found = withMargin([Float](repeating: 0, count: 7)) {
      kernels.foldLanes(x, count: 7, into: $0)
    }
    let ones = [Float](repeating: 1, count: 16)
    expectSameBits(found, (0..<7).map { Self.lanes(Array(x[$0 * 16..<$0 * 16 + 16]), ones) })
  }

  /// Measured: below 1.2e-7 of the scale.
  @Test("root mean square, and what it divides", arguments: NamedKernels.all)
  func norm(_ named: NamedKernels) {
    let kernels = named.kernels
    var generator = SeededGenerator(4)
    for n in Self.lengths {
      let x = generator.floats(n, in: -30...30)
      let weight = generator.floats(n)
      var scale: Float = 0
      _ = withMargin(x) { scale = kernels.rootMeanSquare($0, count: n, epsilon: 1e-5) }
      let mean = x.reduce(0) { $0 + Double($1) * Double($1) } / Double(n)
      #expect(relativeGap([scale], [(mean + Double(1e-5 as Float)).squareRoot()]) < 3e-7)

      let found = withMargin([Float](repeating: 0, count: n)) { out in
        _ = withMargin(x) { x in
          _ = withMargin(weight) {
            kernels.normalise(x, scale: scale, weight: $0, count: n, into: out)
          }
        }
      }
      let wanted = zip(x, weight).map { Double($0) / Double(scale) * Double($1) }
      #expect(relativeGap(found, wanted) < 3e-7, "\(n) elements")
      let inverse = 1 / scale
      expectSameBits(found, zip(x, weight).map { $0 * inverse * $1 }, "\(n) elements")
    }
  }

  @Test func scaleOfNothingIsThatOfEpsilon() {
    for kernels in Kernels.available {
      let zeros = [Float](repeating: 0, count: 24)
      #expect(
        kernels.rootMeanSquare(zeros, count: 24, epsilon: 1e-5) == (1e-5 as Float).squareRoot())
    }
  }

  /// e^x alone, seen through the softmax of (0, x): below −17 the sum is 1 and the second number is
  /// e^x itself. Measured: 0.93 ulp.
  @Test("exp is within 1.1 ulp", arguments: NamedKernels.all)
  func exponential(_ named: NamedKernels) {
    let kernels = named.kernels
    var worst = 0.0
    for i in 0..<200_000 {
      let x = -17 - Float(i) * (70.3 / 200_000)
      var pair: [Float] = [0, x]
      pair.withUnsafeMutableBufferPointer {
        if let base = $0.baseAddress { kernels.softmax(base, count: 2) }
      }
      let wanted = exp(Double(x))
      #expect(pair[0] == 1)
      worst = max(worst, abs(Double(pair[1]) - wanted) / Double(Float(wanted).ulp))
    }
    #expect(worst < 1.1)
    for x: Float in [-87.4, -88, -103, -1e5, -.greatestFiniteMagnitude, -.infinity] {
      var pair: [Float] = [x, 0]
      pair.withUnsafeMutableBufferPointer {
        if let base = $0.baseAddress { kernels.softmax(base, count: 2) }
      }
      #expect(pair == [0, 1], "e^\(x) is less than any normal number")
    }
  }

  /// Scores are multiples of 1/64, so that taking off the largest is exact. Measured: 2.2e-7 of each
  /// probability.
  @Test("softmax is within 5e-7 of each probability", arguments: NamedKernels.all)
  func softmax(_ named: NamedKernels) {
    let kernels = named.kernels
    var generator = SeededGenerator(5)
    for n in Self.lengths {
      for top: Float in [0, 300, -300] {
        let x = (0..<n).map { _ in
          top - Float(Int.random(in: 0..<2048, using: &generator)) / 64
        }
        let found = withMargin(x) { kernels.softmax($0, count: n) }
        let largest = Double(x.max() ?? 0)
        let powers = x.map { exp(Double($0) - largest) }
        let sum = powers.reduce(0, +)
        #expect(relativeGap(found, powers.map { $0 / sum }) < 5e-7, "\(n) scores")
      }
    }
  }

  @Test("softmax of one score is 1, of equal ones even, of −∞ 0", arguments: NamedKernels.all)
  func softmaxEdges(_ named: NamedKernels) {
    let kernels = named.kernels
    func softmax(_ x: [Float]) -> [Float] { withMargin(x) { kernels.softmax($0, count: x.count) } }
    for x: Float in [0, -1e30, 1e30, 0.1, .leastNonzeroMagnitude] { #expect(softmax([x]) == [1]) }
    #expect(softmax([3, 3, 3, 3]) == [0.25, 0.25, 0.25, 0.25])
    #expect(softmax([-.infinity, 2, -.infinity]) == [0, 1, 0])
    #expect(softmax([Float](repeating: -.infinity, count: 17) + [5]).last == 1)
    #expect(softmax([1, .nan, 1]).allSatisfy { $0.isNaN }, "what is no number must not vanish")
  }

  /// What the nonlinearities are, in double precision.
  private static func exact(_ nonlinearity: MLPShape.Nonlinearity, _ x: Double) -> Double {
    switch nonlinearity {
    case .silu: x / (1 + exp(-x))
    case .gelu: x * erfc(-x / 2.squareRoot()) / 2
    case .geluTanh:
      0.5 * x * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
    }
  }

  private func expectClose(_ found: [Float], _ wanted: [Double], _ tolerance: Double) {
    for (found, wanted) in zip(found, wanted) {
      let gap = abs(Double(found) - wanted)
      #expect(gap <= tolerance * abs(wanted) + 2e-8)
    }
  }

  /// Measured: 2.6e-7 of the value for SiLU; of GELU's tails, which are e^−x²/2 large, 4e-7 down to
  /// −5, where what is left is below 1e-6.
  @Test(
    "nonlinearities, with a gate and without, are within 6e-7", arguments: NamedKernels.all,
    MLPShape.Nonlinearity.allCases)
  func nonlinearities(_ named: NamedKernels, _ nonlinearity: MLPShape.Nonlinearity) {
    let kernels = named.kernels
    var generator = SeededGenerator(6)
    for n in Self.lengths {
      for range: ClosedRange<Float> in [-1...1, -5...20, -85...85] {
        let (x, up) = (generator.floats(n, in: range), generator.floats(n, in: 0.5...2))
        let found = withMargin([Float](repeating: 0, count: n)) { out in
          _ = withMargin(x) { x in
            _ = withMargin(up) { kernels.activate(nonlinearity, x, up: $0, count: n, into: out) }
          }
        }
        let wanted = x.map { Self.exact(nonlinearity, Double($0)) }
        let gated = zip(wanted, up).map { $0 * Double($1) }
        let tolerance = nonlinearity == .silu ? 6e-7 : 2e-6
        expectClose(found, gated, tolerance)
        let inPlace = withMargin(x) { x in
          _ = withMargin(up) { kernels.activate(nonlinearity, x, up: $0, count: n, into: x) }
        }
        expectSameBits(inPlace, found, "in place")
        let alone = withMargin(x) {
          kernels.activate(nonlinearity, $0, up: nil, count: n, into: $0)
        }
        expectClose(alone, wanted, tolerance)
      }
    }
  }

  @Test(
    "nonlinearities far out: the number itself, or nothing", arguments: NamedKernels.all,
    MLPShape.Nonlinearity.allCases)
  func farOut(_ named: NamedKernels, _ nonlinearity: MLPShape.Nonlinearity) {
    let kernels = named.kernels
    let x: [Float] = [0, -0.0, 100, 1e30, -89, -200, -1e12]
    let up = [Float](repeating: 2, count: x.count)
    let found = withMargin([Float](repeating: 1, count: x.count)) {
      kernels.activate(nonlinearity, x, up: up, count: x.count, into: $0)
    }
    #expect(found == [0, 0, 200, 2e30, 0, 0, 0])
    let undefined = withMargin([1]) {
      kernels.activate(nonlinearity, [.nan], up: [1], count: 1, into: $0)
    }
    #expect(undefined[0].isNaN)
  }

  /// Measured: 2e-7.
  @Test("soft caps are within 5e-7", arguments: NamedKernels.all)
  func softCap(_ named: NamedKernels) {
    let kernels = named.kernels
    var generator = SeededGenerator(8)
    for n in Self.lengths {
      for (cap, range) in [(Float(50), Float(-300)...300), (1.5, -4...4), (30, -1...1)] {
        let x = generator.floats(n, in: range)
        let found = withMargin(x) { kernels.softCap($0, count: n, cap: cap) }
        let wanted = x.map { Double(cap) * tanh(Double($0) / Double(cap)) }
        #expect(relativeGap(found, wanted) < 5e-7, "\(n) elements in \(range)")
      }
    }
    #expect(
      withMargin([Float](repeating: 0, count: 3)) { kernels.softCap($0, count: 3, cap: 2) } == [
        0, 0, 0,
      ])
  }

  /// Measured: 3e-7 of the magnitude.
  @Test("LayerNorm is within 1e-6", arguments: NamedKernels.all)
  func layerNorm(_ named: NamedKernels) {
    let kernels = named.kernels
    var generator = SeededGenerator(9)
    for n in Self.lengths where n > 1 {
      let x = generator.floats(n, in: -2...5)
      let (weight, bias) = (generator.floats(n, in: 0.5...2), generator.floats(n))
      let mean = x.reduce(0) { $0 + Double($1) } / Double(n)
      let variance = x.reduce(0) { $0 + pow(Double($1) - mean, 2) } / Double(n)
      let scale = (variance + 1e-5).squareRoot()
      let foundMean = kernels.mean(x, count: n)
      #expect(abs(Double(foundMean) - mean) < 1e-6 * max(1, abs(mean)))
      let foundScale = kernels.deviation(x, mean: foundMean, count: n, epsilon: 1e-5)
      #expect(abs(Double(foundScale) / scale - 1) < 1e-6)
      let found = withMargin([Float](repeating: 0, count: n)) { out in
        kernels.normaliseCentred(
          x, scale: foundScale, weight: weight, bias: bias, count: n, into: out)
      }
      for i in 0..<n {
        let wanted = (Double(x[i]) - mean) / scale * Double(weight[i]) + Double(bias[i])
        #expect(abs(Double(found[i]) - wanted) < 2e-6 * max(1, abs(wanted)), "\(i) of \(n)")
      }
    }
  }
}
