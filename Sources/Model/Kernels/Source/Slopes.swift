import CSIMD

// What the reverse pass needs row by row. `g` is always the derivative of one number by what stands in a
// row.

extension Implementation {
  /// Through a softmax: out[j] = p[j] (g[j] − Σ p g), p being what it gave. `out` may be `g`.
  public static func slopeSoftmax(
    _ p: UnsafePointer<Float>, _ g: UnsafePointer<Float>, count n: Int,
    into out: UnsafeMutablePointer<Float>
  ) {
    let mean = SIMD16(repeating: inlineDot(p, g, n))
    let whole = n & ~15
    var i = 0
    while i < whole {
      summand_store_f32(
        out + i, summand_load_f32(p + i) * (summand_load_f32(g + i) - mean))
      i += 16
    }
    if whole < n {
      let rest = n - whole
      let p = tail(p + whole, rest, padding: 0)
      storeTail(p * (tail(g + whole, rest, padding: 0) - mean), out + whole, rest)
    }
  }

  /// Through a soft cap, in place: g (1 − (x / cap)²), x being what it gave.
  public static func slopeSoftCap(
    _ x: UnsafePointer<Float>, _ g: UnsafeMutablePointer<Float>, count n: Int, cap: Float
  ) {
    let whole = n & ~15
    var i = 0
    while i < whole {
      let t = summand_load_f32(x + i) / cap
      summand_store_f32(g + i, summand_load_f32(g + i) * (1 - t * t))
      i += 16
    }
    while i < n {
      let t = x[i] / cap
      g[i] *= 1 - t * t
      i += 1
    }
  }

  /// out = g · weight / scale: through a norm whose scale does not move. `out` may be `g`.
  ///
  /// - Returns: Σ out · (x − mean): the scale's part is this, divided by −scale.
  public static func slopeNorm(
    _ g: UnsafePointer<Float>, x: UnsafePointer<Float>, _ norm: SummandNorm, count n: Int,
    into out: UnsafeMutablePointer<Float>
  ) -> Float {
    let (inverse, mean, weight) = (1 / norm.scale, norm.mean, norm.weight)
    var sum = SIMD16<Float>.zero
    let whole = n & ~15
    var i = 0
    while i < whole {
      let slope = summand_load_f32(g + i) * summand_load_f32(weight + i) * inverse
      summand_store_f32(out + i, slope)
      sum = summand_fma(slope, summand_load_f32(x + i) - mean, sum)
      i += 16
    }
    if whole < n {
      let rest = n - whole
      let slope =
        tail(g + whole, rest, padding: 0) * tail(weight + whole, rest, padding: 0) * inverse
      let centred = tail(x + whole, rest, padding: mean) - mean
      storeTail(slope, out + whole, rest)
      sum = summand_fma(slope, centred, sum)
    }
    return fold(sum)
  }

  /// out += factor · (x − mean) + offset
  public static func addCentred(
    _ x: UnsafePointer<Float>, mean: Float, times factor: Float, plus offset: Float, count n: Int,
    to out: UnsafeMutablePointer<Float>
  ) {
    let (factors, offsets) = (SIMD16(repeating: factor), SIMD16(repeating: offset))
    let whole = n & ~15
    var i = 0
    while i < whole {
      let added = summand_fma(summand_load_f32(x + i) - mean, factors, offsets)
      summand_store_f32(out + i, summand_load_f32(out + i) + added)
      i += 16
    }
    if whole < n {
      let rest = n - whole
      let added = summand_fma(tail(x + whole, rest, padding: mean) - mean, factors, offsets)
      storeTail(tail(out + whole, rest, padding: 0) + added, out + whole, rest)
    }
  }
}
