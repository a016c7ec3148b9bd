import CSIMD

// Row-wise operations. A reduction runs in 16 lanes (element i goes to lane i mod 16, in order) and
// ends in one fixed fold, so that its bits depend on nothing but the numbers.

/// The 16 lanes summed in halves: 16 → 8 → 4 → 2 → 1.
@inline(__always)
private func fold(_ v: SIMD16<Float>) -> Float {
  let a = v.lowHalf + v.highHalf
  let b = a.lowHalf + a.highHalf
  let c = b.lowHalf + b.highHalf
  return c.x + c.y
}

@inline(__always)
private func foldMaximum(_ v: SIMD16<Float>) -> Float {
  let a = v.lowHalf.replacing(with: v.highHalf, where: v.highHalf .> v.lowHalf)
  let b = a.lowHalf.replacing(with: a.highHalf, where: a.highHalf .> a.lowHalf)
  let c = b.lowHalf.replacing(with: b.highHalf, where: b.highHalf .> b.lowHalf)
  return c.y > c.x ? c.y : c.x
}

/// The last, incomplete vector of a row, filled up with `padding`.
@inline(__always)
func tail(_ x: UnsafePointer<Float>, _ count: Int, padding: Float) -> SIMD16<Float> {
  var v = SIMD16<Float>(repeating: padding)
  for i in 0..<count { v[i] = x[i] }
  return v
}

@inline(__always)
func storeTail(_ v: SIMD16<Float>, _ out: UnsafeMutablePointer<Float>, _ count: Int) {
  for i in 0..<count { out[i] = v[i] }
}

// MARK: - Sums

/// Σ a[i] · b[i]
public func dot(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ n: Int) -> Float {
  inlineDot(a, b, n)
}

@inline(__always)
func inlineDot(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ n: Int) -> Float {
  var sum = SIMD16<Float>.zero
  let whole = n & ~15
  var i = 0
  while i < whole {
    sum = summand_fma(summand_load_f32(a + i), summand_load_f32(b + i), sum)
    i += 16
  }
  if whole < n {
    sum = summand_fma(
      tail(a + whole, n - whole, padding: 0), tail(b + whole, n - whole, padding: 0), sum)
  }
  return fold(sum)
}

/// Each of `k` groups of 16 lanes folded to one number.
public func foldLanes(
  _ lanes: UnsafePointer<Float>, k: Int, into out: UnsafeMutablePointer<Float>
) {
  for i in 0..<k { out[i] = fold(summand_load_f32(lanes + i * 16)) }
}

// MARK: - Element by element

/// y += x
public func add(_ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>, _ n: Int) {
  let whole = n & ~15
  var i = 0
  while i < whole {
    summand_store_f32(y + i, summand_load_f32(y + i) + summand_load_f32(x + i))
    i += 16
  }
  while i < n {
    y[i] += x[i]
    i += 1
  }
}

/// √(mean x² + ε): what RMSNorm divides by.
public func rootMeanSquare(_ x: UnsafePointer<Float>, _ n: Int, epsilon: Float) -> Float {
  summand_sqrt(inlineDot(x, x, n) / Float(n) + epsilon)
}

/// Σ x / n
public func mean(_ x: UnsafePointer<Float>, _ n: Int) -> Float {
  var sum = SIMD16<Float>.zero
  let whole = n & ~15
  var i = 0
  while i < whole {
    sum += summand_load_f32(x + i)
    i += 16
  }
  if whole < n { sum += tail(x + whole, n - whole, padding: 0) }
  return fold(sum) / Float(n)
}

/// √(mean (x − mean)² + ε): what LayerNorm divides by.
public func deviation(_ x: UnsafePointer<Float>, mean: Float, _ n: Int, epsilon: Float) -> Float {
  var sum = SIMD16<Float>.zero
  let whole = n & ~15
  var i = 0
  while i < whole {
    let centred = summand_load_f32(x + i) - mean
    sum = summand_fma(centred, centred, sum)
    i += 16
  }
  if whole < n {
    let centred = tail(x + whole, n - whole, padding: mean) - mean
    sum = summand_fma(centred, centred, sum)
  }
  return summand_sqrt(fold(sum) / Float(n) + epsilon)
}

