/// Logistic regression with an L2 penalty: the w and b with the smallest ½ w · w + C Σ log(1 + e^(−y (w · x + b))),
/// y being 1 or −1, as scikit-learn's `LogisticRegression` minimises it. The intercept is free.
public struct LogisticRegression: Sendable {
  public private(set) var weights: [Double]
  public private(set) var intercept: Double

  /// Newton's method, each step halved until it helps. All rows count alike.
  ///
  /// - Parameters:
  ///   - x: a row each.
  ///   - labels: of the rows, which are of both kinds.
  ///   - c: C, above 0.
  /// - Throws: `Interruption.Stopped`.
  public init(_ x: Matrix, _ labels: [Bool], c: Double) throws {
    precondition(x.rows == labels.count && c > 0)
    let (n, d) = (x.rows, x.columns)
    let signs = labels.map { $0 ? 1.0 : -1.0 }
    // The intercept is the last.
    var w = [Double](repeating: 0, count: d + 1)
    func margins(_ w: [Double]) -> [Double] {
      zip(x.times(w), signs).map { ($0 + w[d]) * $1 }
    }
    func loss(_ w: [Double], _ margins: [Double]) -> Double {
      var sum = 0.0
      for i in 0..<d { sum += w[i] * w[i] }
      return sum / 2 + c * margins.reduce(0) { $0 + Self.softplus(-$1) }
    }
    var margin = margins(w)
    var value = loss(w, margin)
    for _ in 0..<100 {
      try Interruption.check()
      // σ(−margin) is by how much a row is still wrong.
      let wrong = margin.map { Self.logistic(-$0) }
      let slopes = zip(wrong, signs).map { -c * $0 * $1 }
      var gradient = x.transposedTimes(slopes)
      for i in 0..<d { gradient[i] += w[i] }
      gradient.append(slopes.reduce(0, +))
      let size = gradient.reduce(0) { max($0, $1.magnitude) }
      if size < 1e-10 * c * Double(n) { break }
      let curvature = wrong.map { c * $0 * (1 - $0) }
      guard let step = try Self.hessian(x, curvature).solving(gradient) else { break }
      var factor = 1.0
      var isBetter = false
      for _ in 0..<40 {
        let next = zip(w, step).map { $0 - factor * $1 }
        let nextMargin = margins(next)
        let nextValue = loss(next, nextMargin)
        if nextValue < value {
          (w, margin, value, isBetter) = (next, nextMargin, nextValue, true)
          break
        }
        factor /= 2
      }
      // Nothing is left that double precision could tell apart.
      if !isBetter { break }
    }
    (weights, intercept) = (Array(w.prefix(d)), w[d])
  }

  /// I + Σ h x xᵀ, and the intercept's row.
  private static func hessian(_ x: Matrix, _ curvature: [Double]) throws -> Matrix {
    let (n, d) = (x.rows, x.columns)
    var hessian = Matrix(rows: d + 1, columns: d + 1)
    try hessian.elements.withUnsafeMutableBufferPointer { h in
      try x.elements.withUnsafeBufferPointer { x in
        for row in 0..<n {
          try Interruption.check()
          let weight = curvature[row]
          for i in 0..<d {
            let factor = weight * x[row * d + i]
            let start = i * (d + 1)
            for j in 0...i { h[start + j] += factor * x[row * d + j] }
            h[d * (d + 1) + i] += factor
          }
          h[d * (d + 1) + d] += weight
        }
        for i in 0..<d { h[i * (d + 1) + i] += 1 }
        // Where all rows are certain, the intercept is free to be anything.
        h[d * (d + 1) + d] = max(h[d * (d + 1) + d], 1e-12)
        for i in 0...d { for j in 0..<i { h[j * (d + 1) + i] = h[i * (d + 1) + j] } }
      }
    }
    return hessian
  }

  /// 1 / (1 + e^−x)
  private static func logistic(_ x: Double) -> Double {
    if x >= 0 { return 1 / (1 + Numerics.exp(-x)) }
    let e = Numerics.exp(x)
    return e / (1 + e)
  }

  /// log(1 + e^x)
  private static func softplus(_ x: Double) -> Double {
    x > 30 ? x : Numerics.log(1 + Numerics.exp(x))
  }
}
