import CSIMD

/// e^x within 1 ulp. x = n ln 2 + r, |r| ≤ ln 2 / 2; e^r = 1 + r + r² q(r), where q has degree 4 and
/// the least relative error, 4 · 10⁻⁹. 0 below −87.3, +∞ above 88.37.
@inline(__always)
private func exponential(_ x: SIMD16<Float>) -> SIMD16<Float> {
  let n = summand_round(x * SIMD16(repeating: 1.442_695_04))
  let clamped = summand_maximum(n, SIMD16(repeating: -126))
  let bounded = clamped.replacing(with: 127, where: clamped .> 127)
  var r = summand_fma(bounded, SIMD16(repeating: -0.693_145_751_953_125), x)
  r = summand_fma(bounded, SIMD16(repeating: -1.428_606_765_330_187_e-6), r)
  var p = SIMD16<Float>(repeating: 0.001_381_454)
  p = summand_fma(p, r, SIMD16(repeating: 0.008_368_745))
  p = summand_fma(p, r, SIMD16(repeating: 0.041_668_39))
  p = summand_fma(p, r, SIMD16(repeating: 0.166_665_21))
  p = summand_fma(p, r, SIMD16(repeating: 0.499_999_94))
  p = summand_fma(p, r, SIMD16(repeating: 1))
  p = summand_fma(p, r, SIMD16(repeating: 1))
  let value = p * summand_power_of_two(bounded)
  return
    value
    .replacing(with: 0, where: x .< -87.3)
    .replacing(with: .infinity, where: x .> 88.37)
}

extension Implementation {
  /// Softmax over a row, in place: the largest score taken off, exponentials, their sum in 16 lanes,
  /// one division each. −∞ gives 0.
  public static func softmax(_ x: UnsafeMutablePointer<Float>, count n: Int) {
    let whole = n & ~15
    let rest = n - whole
    var largest = SIMD16<Float>(repeating: -.infinity)
    var i = 0
    while i < whole {
      largest = summand_maximum(summand_load_f32(x + i), largest)
      i += 16
    }
    if rest > 0 { largest = summand_maximum(tail(x + whole, rest, padding: -.infinity), largest) }
    let shift = SIMD16(repeating: foldMaximum(largest))

    var sum = SIMD16<Float>.zero
    i = 0
    while i < whole {
      let e = exponential(summand_load_f32(x + i) - shift)
      summand_store_f32(x + i, e)
      sum += e
      i += 16
    }
    if rest > 0 {
      let e = exponential(tail(x + whole, rest, padding: -.infinity) - shift)
      storeTail(e, x + whole, rest)
      sum += e
    }

    let total = SIMD16(repeating: fold(sum))
    i = 0
    while i < whole {
      summand_store_f32(x + i, summand_load_f32(x + i) / total)
      i += 16
    }
    if rest > 0 { storeTail(tail(x + whole, rest, padding: 0) / total, x + whole, rest) }
  }
}

// MARK: - Nonlinearities

/// x / (1 + e^−x)
@inline(__always)
private func silu(_ x: SIMD16<Float>) -> SIMD16<Float> { x / (1 + exponential(-x)) }

/// ½ x (1 + tanh u) with u = √(2/π) (x + 0.044715 x³): since ½ (1 + tanh u) is 1 / (1 + e^−2u), no
/// digits are lost where tanh comes near −1.
@inline(__always)
private func geluTanh(_ x: SIMD16<Float>) -> SIMD16<Float> {
  let cubic = summand_fma(x * x, SIMD16(repeating: 0.044_715), SIMD16(repeating: 1))
  return x / (1 + exponential(x * cubic * -1.595_769_121_605_730_7))
}

