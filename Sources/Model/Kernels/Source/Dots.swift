import CSIMD

// Products of vectors with vectors that both lie as they are, lanes along them: each is what `dot` gives, to
// the bit. A vector is read once for several others.

/// R vectors by C others: R × C sums that never leave the registers.
private enum Dots<let R: Int, let C: Int> {
  /// - Parameter out: `[R][stride]`
  @inline(__always)
  static func run(
    _ rows: InlineArray<R, UnsafePointer<Float>>, by columns: SummandColumns, from first: Int,
    into out: UnsafeMutablePointer<Float>, stride: Int
  ) {
    var sums = InlineArray<R, InlineArray<C, SIMD16<Float>>> { _ in
      InlineArray { _ in .zero }
    }
    let others = columns.base + first * columns.stride
    let whole = columns.length & ~15
    var i = 0
    while i < whole {
      let x = InlineArray<R, SIMD16<Float>> { summand_load_f32(rows[$0] + i) }
      for c in 0..<C {
        let y = summand_load_f32(others + (c * columns.stride + i))
        for r in 0..<R { sums[r][c] = summand_fma(x[r], y, sums[r][c]) }
      }
      i += 16
    }
    let rest = columns.length - whole
    for r in 0..<R {
      for c in 0..<C {
        if rest > 0 {
          sums[r][c] = summand_fma(
            tail(rows[r] + whole, rest, padding: 0),
            tail(others + (c * columns.stride + whole), rest, padding: 0), sums[r][c])
        }
        out[r * stride + first + c] = fold(sums[r][c])
      }
    }
  }

  /// All others, the last ones in smaller groups.
  @inline(__always)
  static func all(
    _ rows: InlineArray<R, UnsafePointer<Float>>, by columns: SummandColumns,
    into out: UnsafeMutablePointer<Float>
  ) {
    let count = columns.count
    var first = 0
    while count - first >= C {
      run(rows, by: columns, from: first, into: out, stride: count)
      first += C
    }
    while count - first >= 2 {
      Dots<R, 2>.run(rows, by: columns, from: first, into: out, stride: count)
      first += 2
    }
    if first < count {
      Dots<R, 1>.run(rows, by: columns, from: first, into: out, stride: count)
    }
  }
}

extension Implementation {
  /// Σ of each of four vectors times each of some others.
  ///
  /// - Parameter out: `[4][columns.count]`
  public static func dots(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ c: UnsafePointer<Float>,
    _ d: UnsafePointer<Float>, by columns: SummandColumns, into out: UnsafeMutablePointer<Float>
  ) {
    #if AVX512
      Dots<4, 6>.all([a, b, c, d], by: columns, into: out)
    #else
      Dots<2, 3>.all([a, b], by: columns, into: out)
      Dots<2, 3>.all([c, d], by: columns, into: out + 2 * columns.count)
    #endif
  }
}
