import CSIMD

// What is done to one of eight matrices is done to all. Each gets the bits that it would get alone. These are
// functions of a structure of C, since an own one that several files see would bring functions that every
// variant defines: see `Scripts/check-kernels`.

extension SummandMatrices {
  /// A row of all matrices.
  @inline(__always)
  func row(_ i: Int) -> UnsafeMutablePointer<SIMD8<Double>> {
    UnsafeMutableRawPointer(elements).assumingMemoryBound(to: SIMD8<Double>.self) + i * stride
  }

  @inline(__always)
  subscript(i: Int, j: Int) -> SIMD8<Double> {
    get { row(i)[j] }
    nonmutating set { row(i)[j] = newValue }
  }

  /// Of one matrix.
  @inline(__always)
  subscript(i: Int, j: Int, lane lane: Int) -> Double {
    get { elements[(i * stride + j) * 8 + lane] }
    nonmutating set { elements[(i * stride + j) * 8 + lane] = newValue }
  }

  // MARK: - Householder's reduction

  /// To Hessenberg form: zeros below the first diagonal under the main one.
  func reduce() {
    guard size > 2 else { return }
    let (v, one) = (row(size + 1), SIMD8<Double>(repeating: 1))
    for m in 1..<size - 1 {
      var scale = SIMD8<Double>.zero
      for i in m..<size { scale += summand_magnitude_f64(self[i, m - 1]) }
      // Where all are 0 already, nothing is taken off.
      let isNone = summand_is_zero_f64(scale)
      let divisor = summand_choose_f64(isNone, one, scale)
      var h = SIMD8<Double>.zero
      var i = size - 1
      while i >= m {
        v[i] = self[i, m - 1] / divisor
        h += v[i] * v[i]
        i -= 1
      }
      let root = summand_root_f64(h)
      let g = summand_choose_f64(summand_below_f64(.zero, v[m]), -root, root)
      h -= v[m] * g
      v[m] -= g
      reflect(from: m, summand_choose_f64(isNone, one, h))
      self[m, m - 1] = scale * g
      for i in m + 1..<size { self[i, m - 1] = .zero }
    }
  }

  /// x − v (v · x) / h of the columns x from `m` on, then of all rows.
  private func reflect(from m: Int, _ h: SIMD8<Double>) {
    #if AVX512
      Reflection<8>.columns(of: self, from: m, h)
      Reflection<8>.rows(of: self, from: m, h)
    #else
      Reflection<4>.columns(of: self, from: m, h)
      Reflection<4>.rows(of: self, from: m, h)
    #endif
  }

  // MARK: - Small reflections

  /// I − (1 q r)ᵀ (x y z) of three rows and columns; all 0: none.
  typealias Small = (
    x: SIMD8<Double>, y: SIMD8<Double>, z: SIMD8<Double>, q: SIMD8<Double>, r: SIMD8<Double>
  )

  /// Of three rows from `k` on, the columns up to `last`.
  @inline(__always)
  func reflectRows(_ k: Int, through last: Int, _ by: Small) {
    let (a, b, c) = (row(k), row(k + 1), row(k + 2))
    var j = k
    while j <= last {
      let sum = a[j] + by.q * b[j] + by.r * c[j]
      c[j] -= sum * by.z
      b[j] -= sum * by.y
      a[j] -= sum * by.x
      j += 1
    }
  }

  /// Of three columns from `k` on, the rows `first...last`.
  @inline(__always)
  func reflectColumns(_ k: Int, rows first: Int, through last: Int, _ by: Small) {
    var i = first
    while i <= last {
      let x = row(i) + k
      let sum = by.x * x[0] + by.y * x[1] + by.z * x[2]
      x[2] -= sum * by.r
      x[1] -= sum * by.q
      x[0] -= sum
      i += 1
    }
  }
}

/// One of Householder's reflections, of N rows or columns side by side, so that no sum waits for its last
/// addition. The vector stands in the second row after the matrices.
private enum Reflection<let N: Int> {
  @inline(__always)
  static func columns(of a: SummandMatrices, from m: Int, _ h: SIMD8<Double>) {
    var j = m
    while a.size - j >= N {
      column(j, of: a, from: m, h)
      j += N
    }
    while j < a.size {
      Reflection<1>.column(j, of: a, from: m, h)
      j += 1
    }
  }

  @inline(__always)
  static func rows(of a: SummandMatrices, from m: Int, _ h: SIMD8<Double>) {
    var i = 0
    while a.size - i >= N {
      row(i, of: a, from: m, h)
      i += N
    }
    while i < a.size {
      Reflection<1>.row(i, of: a, from: m, h)
      i += 1
    }
  }

  @inline(__always)
  private static func column(_ j: Int, of a: SummandMatrices, from m: Int, _ h: SIMD8<Double>) {
    let v = a.row(a.size + 1)
    var f = InlineArray<N, SIMD8<Double>> { _ in .zero }
    for i in m..<a.size {
      let (x, factor) = (a.row(i) + j, v[i])
      for c in 0..<N { f[c] += factor * x[c] }
    }
    for c in 0..<N { f[c] /= h }
    for i in m..<a.size {
      let (x, factor) = (a.row(i) + j, v[i])
      for c in 0..<N { x[c] -= f[c] * factor }
    }
  }

  @inline(__always)
  private static func row(_ i: Int, of a: SummandMatrices, from m: Int, _ h: SIMD8<Double>) {
    let (x, v) = (a.row(i), a.row(a.size + 1))
    var f = InlineArray<N, SIMD8<Double>> { _ in .zero }
    for j in m..<a.size {
      for r in 0..<N { f[r] += v[j] * x[r * a.stride + j] }
    }
    for r in 0..<N { f[r] /= h }
    for j in m..<a.size {
      for r in 0..<N { x[r * a.stride + j] -= f[r] * v[j] }
    }
  }
}