/// Φ, the normal distribution, and e^(−x²/2). With a = |x|, 1 − Φ(a) is e^(−a²/2) · P(q) / (1 + a),
/// q = (a − 4) / (a + 4), P of degree 10 with a relative error of 1.6 · 10⁻⁹ up to a = 13.5, past
/// which e^(−a²/2) is 0. What a² loses when it is rounded is put back: the exponential magnifies it.
@inline(__always)
private func normal(_ x: SIMD16<Float>) -> (distribution: SIMD16<Float>, bell: SIMD16<Float>) {
  let magnitude = x.replacing(with: -x, where: x .< 0)
  let a = magnitude.replacing(with: 14, where: magnitude .> 14)
  let q = (a - 4) / (a + 4)
  var p = SIMD16<Float>(repeating: -7.065_755_198_709_667e-05)
  p = summand_fma(p, q, SIMD16(repeating: -5.795_563_629_362_732e-05))
  p = summand_fma(p, q, SIMD16(repeating: 0.000_694_703_601_766_377_7))
  p = summand_fma(p, q, SIMD16(repeating: -0.000_304_421_526_379_883_3))
  p = summand_fma(p, q, SIMD16(repeating: -0.005_005_502_607_673_407))
  p = summand_fma(p, q, SIMD16(repeating: 0.017_940_081_655_979_156))
  p = summand_fma(p, q, SIMD16(repeating: -0.032_197_088_003_158_57))
  p = summand_fma(p, q, SIMD16(repeating: 0.028_600_014_746_189_117))
  p = summand_fma(p, q, SIMD16(repeating: 0.013_999_586_924_910_545))
  p = summand_fma(p, q, SIMD16(repeating: -0.096_703_469_753_265_38))
  p = summand_fma(p, q, SIMD16(repeating: 0.472_053_200_006_485))
  let square = a * a
  let lost = summand_fms(a, a, square)
  let bell =
    exponential(square * -0.5)
    * summand_fma(
      lost, SIMD16(repeating: -0.5), SIMD16(repeating: 1))
  let above = bell * (p / (1 + a))
  return (above.replacing(with: 1 - above, where: x .>= 0), bell)
}

/// x Φ(x)
@inline(__always)
private func gelu(_ x: SIMD16<Float>) -> SIMD16<Float> { x * normal(x).distribution }

extension Implementation {
  /// out = silu(x), or silu(x) · up where there is a gate. `out` may be `x` or `up`.
  public static func activateSiLU(
    _ x: UnsafePointer<Float>, up: UnsafePointer<Float>?, count n: Int,
    into out: UnsafeMutablePointer<Float>
  ) { apply(silu, x, up, n, out) }

  /// The same of GELU.
  public static func activateGELU(
    _ x: UnsafePointer<Float>, up: UnsafePointer<Float>?, count n: Int,
    into out: UnsafeMutablePointer<Float>
  ) { apply(gelu, x, up, n, out) }

  /// The same of GELU by way of tanh.
  public static func activateGELUTanh(
    _ x: UnsafePointer<Float>, up: UnsafePointer<Float>?, count n: Int,
    into out: UnsafeMutablePointer<Float>
  ) { apply(geluTanh, x, up, n, out) }
}

@inline(__always)
private func apply(
  _ f: (SIMD16<Float>) -> SIMD16<Float>, _ x: UnsafePointer<Float>, _ up: UnsafePointer<Float>?,
  _ n: Int, _ out: UnsafeMutablePointer<Float>
) {
  let whole = n & ~15
  let rest = n - whole
  var i = 0
  if let up {
    while i < whole {
      summand_store_f32(out + i, f(summand_load_f32(x + i)) * summand_load_f32(up + i))
      i += 16
    }
    if rest > 0 {
      let value = f(tail(x + whole, rest, padding: 0)) * tail(up + whole, rest, padding: 0)
      storeTail(value, out + whole, rest)
    }
  } else {
    while i < whole {
      summand_store_f32(out + i, f(summand_load_f32(x + i)))
      i += 16
    }
    if rest > 0 { storeTail(f(tail(x + whole, rest, padding: 0)), out + whole, rest) }
  }
}

// MARK: - Their derivatives

/// A nonlinearity's value and derivative.
private typealias Slope = (value: SIMD16<Float>, slope: SIMD16<Float>)

/// With σ = 1 / (1 + e^−x): x σ, and σ (1 + x (1 − σ)).
@inline(__always)
private func siluSlope(_ x: SIMD16<Float>) -> Slope {
  let sigmoid = 1 / (1 + exponential(-x))
  let value = x * sigmoid
  return (value, summand_fma(value, 1 - sigmoid, sigmoid))
}

/// x Φ(x), and Φ(x) + x e^(−x²/2) / √2π.
@inline(__always)
private func geluSlope(_ x: SIMD16<Float>) -> Slope {
  let (distribution, bell) = normal(x)
  return (
    x * distribution,
    summand_fma(x * bell, SIMD16(repeating: 0.398_942_280_401_432_7), distribution)
  )
}

