extension Numerics {
  /// x^y as IEEE 754 has it, correctly rounded but for ties that the last bits of 2^-90 decide, so
  /// exact where a `Double` holds the result: e^(y ln x), both in pairs of doubles. Not a number for
  /// a negative x with a y that is not whole.
  public static func power(_ x: Double, _ y: Double) -> Double {
    if y == 0 || x == 1 { return 1 }
    guard !x.isNaN, !y.isNaN else { return .nan }
    let isOdd = isOddWhole(y)
    if x == 0 {
      let size = y > 0 ? 0 : Double.infinity
      return isOdd && x.sign == .minus ? -size : size
    }
    if y.isInfinite { return x == -1 ? 1 : (x.magnitude > 1) == (y > 0) ? .infinity : 0 }
    guard x > 0 || x.isInfinite || y == y.rounded(.towardZero) else { return .nan }
    let size: Double
    if x.isInfinite {
      size = y > 0 ? .infinity : 0
    } else if x == -1 {
      size = 1
    } else if y.magnitude >= 0x1p63 {
      // |ln x| is 2^-53 or more where x is not 1.
      size = (x.magnitude > 1) == (y > 0) ? .infinity : 0
    } else {
      size = exp(Pair.log(x.magnitude) * Pair(y))
    }
    return x < 0 && isOdd ? -size : size
  }

  private static func isOddWhole(_ y: Double) -> Bool {
    y.magnitude < 0x1p53 && y == y.rounded(.towardZero)
      && y.truncatingRemainder(dividingBy: 2) != 0
  }

  /// e^x. x = n ln 2 + r, |r| ≤ ln 2 / 2; e^r by its series, to the 26th power.
  private static func exp(_ x: Pair) -> Double {
    guard x.high < 710 else { return .infinity }
    guard x.high > -746 else { return 0 }
    let n = (x.high * 1.442_695_040_888_963_4).rounded(.toNearestOrEven)
    let r = x + Pair(-n) * .ln2
    var sum = Pair(1)
    for i in stride(from: 26.0, through: 1, by: -1) { sum = Pair(1) + r * sum / Pair(i) }
    // In two steps: 2^n may be no double where the result is one.
    let half = (n / 2).rounded(.down)
    return (sum.high + sum.low) * Double(sign: .plus, exponent: Int(half), significand: 1)
      * Double(sign: .plus, exponent: Int(n - half), significand: 1)
  }
}

/// A number as the sum of two doubles, about 106 bits of it (Dekker 1971).
private struct Pair {
  var high: Double
  var low: Double

  init(_ high: Double, _ low: Double = 0) { (self.high, self.low) = (high, low) }

  /// a + b, where a is 0 or the larger.
  private init(sum a: Double, _ b: Double) {
    high = a + b
    low = b - (high - a)
  }

  static let ln2 = Pair(0.693_147_180_559_945_3, 2.319_046_813_846_299_6e-17)

  static func + (a: Pair, b: Pair) -> Pair {
    let sum = a.high + b.high
    let part = sum - a.high
    let rest = (a.high - (sum - part)) + (b.high - part)
    return Pair(sum: sum, rest + (a.low + b.low))
  }

  static func * (a: Pair, b: Pair) -> Pair {
    let product = a.high * b.high
    let rest = (-product).addingProduct(a.high, b.high)
    return Pair(sum: product, rest + (a.high * b.low + a.low * b.high))
  }

  static func / (a: Pair, b: Pair) -> Pair {
    let first = a.high / b.high
    let rest = a + Pair(-first) * b
    let second = rest.high / b.high
    let third = (rest + Pair(-second) * b).high / b.high
    return Pair(sum: first, second) + Pair(third)
  }

  /// ln x for a positive number. x = 2^e m, m in [√½, √2); ln m = 2 artanh s, s = (m − 1) / (m + 1),
  /// by the series s + s³/3 + … up to s⁴¹.
  static func log(_ x: Double) -> Pair {
    var exponent = Double(x.exponent)
    var m = x.significand
    if m > 1.414_213_562_373_095_1 {
      m /= 2
      exponent += 1
    }
    // m − 1 is exact.
    let s = Pair(m - 1) / (Pair(m) + Pair(1))
    let square = s * s
    var sum = Pair(0)
    for i in stride(from: 41.0, through: 1, by: -2) { sum = sum * square + Pair(1) / Pair(i) }
    return Pair(2) * s * sum + Pair(exponent) * .ln2
  }
}
