/// The eigenvalues and eigenvectors of a symmetric matrix, the largest first: Householder's reduction to
/// three diagonals, then implicit QL (Bowdler, Martin, Reinsch and Wilkinson's `tred2` and `tql2`, as
/// EISPACK and JAMA have them).
public struct SymmetricEigen: Sendable {
  public private(set) var values: [Double]
  /// A row each, of length 1.
  public private(set) var vectors: Matrix

  /// - Throws: `Interruption.Stopped`.
  public init(_ matrix: Matrix) throws {
    precondition(matrix.rows == matrix.columns)
    let n = matrix.rows
    var (v, d) = (matrix.elements, [Double](repeating: 0, count: n))
    var e = d
    try v.withUnsafeMutableBufferPointer { v in
      try d.withUnsafeMutableBufferPointer { d in
        try e.withUnsafeMutableBufferPointer { e in
          var work = Work(v: v, d: d, e: e, n: n)
          if n > 0 {
            try work.reduce()
            try work.accumulate()
            try work.diagonalise()
          }
        }
      }
    }
    let order = (0..<n).sorted { d[$0] != d[$1] ? d[$0] > d[$1] : $0 < $1 }
    values = order.map { d[$0] }
    vectors = Matrix(
      rows: n, columns: n, elements: order.flatMap { column in (0..<n).map { v[$0 * n + column] } })
  }

  private struct Work {
    /// The matrix, then the eigenvectors as its columns.
    let v: UnsafeMutableBufferPointer<Double>
    /// The diagonal, and what stands next to it.
    let d: UnsafeMutableBufferPointer<Double>
    let e: UnsafeMutableBufferPointer<Double>
    let n: Int

    /// To three diagonals; the reflections stay in `v`.
    mutating func reduce() throws {
      for j in 0..<n { d[j] = v[(n - 1) * n + j] }
      for i in stride(from: n - 1, to: 0, by: -1) {
        try Interruption.check()
        var scale = 0.0
        for k in 0..<i { scale += d[k].magnitude }
        if scale == 0 {
          e[i] = d[i - 1]
          for j in 0..<i {
            d[j] = v[(i - 1) * n + j]
            v[i * n + j] = 0
            v[j * n + i] = 0
          }
          d[i] = 0
          continue
        }
        d[i] = reflect(i, scale: scale)
      }
    }

    /// One row's reflection.
    ///
    /// - Returns: half of its squared length.
    private func reflect(_ i: Int, scale: Double) -> Double {
      var h = 0.0
      for k in 0..<i {
        d[k] /= scale
        h += d[k] * d[k]
      }
      let f = d[i - 1]
      let g = f > 0 ? -h.squareRoot() : h.squareRoot()
      e[i] = scale * g
      h -= f * g
      d[i - 1] = f - g
      for j in 0..<i { e[j] = 0 }
      for j in 0..<i {
        v[j * n + i] = d[j]
        var sum = e[j] + v[j * n + j] * d[j]
        for k in (j + 1)..<max(i, j + 1) {
          sum += v[k * n + j] * d[k]
          e[k] += v[k * n + j] * d[j]
        }
        e[j] = sum
      }
      var dot = 0.0
      for j in 0..<i {
        e[j] /= h
        dot += e[j] * d[j]
      }
      let half = dot / (h + h)
      for j in 0..<i { e[j] -= half * d[j] }
      for j in 0..<i {
        for k in j..<i { v[k * n + j] -= d[j] * e[k] + e[j] * d[k] }
        d[j] = v[(i - 1) * n + j]
        v[i * n + j] = 0
      }
      return h
    }

    /// The product of the reflections.
    func accumulate() throws {
      for i in 0..<n - 1 {
        try Interruption.check()
        v[(n - 1) * n + i] = v[i * n + i]
        v[i * n + i] = 1
        let h = d[i + 1]
        if h != 0 {
          for k in 0...i { d[k] = v[k * n + i + 1] / h }
          for j in 0...i {
            var g = 0.0
            for k in 0...i { g += v[k * n + i + 1] * v[k * n + j] }
            for k in 0...i { v[k * n + j] -= g * d[k] }
          }
        }
        for k in 0...i { v[k * n + i + 1] = 0 }
      }
      for j in 0..<n {
        d[j] = v[(n - 1) * n + j]
        v[(n - 1) * n + j] = 0
      }
      v[n * n - 1] = 1
      e[0] = 0
    }

    /// QL with implicit shifts.
    func diagonalise() throws {
      for i in 1..<max(n, 1) { e[i - 1] = e[i] }
      e[n - 1] = 0
      var (f, largest) = (0.0, 0.0)
      for l in 0..<n {
        try Interruption.check()
        largest = max(largest, d[l].magnitude + e[l].magnitude)
        var m = l
        while m < n - 1, e[m].magnitude > 0x1p-52 * largest { m += 1 }
        if m > l {
          // Each step about triples the digits that are right.
          for _ in 0..<60 {
            let g = d[l]
            let p = (d[l + 1] - g) / (2 * e[l])
            let r = p < 0 ? -(p * p + 1).squareRoot() : (p * p + 1).squareRoot()
            d[l] = e[l] / (p + r)
            d[l + 1] = e[l] * (p + r)
            let next = d[l + 1]
            let h = g - d[l]
            for i in (l + 2)..<max(n, l + 2) { d[i] -= h }
            f += h
            turn(from: m, to: l, next: next)
            if e[l].magnitude <= 0x1p-52 * largest { break }
          }
        }
        d[l] += f
        e[l] = 0
      }
    }

    /// One step's rotations.
    private func turn(from m: Int, to l: Int, next: Double) {
      var p = d[m]
      var (c, before, last) = (1.0, 1.0, 1.0)
      let neighbour = e[l + 1]
      var (s, sBefore) = (0.0, 0.0)
      for i in stride(from: m - 1, through: l, by: -1) {
        last = before
        before = c
        sBefore = s
        var g = c * e[i]
        let h = c * p
        let r = (p * p + e[i] * e[i]).squareRoot()
        e[i + 1] = s * r
        s = e[i] / r
        c = p / r
        p = c * d[i] - s * g
        g = c * g + s * d[i]
        d[i + 1] = h + s * g
        for k in 0..<n {
          let x = v[k * n + i + 1]
          v[k * n + i + 1] = s * v[k * n + i] + c * x
          v[k * n + i] = c * v[k * n + i] - s * x
        }
      }
      p = -s * sBefore * last * neighbour * e[l] / next
      e[l] = s * p
      d[l] = c * p
    }
  }
}
