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

/// out = x / scale · weight
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

/// out = gate / (1 + e^−gate) · up: SwiGLU's product. `out` may be `gate` or `up`.
public func gatedSiLU(
  gate: UnsafePointer<Float>, up: UnsafePointer<Float>, _ n: Int,
  into out: UnsafeMutablePointer<Float>
) {
  let whole = n & ~15
  var i = 0
  while i < whole {
    let g = summand_load_f32(gate + i)
    summand_store_f32(out + i, g / (1 + exponential(-g)) * summand_load_f32(up + i))
    i += 16
  }
  if whole < n {
    let g = tail(gate + whole, n - whole, padding: 0)
    let u = tail(up + whole, n - whole, padding: 0)
    storeTail(g / (1 + exponential(-g)) * u, out + whole, n - whole)
  }
}
