import CSIMD

// Attention of one query row and one head. The keys and values of a sequence need not lie together:
// `rows[j]` says in which row of the buffer position j's stand, so that a variant of a prompt reads
// the clean run's keys and values where they are.

/// scores[j] = scale · Σ q[i] · keys[rows[j]][i]; the sum in 16 lanes and one fixed fold.
public func attentionScores(
  q: UnsafePointer<Float>, keys: UnsafePointer<Float>, stride: Int,
  rows: UnsafePointer<Int32>, count: Int, width: Int, scale: Float,
  into scores: UnsafeMutablePointer<Float>
) {
  for j in 0..<count {
    let key = keys + Int(rows[j]) * stride
    scores[j] = inlineDot(q, key, width) * scale
  }
}

/// z[i] = Σ_j pattern[j] · values[rows[j]][i], j in order.
public func weightedValues(
  pattern: UnsafePointer<Float>, values: UnsafePointer<Float>, stride: Int,
  rows: UnsafePointer<Int32>, count: Int, width: Int, into z: UnsafeMutablePointer<Float>
) {
  var i = 0
  while i + 16 <= width {
    var sum = SIMD16<Float>.zero
    for j in 0..<count {
      sum = summand_fma(
        SIMD16(repeating: pattern[j]),
        summand_load_f32(values + (Int(rows[j]) * stride + i)), sum)
    }
    summand_store_f32(z + i, sum)
    i += 16
  }
  while i < width {
    var sum: Float = 0
    for j in 0..<count {
      sum = summand_fma_scalar(pattern[j], values[Int(rows[j]) * stride + i], sum)
    }
    z[i] = sum
    i += 1
  }
}

/// Rotates one head's vector: elements i and i + half by the angle whose cosine and sine stand at i.
/// `half` is half of the rotated width; what lies beyond it is not touched.
public func rotate(
  _ x: UnsafeMutablePointer<Float>, half: Int, cosines: UnsafePointer<Float>,
  sines: UnsafePointer<Float>
) {
  for i in 0..<half {
    let a = x[i]
    let b = x[i + half]
    x[i] = a * cosines[i] - b * sines[i]
    x[i + half] = a * sines[i] + b * cosines[i]
  }
}

@inline(__always)
private func inlineDot(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ n: Int) -> Float {
  var sum = SIMD16<Float>.zero
  let whole = n & ~15
  var i = 0
  while i < whole {
    sum = summand_fma(summand_load_f32(a + i), summand_load_f32(b + i), sum)
    i += 16
  }
  if whole < n {
    var x = SIMD16<Float>.zero
    var y = SIMD16<Float>.zero
    for i in 0..<(n - whole) {
      x[i] = a[whole + i]
      y[i] = b[whole + i]
    }
    sum = summand_fma(x, y, sum)
  }
  let p = sum.lowHalf + sum.highHalf
  let r = p.lowHalf + p.highHalf
  let s = r.lowHalf + r.highHalf
  return s.x + s.y
}
