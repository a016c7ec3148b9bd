import TestSupport
import Testing

@testable import Model

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Against the C library's doubles, which are within 1 ulp of the truth themselves.
@Suite("Numerics: elementary functions")
struct NumericsTests {
  private static func ulps(_ found: Double, _ wanted: Double) -> Double {
    if found == wanted || found.isNaN && wanted.isNaN { return 0 }
    let gap = abs(found - wanted) / wanted.ulp
    return gap.isNaN ? .infinity : gap
  }

  private static func worst(
    _ range: ClosedRange<Double>, _ count: Int = 100_000, _ gap: (Double) -> Double
  ) -> (ulps: Double, at: Double) {
    var generator = SeededGenerator(count)
    return (0..<count).reduce((0, 0)) { worst, _ in
      let x = Double.random(in: range, using: &generator)
      let found = gap(x)
      return found > worst.0 ? (found, x) : worst
    }
  }

  /// Measured: 1 ulp, below the smallest normal number too.
  @Test(
    "exp is within 2 ulp",
    arguments: [-1e-8...1e-8, -1...1, -40...40, -708...709.7, -745.1 ... -708])
  func exponential(range: ClosedRange<Double>) {
    let worst = Self.worst(range) { Self.ulps(Numerics.exp($0), exp($0)) }
    #expect(worst.ulps <= 2, "at \(worst.at)")
  }

  @Test func exponentialEdges() {
    #expect(Numerics.exp(0) == 1)
    #expect(Numerics.exp(-0.0) == 1)
    #expect(Numerics.exp(.infinity) == .infinity)
    #expect(Numerics.exp(-.infinity) == 0)
    #expect(Numerics.exp(.nan).isNaN)
    #expect(Numerics.exp(709.79) == .infinity)
    #expect(Numerics.exp(709.78) == exp(709.78))
    #expect(Numerics.exp(-745.13) == .leastNonzeroMagnitude)
    #expect(Numerics.exp(-745.14) == 0)
    #expect(Numerics.exp(-1e300) == 0)
  }

  /// Measured: 2 ulp near 1, where the logarithm is small; 1 elsewhere.
  @Test(
    "log is within 2 ulp",
    arguments: [
      1e-300...1e-290, 1e-3...1, 0.9...1.1, 0.999_999...1.000_001, 1...2, 2...1e6, 1e300...1e308,
    ])
  func logarithm(range: ClosedRange<Double>) {
    let worst = Self.worst(range) { Self.ulps(Numerics.log($0), log($0)) }
    #expect(worst.ulps <= 2, "at \(worst.at)")
  }

  @Test("log of what is below the smallest normal number")
  func logarithmOfDenormals() {
    var generator = SeededGenerator(1)
    for _ in 0..<10_000 {
      let bits = UInt64.random(in: 1..<(1 << 52), using: &generator)
      let x = Double(bitPattern: bits >> UInt64.random(in: 0..<52, using: &generator))
      #expect(Self.ulps(Numerics.log(x), log(x)) <= 1)
    }
  }

  @Test func logarithmEdges() {
    #expect(Numerics.log(1) == 0)
    #expect(Numerics.log(0) == -.infinity)
    #expect(Numerics.log(-0.0) == -.infinity)
    #expect(Numerics.log(-1).isNaN)
    #expect(Numerics.log(.nan).isNaN)
    #expect(Numerics.log(.infinity) == .infinity)
    #expect(Numerics.log(-.infinity).isNaN)
    for n in -1074...1023 {
      let power = Double(sign: .plus, exponent: n, significand: 1)
      #expect(Self.ulps(Numerics.log(power), log(power)) <= 1)
    }
  }

  /// The error of y · ln x, half an ulp or so, is multiplied by its size.
  @Test("pow is within 2 + 2 · |y ln x| ulp")
  func power() {
    var generator = SeededGenerator(2)
    for _ in 0..<50_000 {
      let x = Double.random(in: 1e-4...2e6, using: &generator)
      let y = Double.random(in: -20...20, using: &generator)
      let gap = Self.ulps(Numerics.pow(x, y), pow(x, y))
      #expect(gap <= 2 + 2 * abs(y * log(x)), "\(x)^\(y)")
    }
    #expect(Numerics.pow(10_000, 0) == 1)
    #expect(Numerics.pow(1, 17) == 1)
  }

