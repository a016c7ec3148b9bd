import CSIMD

extension Matrix {
  /// A Bᵀ.
  public func timesTransposed(_ b: Matrix) -> Matrix {
    products(of: 0..<rows, with: b, 0..<b.rows)
  }

  /// A Aᵀ.
  ///
  /// - Throws: `Interruption.Stopped`.
  public func gram() throws -> Matrix {
    try gram(of: 0..<rows)
  }

  /// Of some rows of A, their products with some of B.
  func products(of some: Range<Int>, with b: Matrix, _ others: Range<Int>) -> Matrix {
    precondition(columns == b.columns)
    var product = Matrix(rows: some.count, columns: others.count)
    product.elements.withUnsafeMutableBufferPointer { out in
      withVectors(some) { x in
        b.withVectors(others) { y in
          guard let base = out.baseAddress else { return }
          Kernels.current.dots(x, by: y, into: base, stride: others.count)
        }
      }
    }
    return product
  }

  /// Of some rows of A, their products with each other.
  ///
  /// - Throws: `Interruption.Stopped`.
  func gram(of some: Range<Int>) throws -> Matrix {
    let n = some.count
    var gram = Matrix(rows: n, columns: n)
    try gram.elements.withUnsafeMutableBufferPointer { out in
      try withVectors(some) { x in
        guard let base = out.baseAddress else { return }
        for first in stride(from: 0, to: n, by: 16) {
          try Interruption.check()
          let end = min(n, first + 16)
          Kernels.current.dots(
            SummandVectors(base: x.base + first * columns, count: end - first, length: columns),
            by: SummandVectors(base: x.base, count: end, length: columns),
            into: base + first * n, stride: n)
        }
      }
      for i in 0..<n { for j in 0..<i { out[j * n + i] = out[i * n + j] } }
    }
    return gram
  }

  private func withVectors(_ some: Range<Int>, _ body: (SummandVectors) throws -> Void) rethrows {
    precondition(some.lowerBound >= 0 && some.upperBound <= rows)
    try elements.withUnsafeBufferPointer { x in
      guard let base = x.baseAddress else { return }
      try body(
        SummandVectors(
          base: base + some.lowerBound * columns, count: some.count, length: columns))
    }
  }
}
