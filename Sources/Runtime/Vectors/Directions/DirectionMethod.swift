import Model

/// How a direction is found.
enum DirectionMethod: String, Choice {
  case mean, pca, logistic
  case massMean = "mass_mean"

  var summary: String {
    switch self {
    case .mean: "the difference of the means"
    case .pca: "the first principal component"
    case .logistic: "the weights of a logistic regression"
    case .massMean:
      "the difference of the means, times the inverse of the covariance within the sides"
    }
  }
}

/// Rows with labels, in which a direction is found.
struct LabelledRows {
  /// A row each.
  var rows: Matrix
  /// Whether a row is of the positive side.
  var labels: [Bool]

  /// Some of the rows.
  func chosen(_ places: [Int]) -> LabelledRows {
    LabelledRows(
      rows: Matrix(
        rows: places.count, columns: rows.columns, elements: places.flatMap { rows[row: $0] }),
      labels: places.map { labels[$0] })
  }

  func mean(of side: Bool) -> [Double] {
    let weights = labels.map { $0 == side ? 1.0 : 0 }
    let count = weights.reduce(0, +)
    return rows.transposedTimes(weights).map { $0 / count }
  }
}

/// A direction and where along it one side ends: x is on the positive side if x · vector > threshold.
struct FoundDirection {
  var vector: [Double]
  var threshold: Double

  func isPositive(_ row: ArraySlice<Double>) -> Bool {
    var dot = 0.0
    for (a, b) in zip(row, vector) { dot += a * b }
    return dot > threshold
  }
}

/// Finds directions in one set of rows, whatever their labels: what does not depend on the labels is worked
/// out once.
struct DirectionFinder {
  private let rows: Matrix
  private let method: DirectionMethod
  /// Of `pca`: the first component of the rows.
  private let component: [Double]
  /// Of `logistic`.
  private let standard: Standard?

  /// Standardised rows.
  private struct Standard {
    var means: [Double]
    var deviations: [Double]
    /// The penalty leaves the weights in the space of the rows, so that of few rows only that is looked
    /// through: their coordinates in a basis of it.
    var basis: Matrix
    var coordinates: Matrix
  }

  /// - Parameter pairs: of `pca`: the rows two by two, whose mean is taken off each; nil: the mean of all.
  init(_ rows: Matrix, _ method: DirectionMethod, pairs: [(Int, Int)]?) throws {
    self.rows = rows
    self.method = method
    component = method == .pca ? try Self.firstComponent(rows, pairs) : []
    standard = method == .logistic ? try Self.standardised(rows) : nil
  }

  /// - Throws: `Failure` where the rows have no such direction; `Interruption.Stopped`.
  func direction(_ labels: [Bool]) throws -> FoundDirection {
    let data = LabelledRows(rows: rows, labels: labels)
    let (positive, negative) = (data.mean(of: true), data.mean(of: false))
    let difference = zip(positive, negative).map { $0 - $1 }
    var vector: [Double]
    switch method {
    case .mean: vector = difference
    case .pca:
      let side = zip(component, difference).reduce(0) { $0 + $1.0 * $1.1 }
      vector = side < 0 ? component.map { -$0 } : component
    case .massMean: vector = try massMean(data, positive, negative, difference)
    case .logistic: return try logistic(labels)
    }
    // Half of the way between the means.
    let middle = zip(vector, zip(positive, negative)).reduce(0) {
      $0 + $1.0 * ($1.1.0 + $1.1.1) / 2
    }
    if vector.allSatisfy({ $0 == 0 }) {
      throw Failure(
        "the two sides have the same mean, and no direction from one to the other",
        help: "read a site and a position that the difference can reach")
    }
    return FoundDirection(vector: vector, threshold: middle)
  }

  // MARK: - Principal components