/// With σ = 1 / (1 + e^−2u): x σ, and σ + x σ (1 − σ) · 2 u′.
@inline(__always)
private func geluTanhSlope(_ x: SIMD16<Float>) -> Slope {
  let square = x * x
  let cubic = summand_fma(square, SIMD16(repeating: 0.044_715), SIMD16(repeating: 1))
  let sigmoid = 1 / (1 + exponential(x * cubic * -1.595_769_121_605_730_7))
  let inner = summand_fma(
    square, SIMD16(repeating: 0.214_064_488_178_531_8),
    SIMD16(repeating: 1.595_769_121_605_730_7))
  let value = x * sigmoid
  return (value, summand_fma(value * (1 - sigmoid), inner, sigmoid))
}

extension Implementation {
  /// Of out = silu(x), or silu(x) · up where there is a gate: what a change of `out` at the rate `g` is
  /// in x, and in `up`. `out.gate` may be `g`.
  public static func slopeSiLU(
    _ x: UnsafePointer<Float>, up: UnsafePointer<Float>?, _ g: UnsafePointer<Float>, count n: Int,
    into out: SummandGateSlopes
  ) { applySlope(siluSlope, x, up, g, n, out) }

  /// The same of GELU.
  public static func slopeGELU(
    _ x: UnsafePointer<Float>, up: UnsafePointer<Float>?, _ g: UnsafePointer<Float>, count n: Int,
    into out: SummandGateSlopes
  ) { applySlope(geluSlope, x, up, g, n, out) }

  /// The same of GELU by way of tanh.
  public static func slopeGELUTanh(
    _ x: UnsafePointer<Float>, up: UnsafePointer<Float>?, _ g: UnsafePointer<Float>, count n: Int,
    into out: SummandGateSlopes
  ) { applySlope(geluTanhSlope, x, up, g, n, out) }
}

@inline(__always)
private func applySlope(
  _ f: (SIMD16<Float>) -> Slope, _ x: UnsafePointer<Float>, _ up: UnsafePointer<Float>?,
  _ g: UnsafePointer<Float>, _ n: Int, _ out: SummandGateSlopes
) {
  let whole = n & ~15
  let rest = n - whole
  var i = 0
  while i < whole {
    let (value, slope) = f(summand_load_f32(x + i))
    var g = summand_load_f32(g + i)
    if let up, let upSlope = out.up {
      summand_store_f32(upSlope + i, value * g)
      g *= summand_load_f32(up + i)
    }
    summand_store_f32(out.gate + i, slope * g)
    i += 16
  }
  if rest > 0 {
    let (value, slope) = f(tail(x + whole, rest, padding: 0))
    var g = tail(g + whole, rest, padding: 0)
    if let up, let upSlope = out.up {
      storeTail(value * g, upSlope + whole, rest)
      g *= tail(up + whole, rest, padding: 0)
    }
    storeTail(slope * g, out.gate + whole, rest)
  }
}

// MARK: - Caps

/// tanh x. Below 0.625 x + x³ T(x²), T of degree 4; above 1 − 2 / (e^2|x| + 1), with x's sign.
@inline(__always)
private func tanh(_ x: SIMD16<Float>) -> SIMD16<Float> {
  let square = x * x
  var t = SIMD16<Float>(repeating: -0.006_096_916_273_236_275)
  t = summand_fma(t, square, SIMD16(repeating: 0.020_997_337_996_959_686))
  t = summand_fma(t, square, SIMD16(repeating: -0.053_850_948_810_577_39))
  t = summand_fma(t, square, SIMD16(repeating: 0.133_327_707_648_277_28))
  t = summand_fma(t, square, SIMD16(repeating: -0.333_333_283_662_796))
  let small = summand_fma(x * square, t, x)
  let magnitude = x.replacing(with: -x, where: x .< 0)
  let large = 1 - 2 / (exponential(magnitude + magnitude) + 1)
  let signed = large.replacing(with: -large, where: x .< 0)
  return signed.replacing(with: small, where: magnitude .< 0.625)
}

extension Implementation {
  /// x = cap · tanh(x / cap): Gemma 2's soft caps.
  public static func softCap(_ x: UnsafeMutablePointer<Float>, count n: Int, cap: Float) {
    let whole = n & ~15
    var i = 0
    while i < whole {
      summand_store_f32(x + i, tanh(summand_load_f32(x + i) / cap) * cap)
      i += 16
    }
    if whole < n {
      storeTail(tanh(tail(x + whole, n - whole, padding: 0) / cap) * cap, x + whole, n - whole)
    }
  }

}
