/// A dense matrix of doubles for small problems: what a probe is fitted to, what is left of a head's
/// weights. Every sum goes through its terms in one order.
public struct Matrix: Sendable {
  public let rows: Int
  public let columns: Int
  /// Row after row.
  public var elements: [Double]

  public init(rows: Int, columns: Int, elements: [Double]) {
    precondition(elements.count == rows * columns)
    self.rows = rows
    self.columns = columns
    self.elements = elements
  }

  public init(rows: Int, columns: Int) {
    self.init(rows: rows, columns: columns, elements: [Double](repeating: 0, count: rows * columns))
  }

  public init(identity size: Int) {
    self.init(rows: size, columns: size)
    for i in 0..<size { elements[i * size + i] = 1 }
  }

  public subscript(row: Int, column: Int) -> Double {
    get { elements[row * columns + column] }
    set { elements[row * columns + column] = newValue }
  }

  public subscript(row row: Int) -> ArraySlice<Double> {
    elements[row * columns..<(row + 1) * columns]
  }

  public var transposed: Matrix {
    var turned = Matrix(rows: columns, columns: rows)
    turned.elements.withUnsafeMutableBufferPointer { out in
      elements.withUnsafeBufferPointer { x in
        for i in 0..<rows { for j in 0..<columns { out[j * rows + i] = x[i * columns + j] } }
      }
    }
    return turned
  }

  /// A B.
  public static func * (a: Matrix, b: Matrix) -> Matrix {
    precondition(a.columns == b.rows)
    var product = Matrix(rows: a.rows, columns: b.columns)
    let (n, inner) = (b.columns, a.columns)
    product.elements.withUnsafeMutableBufferPointer { out in
      a.elements.withUnsafeBufferPointer { x in
        b.elements.withUnsafeBufferPointer { y in
          for i in 0..<a.rows {
            for k in 0..<inner {
              let factor = x[i * inner + k]
              for j in 0..<n { out[i * n + j] += factor * y[k * n + j] }
            }
          }
        }
      }
    }
    return product
  }

  /// A x; of a longer x its first numbers.
  public func times(_ x: [Double]) -> [Double] {
    precondition(x.count >= columns)
    var product = [Double](repeating: 0, count: rows)
    elements.withUnsafeBufferPointer { a in
      x.withUnsafeBufferPointer { x in
        for row in 0..<rows {
          var sum = 0.0
          for column in 0..<columns { sum += a[row * columns + column] * x[column] }
          product[row] = sum
        }
      }
    }
    return product
  }

  /// Aᵀ x.
  public func transposedTimes(_ x: [Double]) -> [Double] {
    precondition(x.count == rows)
    var product = [Double](repeating: 0, count: columns)
    product.withUnsafeMutableBufferPointer { product in
      elements.withUnsafeBufferPointer { a in
        for (row, factor) in x.enumerated() {
          for column in 0..<columns { product[column] += a[row * columns + column] * factor }
        }
      }
    }
    return product
  }

  /// √Σ a².
  public var norm: Double {
    var sum = 0.0
    for x in elements { sum += x * x }
    return sum.squareRoot()
  }
}

extension Matrix {
  /// x with A x = b, of a symmetric and positive definite A, by Cholesky's A = L Lᵀ; nil where A is not.
  ///
  /// - Throws: `Interruption.Stopped`.
  public func solving(_ b: [Double]) throws -> [Double]? {
    precondition(rows == columns && b.count == rows)
    let n = rows
    var (l, x) = (elements, b)
    let isDefinite = try l.withUnsafeMutableBufferPointer { l in
      for j in 0..<n {
        try Interruption.check()
        var diagonal = l[j * n + j]
        for k in 0..<j { diagonal -= l[j * n + k] * l[j * n + k] }
        guard diagonal > 0 else { return false }
        let root = diagonal.squareRoot()
        l[j * n + j] = root
        for i in (j + 1)..<max(n, j + 1) {
          var sum = l[i * n + j]
          for k in 0..<j { sum -= l[i * n + k] * l[j * n + k] }
          l[i * n + j] = sum / root
        }
      }
      return true
    }
    guard isDefinite else { return nil }
    for i in 0..<n {
      for k in 0..<i { x[i] -= l[i * n + k] * x[k] }
      x[i] /= l[i * n + i]
    }
    for i in (0..<n).reversed() {
      for k in (i + 1)..<max(n, i + 1) { x[i] -= l[k * n + i] * x[k] }
      x[i] /= l[i * n + i]
    }
    return x
  }

  /// Aᵀ = Q R: Q's columns are an orthonormal basis of a space that A's rows lie in, by Householder's
  /// reflections; that of all space where A has more rows than columns.
  ///
  /// - Returns: Qᵀ, `[k][columns]`, and Rᵀ, `[rows][k]`, k being the lesser of rows and columns: A = Rᵀ Qᵀ.
  /// - Throws: `Interruption.Stopped`.
  public func rowBasis() throws -> (basis: Matrix, coordinates: Matrix) {
    if rows > columns { return (Matrix(identity: columns), self) }
    // The columns of Aᵀ are A's rows: reflections act on each of them.
    var a = elements
    let (n, d) = (rows, columns)
    var reflectors = [Double](repeating: 0, count: n * d)
    var r = Matrix(rows: n, columns: n)
    try a.withUnsafeMutableBufferPointer { a in
      try reflectors.withUnsafeMutableBufferPointer { v in
        for k in 0..<n {
          try Interruption.check()
          var length = 0.0
          for i in k..<d { length += a[k * d + i] * a[k * d + i] }
          length = length.squareRoot()
          let lead = a[k * d + k]
          let alpha = lead > 0 ? -length : length
          for j in 0..<k { r.elements[k * n + j] = a[k * d + j] }
          r.elements[k * n + k] = alpha
          guard length > 0 else { continue }
          for i in k..<d { v[k * d + i] = a[k * d + i] }
          v[k * d + k] -= alpha
          var size = 0.0
          for i in k..<d { size += v[k * d + i] * v[k * d + i] }
          guard size > 0 else { continue }
          let scale = (2 / size).squareRoot()
          for i in k..<d { v[k * d + i] *= scale }
          for row in (k + 1)..<max(n, k + 1) { Self.reflect(a, row, v, k, from: k, d) }
        }
      }
    }
    var q = Matrix(rows: n, columns: d)
    try q.elements.withUnsafeMutableBufferPointer { q in
      try reflectors.withUnsafeMutableBufferPointer { v in
        for row in 0..<n {
          try Interruption.check()
          q[row * d + row] = 1
          for k in (0..<n).reversed() { Self.reflect(q, row, v, k, from: k, d) }
        }
      }
    }
    return (q, r)
  }

  /// x − v (v · x), of one row of x and one reflector.
  private static func reflect(
    _ x: UnsafeMutableBufferPointer<Double>, _ row: Int, _ v: UnsafeMutableBufferPointer<Double>,
    _ k: Int, from start: Int, _ d: Int
  ) {
    var dot = 0.0
    for i in start..<d { dot += v[k * d + i] * x[row * d + i] }
    guard dot != 0 else { return }
    for i in start..<d { x[row * d + i] -= dot * v[k * d + i] }
  }
}
