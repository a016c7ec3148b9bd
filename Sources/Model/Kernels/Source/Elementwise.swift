import CSIMD

// MARK: - Sums

extension Implementation {
  /// Σ a[i] · b[i]
  public static func dot(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, count n: Int)
    -> Float
  {
    inlineDot(a, b, n)
  }

  /// Each of `count` groups of 16 lanes folded to one number.
  public static func foldLanes(
    _ lanes: UnsafePointer<Float>, count: Int, into out: UnsafeMutablePointer<Float>
  ) {
    for i in 0..<count { out[i] = fold(summand_load_f32(lanes + i * 16)) }
  }
}

// MARK: - Element by element

extension Implementation {
  /// y += x
  public static func add(_ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>, count n: Int)
  {
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
  public static func rootMeanSquare(_ x: UnsafePointer<Float>, count n: Int, epsilon: Float)
    -> Float
  {
    summand_sqrt(inlineDot(x, x, n) / Float(n) + epsilon)
  }

  /// Σ x / n
  public static func mean(_ x: UnsafePointer<Float>, count n: Int) -> Float {
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
  public static func deviation(_ x: UnsafePointer<Float>, mean: Float, count n: Int, epsilon: Float)
    -> Float
  {
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

  /// out = (x − mean x) / scale · weight + bias. `out` may be `x`.
  public static func normaliseCentred(
    _ x: UnsafePointer<Float>, scale: Float, weight: UnsafePointer<Float>,
    bias: UnsafePointer<Float>, count n: Int, into out: UnsafeMutablePointer<Float>
  ) {
    let mean = Self.mean(x, count: n)
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
  public static func normalise(
    _ x: UnsafePointer<Float>, scale: Float, weight: UnsafePointer<Float>, count n: Int,
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
}
