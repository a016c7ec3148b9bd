/// The eigenvalues of a square matrix, real and in pairs: Householder's reduction to Hessenberg form, then QR
/// with Francis's double shift (Martin, Peters and Wilkinson's `orthes` and `hqr`, as EISPACK has them).
public struct Eigenvalues: Sendable {
  /// The largest magnitude first; of a pair the one above the real axis first.
  public private(set) var values: [(real: Double, imaginary: Double)]

  /// - Throws: `Interruption.Stopped`. Eigenvalues that 60 steps do not find are NaN.
  public init(_ matrix: Matrix) throws {
    precondition(matrix.rows == matrix.columns)
    var a = matrix.elements
    var found: [(real: Double, imaginary: Double)] = []
    try a.withUnsafeMutableBufferPointer { a in
      let work = Work(a: a, n: matrix.rows)
      work.reduce()
      found = try work.eigenvalues()
    }
    values = found.sorted { one, other in
      let (x, y) = (Self.magnitude(one), Self.magnitude(other))
      if x != y { return x > y }
      return one.real != other.real ? one.real > other.real : one.imaginary > other.imaginary
    }
  }

  /// Σ λ / Σ |λ|: 1 where all are positive. NaN where all are 0.
  public var positivity: Double {
    let size = values.reduce(0) { $0 + Self.magnitude($1) }
    return values.reduce(0) { $0 + $1.real } / size
  }

  public static func magnitude(_ value: (real: Double, imaginary: Double)) -> Double {
    (value.real * value.real + value.imaginary * value.imaginary).squareRoot()
  }

  private struct Work {
    let a: UnsafeMutableBufferPointer<Double>
    let n: Int

    subscript(i: Int, j: Int) -> Double {
      get { a[i * n + j] }
      nonmutating set { a[i * n + j] = newValue }
    }

    /// To Hessenberg form: zeros below the first diagonal under the main one.
    func reduce() {
      guard n > 2 else { return }
      var v = [Double](repeating: 0, count: n)
      for m in 1..<n - 1 {
        var scale = 0.0
        for i in m..<n { scale += self[i, m - 1].magnitude }
        if scale == 0 { continue }
        var h = 0.0
        for i in (m..<n).reversed() {
          v[i] = self[i, m - 1] / scale
          h += v[i] * v[i]
        }
        let g = v[m] > 0 ? -h.squareRoot() : h.squareRoot()
        h -= v[m] * g
        v[m] -= g
        for j in m..<n {
          var f = 0.0
          for i in m..<n { f += v[i] * self[i, j] }
          f /= h
          for i in m..<n { self[i, j] -= f * v[i] }
        }
        for i in 0..<n {
          var f = 0.0
          for j in m..<n { f += v[j] * self[i, j] }
          f /= h
          for j in m..<n { self[i, j] -= f * v[j] }
        }
        self[m, m - 1] = scale * g
        for i in m + 1..<n { self[i, m - 1] = 0 }
      }
    }

    func eigenvalues() throws -> [(real: Double, imaginary: Double)] {
      var found: [(real: Double, imaginary: Double)] = []
      var size = 0.0
      for i in 0..<n { for j in max(i - 1, 0)..<n { size += self[i, j].magnitude } }
      var (last, steps, shift) = (n - 1, 0, 0.0)
      while last >= 0 {
        try Interruption.check()
        let first = start(of: last, size)
        let x = self[last, last]
        if first == last {
          found.append((x + shift, 0))
          (last, steps) = (last - 1, 0)
        } else if first == last - 1 {
          found += pair(last, shift)
          (last, steps) = (last - 2, 0)
        } else if steps == 60 {
          // Nothing is known of what is left.
          found += (0...last).map { _ in (.nan, .nan) }
          break
        } else {
          step(from: first, to: last, number: steps, &shift)
          steps += 1
        }
      }
      return found
    }

