import CSIMD

// Row-wise operations. A reduction runs in 16 lanes (element i goes to lane i mod 16, in order) and
// ends in one fixed fold, so that its bits depend on nothing but the numbers.

/// The 16 lanes summed in halves: 16 → 8 → 4 → 2 → 1.
@inline(__always)
func fold(_ v: SIMD16<Float>) -> Float {
  let a = v.lowHalf + v.highHalf
  let b = a.lowHalf + a.highHalf
  let c = b.lowHalf + b.highHalf
  return c.x + c.y
}

@inline(__always)
func foldMaximum(_ v: SIMD16<Float>) -> Float {
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

/// Σ a[i] · b[i]
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