/// out = (x − mean) / scale · weight + bias
public func normaliseCentred(
  _ x: UnsafePointer<Float>, mean: Float, scale: Float, weight: UnsafePointer<Float>,
  bias: UnsafePointer<Float>, _ n: Int, into out: UnsafeMutablePointer<Float>
) {
  let inverse = 1 / scale
  let whole = n & ~15
  var i = 0
  while i < whole {
    let normed = (summand_load_f32(x + i) - mean) * inverse
    summand_store_f32(
      out + i, summand_fma(normed, summand_load_f32(weight + i), summand_load_f32(bias + i)))
    i += 16
  }
  if whole < n {
    let rest = n - whole
    let normed = (tail(x + whole, rest, padding: mean) - mean) * inverse
    let result = summand_fma(
      normed, tail(weight + whole, rest, padding: 0), tail(bias + whole, rest, padding: 0))
    storeTail(result, out + whole, rest)
  }
}

/// out = x / scale · weight. `out` may be `x`.
public func normalise(
  _ x: UnsafePointer<Float>, scale: Float, weight: UnsafePointer<Float>, _ n: Int,
  into out: UnsafeMutablePointer<Float>
) {
  let inverse = 1 / scale
  let whole = n & ~15
  var i = 0
  while i < whole {
    summand_store_f32(out + i, summand_load_f32(x + i) * inverse * summand_load_f32(weight + i))
    i += 16
  }
  while i < n {
    out[i] = x[i] * inverse * weight[i]
    i += 1
  }
}

// MARK: - Exponentials

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

/// Softmax over a row, in place: the largest score taken off, exponentials, their sum in 16 lanes,
/// one division each. −∞ gives 0.
public func softmax(_ x: UnsafeMutablePointer<Float>, _ n: Int) {
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

/// x Φ(x), Φ the normal distribution. With a = |x|, 1 − Φ(a) is e^(−a²/2) · P(q) / (1 + a),
/// q = (a − 4) / (a + 4), P of degree 10 with a relative error of 1.6 · 10⁻⁹ up to a = 13.5, past
/// which e^(−a²/2) is 0. What a² loses when it is rounded is put back: the exponential magnifies it.
@inline(__always)
private func gelu(_ x: SIMD16<Float>) -> SIMD16<Float> {
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
  let density =
    exponential(square * -0.5)
    * summand_fma(
      lost, SIMD16(repeating: -0.5), SIMD16(repeating: 1))
  let above = density * (p / (1 + a))
  return x * above.replacing(with: 1 - above, where: x .>= 0)
}

/// out = silu(x), or silu(x) · up where there is a gate. `out` may be `x` or `up`.
public func activateSiLU(
  _ x: UnsafePointer<Float>, up: UnsafePointer<Float>?, _ n: Int,
  into out: UnsafeMutablePointer<Float>
) { activate(x, up, n, out, silu) }

/// The same of GELU.
public func activateGELU(
  _ x: UnsafePointer<Float>, up: UnsafePointer<Float>?, _ n: Int,
  into out: UnsafeMutablePointer<Float>
) { activate(x, up, n, out, gelu) }

/// The same of GELU by way of tanh.
public func activateGELUTanh(
  _ x: UnsafePointer<Float>, up: UnsafePointer<Float>?, _ n: Int,
  into out: UnsafeMutablePointer<Float>
) { activate(x, up, n, out, geluTanh) }

@inline(__always)
private func activate(
  _ x: UnsafePointer<Float>, _ up: UnsafePointer<Float>?, _ n: Int,
  _ out: UnsafeMutablePointer<Float>, _ f: (SIMD16<Float>) -> SIMD16<Float>
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

/// x = cap · tanh(x / cap): Gemma 2's soft caps.
public func softCap(_ x: UnsafeMutablePointer<Float>, _ n: Int, cap: Float) {
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
