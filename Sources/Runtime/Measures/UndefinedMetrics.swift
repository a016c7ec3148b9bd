import Lang

/// Counts the rows in which a metric has no value although the model's numbers are all there: it divides
/// by zero there, or takes a root or a logarithm of a negative number.
struct UndefinedMetrics {
  private let names: [String]
  private var counts: [Int]
  private var rows = 0

  init(_ metrics: [ChosenMetric]) {
    names = metrics.map(\.name)
    counts = metrics.map { _ in 0 }
  }

  /// - Parameter isUndefined: of each metric, in one row.
  mutating func add(_ isUndefined: [Bool]) {
    rows += 1
    for (index, isUndefined) in isUndefined.enumerated() where isUndefined { counts[index] += 1 }
  }

  /// Warns once of each metric.
  func warn(_ call: Invocation) {
    for (name, count) in zip(names, counts) where count > 0 {
      call.session.warn(
        "`\(excerpt(name))` is missing in \(count) of \(rows) rows: it divides by zero there, or takes "
          + "a root or a logarithm of a negative number", help: nil, at: call.span(of: "of"))
    }
  }
}
