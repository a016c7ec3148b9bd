/// Elementary functions in double precision, of our own: libm's differ in their last bits from one
/// processor to the next, and no number here may. Each is good to a few units in the last place,
/// far below the f32 that the results end in. The loops count by hand: a stride takes most of the time
/// in a debug build, in which the tests run.
public enum Numerics {
  /// e^x. x = n ln 2 + r, |r| ≤ ln 2 / 2; e^r by its series, to the 13th power.
  public static func exp(_ x: Double) -> Double {
    guard x == x else { return x }
    guard x < 709.8 else { return .infinity }
    guard x > -745.2 else { return 0 }
    let n = (x * 1.442_695_040_888_963_4).rounded(.toNearestOrEven)
    let r = (x - n * 0.693_147_180_485_539_1) - n * 7.440_617_110_012_397e-11
    var sum = 1.0
    var i = 13.0
    while i >= 1 {
      sum = 1 + r / i * sum
      i -= 1
    }
    // In two steps, so that a result below the smallest normal number is rounded once only.
    let half = (n / 2).rounded(.down)
    return sum * powerOfTwo(Int(half)) * powerOfTwo(Int(n - half))
  }

  /// ln x. x = 2^e · (1 + f), 1 + f in [√½, √2). With s = f / (2 + f), ln (1 + f) = 2 artanh s, whose
  /// leading term 2s is f − s f: so f itself, the largest part, is not rounded.
  public static func log(_ x: Double) -> Double {
    guard x > 0, x < .infinity else { return x == 0 ? -.infinity : x < 0 ? .nan : x }
    var exponent = Double(x.exponent)
    var mantissa = x.significand
    if mantissa > 1.414_213_562_373_095_1 {
      mantissa /= 2
      exponent += 1
    }
    let f = mantissa - 1
    let s = f / (2 + f)
    let square = s * s
    var rest = 0.0
    var i = 25.0
    while i >= 3 {
      rest = (rest + 2 / i) * square
      i -= 2
    }
    // 2s = f − f²/2 + s f²/2, and 2 artanh s = 2s + s · rest.
    let half = f * f / 2
    let small = s * (half + rest) + exponent * 7.440_617_110_012_397e-11
    return exponent * 0.693_147_180_485_539_1 + (f - (half - small))
  }

  /// x^y for x > 0.
  public static func pow(_ x: Double, _ y: Double) -> Double { exp(y * log(x)) }

  /// sin x and cos x. x = n π/2 + r, |r| ≤ π/4; both by their series. Good to 10⁷; from there to 10⁹
  /// to 10⁻¹⁶; not a number beyond.
  public static func sinCos(_ x: Double) -> (sin: Double, cos: Double) {
    guard abs(x) <= 1e9 else { return (.nan, .nan) }
    let n = (x * 0.636_619_772_367_581_4).rounded(.toNearestOrEven)
    // π/2 in three parts, the first two short enough that n times them is exact. What r loses when
    // it is rounded is kept in `rest`.
    let (high, middle) = (x - n * 1.570_796_325_802_803, n * 9.920_935_791_635_221e-10)
    let difference = high - middle
    let back = difference - high
    let lost = (high - (difference - back)) - (middle + back)
    let low = lost - n * 5.170_182_981_794_105e-19
    let r = difference + low
    let rest = (difference - r) + low
    let square = r * r
    var sine = 0.0
    var cosine = 0.0
    var i = 18.0
    while i >= 2 {
      cosine = (1 + cosine) * -square / (i * (i - 1))
      if i > 2 { sine = (1 + sine) * -square / ((i - 1) * (i - 2)) }
      i -= 2
    }
    let s = r + (r * sine + rest * (1 + cosine))
    let c = 1 + (cosine - r * rest)
    switch Int(n) & 3 {
    case 0: return (s, c)
    case 1: return (c, -s)
    case 2: return (-s, -c)
    default: return (-c, s)
    }
  }

  private static func powerOfTwo(_ n: Int) -> Double {
    n < -1022
      ? Double(sign: .plus, exponent: -1022, significand: 1)
        * Double(sign: .plus, exponent: n + 1022, significand: 1)
      : Double(sign: .plus, exponent: n, significand: 1)
  }
}
