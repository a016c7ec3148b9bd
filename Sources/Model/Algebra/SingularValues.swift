/// The singular values and vectors of a square matrix, the largest first: one-sided Jacobi (Hestenes; Golub
/// and Van Loan, 8.6), in a fixed order of pairs.
public struct SingularValues: Sendable {
  public private(set) var values: [Double]
  /// A row each, of length 1: A = Σ value · leftᵀ right.
  public private(set) var left: Matrix
  public private(set) var right: Matrix

  /// - Throws: `Interruption.Stopped`.
  public init(_ matrix: Matrix) throws {
    precondition(matrix.rows == matrix.columns)
    let n = matrix.rows
    // The rows of Aᵀ are turned until they stand at right angles.
    var (u, v) = (matrix.transposed.elements, [Double](repeating: 0, count: n * n))
    for i in 0..<n { v[i * n + i] = 1 }
    for _ in 0..<60 {
      try Interruption.check()
      let isDone = u.withUnsafeMutableBufferPointer { u in
        v.withUnsafeMutableBufferPointer { v in Self.sweep(u, v, n) }
      }
      if isDone { break }
    }
    let sizes = (0..<n).map { row in
      u[row * n..<(row + 1) * n].reduce(0) { $0 + $1 * $1 }.squareRoot()
    }
    let order = (0..<n).sorted { sizes[$0] != sizes[$1] ? sizes[$0] > sizes[$1] : $0 < $1 }
    values = order.map { sizes[$0] }
    left = Matrix(
      rows: n, columns: n,
      elements: order.flatMap { row in
        u[row * n..<(row + 1) * n].map { sizes[row] > 0 ? $0 / sizes[row] : 0 }
      })
    right = Matrix(rows: n, columns: n, elements: order.flatMap { Array(v[$0 * n..<($0 + 1) * n]) })
  }

  /// One rotation of every pair of rows.
  ///
  /// - Returns: whether none was needed.
  private static func sweep(
    _ u: UnsafeMutableBufferPointer<Double>, _ v: UnsafeMutableBufferPointer<Double>, _ n: Int
  ) -> Bool {
    var isDone = true
    for p in 0..<n {
      for q in (p + 1)..<max(n, p + 1) {
        var (alpha, beta, gamma) = (0.0, 0.0, 0.0)
        for i in 0..<n {
          let (x, y) = (u[p * n + i], u[q * n + i])
          alpha += x * x
          beta += y * y
          gamma += x * y
        }
        if gamma.magnitude <= 1e-15 * (alpha * beta).squareRoot() { continue }
        isDone = false
        let zeta = (beta - alpha) / (2 * gamma)
        let t = (zeta < 0 ? -1 : 1) / (zeta.magnitude + (1 + zeta * zeta).squareRoot())
        let c = 1 / (1 + t * t).squareRoot()
        let s = c * t
        for i in 0..<n {
          let (x, y) = (u[p * n + i], u[q * n + i])
          u[p * n + i] = c * x - s * y
          u[q * n + i] = s * x + c * y
          let (a, b) = (v[p * n + i], v[q * n + i])
          v[p * n + i] = c * a - s * b
          v[q * n + i] = s * a + c * b
        }
      }
    }
    return isDone
  }
}