  /// Of length 1, the largest element positive.
  private static func firstComponent(_ rows: Matrix, _ pairs: [(Int, Int)]?) throws -> [Double] {
    var centred = rows
    if let pairs {
      for (one, other) in pairs {
        for i in 0..<rows.columns {
          let mean = (rows[one, i] + rows[other, i]) / 2
          centred[one, i] -= mean
          centred[other, i] -= mean
        }
      }
    } else {
      let means = rows.transposedTimes([Double](repeating: 1 / Double(rows.rows), count: rows.rows))
      centred = rows.less(means)
    }
    var component: [Double]
    if rows.rows < rows.columns {
      let eigen = try SymmetricEigen(centred.gram())
      component = centred.transposedTimes(Array(eigen.vectors[row: 0]))
    } else {
      component = Array(try SymmetricEigen(centred.transposed.gram()).vectors[row: 0])
    }
    let length = component.reduce(0) { $0 + $1 * $1 }.squareRoot()
    guard length > 0 else {
      throw Failure("all rows are the same, and have no principal component")
    }
    let largest = component.max { abs($0) < abs($1) } ?? 1
    return component.map { $0 / (largest < 0 ? -length : length) }
  }

  // MARK: - Logistic regression

  private static func standardised(_ rows: Matrix) throws -> Standard {
    let share = [Double](repeating: 1 / Double(rows.rows), count: rows.rows)
    let means = rows.transposedTimes(share)
    var x = rows.less(means)
    var squares = x
    for i in squares.elements.indices { squares.elements[i] *= squares.elements[i] }
    // What is the same in all rows, but for rounding, is left as it is: scikit-learn's rule.
    let (count, epsilon) = (Double(rows.rows), 0x1p-52)
    let deviations = zip(squares.transposedTimes(share), means).map { variance, mean in
      let rounding = count * mean * epsilon
      let isConstant = variance <= count * epsilon * variance + rounding * rounding
      return isConstant ? 1 : variance.squareRoot()
    }
    for row in 0..<x.rows {
      for column in 0..<x.columns { x.elements[row * x.columns + column] /= deviations[column] }
    }
    let (basis, coordinates) = try x.rowBasis()
    return Standard(means: means, deviations: deviations, basis: basis, coordinates: coordinates)
  }

  private func logistic(_ labels: [Bool]) throws -> FoundDirection {
    guard let standard else { return FoundDirection(vector: [], threshold: 0) }
    let fit = try LogisticRegression(standard.coordinates, labels, c: 1)
    // In the units of the activations.
    let weights = standard.basis.transposedTimes(fit.weights)
    let vector = zip(weights, standard.deviations).map { $0 / $1 }
    let shift = zip(vector, standard.means).reduce(0) { $0 + $1.0 * $1.1 }
    return FoundDirection(vector: vector, threshold: shift - fit.intercept)
  }

  // MARK: - Mass mean

  /// Σ⁺ (μ₊ − μ₋), Σ being the covariance around each side's mean (Marks and Tegmark 2024), without what
  /// is less than 1e-10 of its largest eigenvalue.
  private func massMean(
    _ data: LabelledRows, _ positive: [Double], _ negative: [Double], _ difference: [Double]
  ) throws -> [Double] {
    var x = rows
    for row in 0..<x.rows {
      let mean = data.labels[row] ? positive : negative
      for column in 0..<x.columns { x.elements[row * x.columns + column] -= mean[column] }
    }
    let count = Double(x.rows)
    let isWide = x.rows < x.columns
    let eigen = try SymmetricEigen(isWide ? x.gram() : x.transposed.gram())
    let least = 1e-10 * (eigen.values.first ?? 0)
    var vector = [Double](repeating: 0, count: x.columns)
    for (i, value) in eigen.values.enumerated() where value > least && value > 0 {
      var axis = Array(eigen.vectors[row: i])
      if isWide { axis = x.transposedTimes(axis).map { $0 / value.squareRoot() } }
      let along = zip(axis, difference).reduce(0) { $0 + $1.0 * $1.1 }
      for column in vector.indices { vector[column] += along * count / value * axis[column] }
    }
    return vector
  }
}

extension Matrix {
  /// Every row less another.
  fileprivate func less(_ other: [Double]) -> Matrix {
    var result = self
    for row in 0..<rows {
      for column in 0..<columns { result.elements[row * columns + column] -= other[column] }
    }
    return result
  }
}
