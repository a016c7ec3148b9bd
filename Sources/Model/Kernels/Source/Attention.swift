import CSIMD

// Attention of one query row and one head. The keys and values of a sequence need not lie together:
// `rows[j]` says in which row of the buffer position j's stand, so that a variant of a prompt reads
// the clean run's keys and values where they are.

extension Implementation {
  /// scores[j] = scale · Σ q[i] · keys[rows[j]][i]; the sum in 16 lanes and one fixed fold.
  public static func attentionScores(
    of q: UnsafePointer<Float>, keys: UnsafePointer<Float>, at sources: SummandSources,
    width: Int, scale: Float, into scores: UnsafeMutablePointer<Float>
  ) {
    let (rows, stride) = (sources.rows, sources.stride)
    for j in 0..<sources.count {
      let key = keys + Int(rows[j]) * stride
      scores[j] = inlineDot(q, key, width) * scale
    }
  }

  /// z[i] = Σ_j pattern[j] · values[rows[j]][i], j in order.
  public static func weightedValues(
    pattern: UnsafePointer<Float>, values: UnsafePointer<Float>, at sources: SummandSources,
    width: Int, into z: UnsafeMutablePointer<Float>
  ) {
    let (rows, count, stride) = (sources.rows, sources.count, sources.stride)
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
    if i < width {
      var sum = SIMD16<Float>.zero
      for j in 0..<count {
        let value = tail(values + (Int(rows[j]) * stride + i), width - i, padding: 0)
        sum = summand_fma(SIMD16(repeating: pattern[j]), value, sum)
      }
      storeTail(sum, z + i, width - i)
    }
  }

  /// Rotates one head's vector: elements i and i + half by the angle whose cosine and sine stand at i.
  /// `half` is half of the rotated width; what lies beyond it is not touched.
  public static func rotate(
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

  /// The same for elements 2i and 2i + 1.
  public static func rotateAdjacent(
    _ x: UnsafeMutablePointer<Float>, half: Int, cosines: UnsafePointer<Float>,
    sines: UnsafePointer<Float>
  ) {
    for i in 0..<half {
      let a = x[2 * i]
      let b = x[2 * i + 1]
      x[2 * i] = a * cosines[i] - b * sines[i]
      x[2 * i + 1] = a * sines[i] + b * cosines[i]
    }
  }

}