  /// Within 2 ulp where the result is not near a zero of the function; near one, within 2 ulp of
  /// what π/2 in 118 bits leaves: 1e-22 for angles up to 1e6. Measured: 1 ulp.
  @Test(
    "sin and cos are within 2 ulp",
    arguments: [-1e-9...1e-9, -0.8...0.8, -10...10, -1e3...1e3, 0...1e6])
  func sineAndCosine(range: ClosedRange<Double>) {
    let worst = Self.worst(range) { x in
      let (s, c) = Numerics.sinCos(x)
      return max(Self.ulps(s, sin(x)), Self.ulps(c, cos(x)))
    }
    #expect(worst.ulps <= 2, "at \(worst.at)")
  }

  @Test("sin and cos near multiples of π/2")
  func sineAndCosineNearZeros() {
    for n in 0...636_619 where n % 7 == 0 {
      let x = Double(n) * (Double.pi / 2)
      let (s, c) = Numerics.sinCos(x)
      #expect(abs(s - sin(x)) <= max(2 * sin(x).ulp, 1e-22), "sin \(x)")
      #expect(abs(c - cos(x)) <= max(2 * cos(x).ulp, 1e-22), "cos \(x)")
    }
    for n in 1...100 {
      for delta in [-1e-5, -1e-9, 1e-9, 1e-5] {
        let x = Double(n) * (Double.pi / 2) + delta
        let (s, c) = Numerics.sinCos(x)
        #expect(abs(s - sin(x)) <= max(2 * sin(x).ulp, 1e-25))
        #expect(abs(c - cos(x)) <= max(2 * cos(x).ulp, 1e-25))
      }
    }
    let zero = Numerics.sinCos(0)
    #expect(zero.sin == 0 && zero.cos == 1)
  }

  /// Rounded from 60 digits by Python's `decimal`: equal to the bit.
  private static let powers: [(x: Double, y: Double, power: Double)] = [
    (2.0, 0.5, 1.4142135623730951),
    (10.0, 2.0, 100.0),
    (10.0, -3.0, 0.001),
    (1.1, 10.0, 2.5937424601000023),
    (0.7, 333.0, 2.6160577370586528e-52),
    (3.0, -700.0, 0.0),
    (1.0000001, 10000000.0, 2.7182816941320818),
    (0.5, 0.3333333333333333, 0.7937005259840998),
    (1e-300, 0.9, 9.999999999999847e-271),
    (123.456, 7.89, 3.1771028258180936e+16),
    (2.0, -1074.0, 5e-324),
    (5e-324, 0.5, 2.2227587494850775e-162),
    (1.7976931348623157e+308, 0.25, 1.157920892373162e+77),
    (0.9999999999999999, 1e+16, 0.3294854695069476),
    (1.5, 1745.0, 1.90216003236109e+307),
    (31.1488557275362, 19.342959140858355, 7.719505226980521e+28),
    (39.761726342629174, 35.39602270216403, 4.1182021650668575e+56),
    (36.99752975124913, 33.78599973323335, 9.60026835207479e+52),
    (1.4599713618979007, -2.750187649751574, 0.3532012518698281),
    (45.04601558261363, -30.943522827748453, 6.76154545222068e-52),
    (23.45876169863037, -20.274173390413573, 1.6527118372847014e-28),
    (0.6655783375492211, -22.66161596289215, 10152.951607475186),
    (39.85937810164591, -28.898606528087747, 5.583394468528678e-47),
  ]

  @Test func powersAreCorrectlyRounded() {
    for (x, y, power) in Self.powers { #expect(Numerics.power(x, y) == power, "\(x) ** \(y)") }
  }

  /// The special cases are those of the C library.
  @Test func powersOfSpecialNumbers() {
    let numbers: [Double] = [
      0, -0.0, 1, -1, 2, -2, 0.5, -0.5, 3, -3, 1e300, -1e300, 0x1p64, .infinity, -.infinity,
    ]
    for x in numbers {
      for y in numbers {
        let (found, wanted) = (Numerics.power(x, y), pow(x, y))
        #expect(found.isNaN == wanted.isNaN, "\(x) ** \(y)")
        if !found.isNaN { #expect(found.bitPattern == wanted.bitPattern, "\(x) ** \(y)") }
      }
    }
  }
}
