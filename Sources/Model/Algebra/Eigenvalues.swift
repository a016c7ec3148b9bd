import CSIMD

/// The eigenvalues of a square matrix, real and in pairs: Householder's reduction to Hessenberg form, then QR
/// with Francis's double shift (Martin, Peters and Wilkinson's `orthes` and `hqr`, as EISPACK has them).
public struct Eigenvalues: Sendable {
  /// The largest magnitude first; of a pair the one above the real axis first.
  public private(set) var values: [(real: Double, imaginary: Double)]

  /// - Throws: `Interruption.Stopped`. Eigenvalues that 60 steps do not find are NaN.
  public init(_ matrix: Matrix) throws {
    try Interruption.check()
    self = Self.together([matrix], Kernels.current)[0]
  }

  /// Of many matrices of one size; each gets the bits that it gets alone.
  ///
  /// - Throws: `Interruption.Stopped`.
  static func of(
    _ matrices: [Matrix], kernels: any InstructionSet.Type = Kernels.current, on pool: WorkerPool
  ) throws -> [Eigenvalues] {
    let groups = stride(from: 0, to: matrices.count, by: 8).map {
      matrices[$0..<min($0 + 8, matrices.count)]
    }
    let found = Slots<[Eigenvalues]>(repeating: [], count: groups.count)
    pool.run(groups.count) { item, _ in
      // Where the work is to end, nobody looks at the result.
      if Interruption.requested.load(ordering: .relaxed) { return }
      found[item] = together(groups[item], kernels)
    }
    try Interruption.check()
    return found.values.flatMap(\.self)
  }

  /// Σ λ / Σ |λ|: 1 where all are positive. NaN where all are 0.
  public var positivity: Double {
    let size = values.reduce(0) { $0 + Self.magnitude($1) }
    return values.reduce(0) { $0 + $1.real } / size
  }

  public static func magnitude(_ value: (real: Double, imaginary: Double)) -> Double {
    (value.real * value.real + value.imaginary * value.imaginary).squareRoot()
  }

  private init(unordered found: [(real: Double, imaginary: Double)]) {
    values = found.sorted { one, other in
      let (x, y) = (Self.magnitude(one), Self.magnitude(other))
      if x != y { return x > y }
      return one.real != other.real ? one.real > other.real : one.imaginary > other.imaginary
    }
  }

  /// Of up to eight matrices.
  private static func together(
    _ matrices: ArraySlice<Matrix>, _ kernels: any InstructionSet.Type
  ) -> [Eigenvalues] {
    guard let n = matrices.first?.rows else { return [] }
    // An odd number of vectors in a row: those of a column do not fall on each other in the caches.
    let stride = (n + 1) | 1
    let work = UnsafeMutablePointer<SIMD8<Double>>.allocate(capacity: (n + 2) * stride)
    work.initialize(repeating: .zero, count: (n + 2) * stride)
    let values = UnsafeMutablePointer<Double>.allocate(capacity: max(1, 16 * n))
    defer {
      work.deallocate()
      values.deallocate()
    }
    let elements = UnsafeMutableRawPointer(work).assumingMemoryBound(to: Double.self)
    for (lane, matrix) in matrices.enumerated() {
      precondition(matrix.rows == n && matrix.columns == n)
      matrix.elements.withUnsafeBufferPointer { x in
        for i in 0..<n {
          for j in 0..<n { elements[(i * stride + j) * 8 + lane] = x[i * n + j] }
        }
      }
    }
    kernels.eigenvalues(
      of: SummandMatrices(elements: elements, size: n, stride: stride, count: matrices.count),
      into: values)
    return matrices.indices.map { index in
      let own = values + (index - matrices.startIndex) * 2 * n
      return Eigenvalues(unordered: (0..<n).map { (own[2 * $0], own[2 * $0 + 1]) })
    }
  }
}