    /// The row from which on no element under the diagonal is small enough to count as 0.
    private func start(of last: Int, _ size: Double) -> Int {
      for l in stride(from: last, to: 0, by: -1) {
        var s = self[l - 1, l - 1].magnitude + self[l, l].magnitude
        if s == 0 { s = size }
        if self[l, l - 1].magnitude <= 0x1p-53 * s {
          self[l, l - 1] = 0
          return l
        }
      }
      return 0
    }

    /// The two of the last block.
    private func pair(_ last: Int, _ shift: Double) -> [(real: Double, imaginary: Double)] {
      let (x, y) = (self[last, last], self[last - 1, last - 1])
      let w = self[last, last - 1] * self[last - 1, last]
      let p = (y - x) / 2
      let q = p * p + w
      let root = q.magnitude.squareRoot()
      guard q >= 0 else { return [(x + shift + p, root), (x + shift + p, -root)] }
      let z = p + (p < 0 ? -root : root)
      return [(x + shift + z, 0), (z == 0 ? x + shift : x + shift - w / z, 0)]
    }

    /// One step with a double shift on the rows and columns `first...last`.
    private func step(from first: Int, to last: Int, number: Int, _ shift: inout Double) {
      var (x, y) = (self[last, last], self[last - 1, last - 1])
      var w = self[last, last - 1] * self[last - 1, last]
      if number > 0, number % 10 == 0 {
        // Another shift, where the usual one goes round in circles.
        shift += x
        for i in 0...last { self[i, i] -= x }
        let s = self[last, last - 1].magnitude + self[last - 1, last - 2].magnitude
        x = 0.75 * s
        y = x
        w = -0.4375 * s * s
      }
      var (p, q, r) = (0.0, 0.0, 0.0)
      var m = last - 2
      while true {
        let z = self[m, m]
        let (dx, dy) = (x - z, y - z)
        p = (dx * dy - w) / self[m + 1, m] + self[m, m + 1]
        q = self[m + 1, m + 1] - z - dx - dy
        r = self[m + 2, m + 1]
        let s = p.magnitude + q.magnitude + r.magnitude
        p /= s
        q /= s
        r /= s
        if m == first { break }
        let u = self[m, m - 1].magnitude * (q.magnitude + r.magnitude)
        let around = self[m - 1, m - 1].magnitude + z.magnitude + self[m + 1, m + 1].magnitude
        if u <= 0x1p-53 * p.magnitude * around { break }
        m -= 1
      }
      for i in m + 2...last {
        self[i, i - 2] = 0
        if i > m + 2 { self[i, i - 3] = 0 }
      }
      chase(from: m, first: first, last: last, p, q, r)
    }

    /// Chases the bulge that the shift makes down the diagonal.
    private func chase(
      from m: Int, first: Int, last: Int, _ p: Double, _ q: Double, _ r: Double
    ) {
      var (p, q, r) = (p, q, r)
      for k in m..<last {
        let isLast = k == last - 1
        var x = 0.0
        if k > m {
          (p, q, r) = (self[k, k - 1], self[k + 1, k - 1], isLast ? 0 : self[k + 2, k - 1])
          x = p.magnitude + q.magnitude + r.magnitude
          if x != 0 { (p, q, r) = (p / x, q / x, r / x) }
        }
        let root = (p * p + q * q + r * r).squareRoot()
        let s = p < 0 ? -root : root
        if s == 0 { continue }
        if k > m {
          self[k, k - 1] = -s * x
        } else if first != m {
          self[k, k - 1] = -self[k, k - 1]
        }
        p += s
        x = p / s
        let (y, z) = (q / s, r / s)
        q /= p
        r /= p
        for j in k...last {
          var sum = self[k, j] + q * self[k + 1, j]
          if !isLast {
            sum += r * self[k + 2, j]
            self[k + 2, j] -= sum * z
          }
          self[k + 1, j] -= sum * y
          self[k, j] -= sum * x
        }
        for i in first...min(last, k + 3) {
          var sum = x * self[i, k] + y * self[i, k + 1]
          if !isLast {
            sum += z * self[i, k + 2]
            self[i, k + 2] -= sum * r
          }
          self[i, k + 1] -= sum * q
          self[i, k] -= sum
        }
      }
    }
  }
}
