extension AggregateFunction {
  /// One value a group, from the values of `column` that are there.
  func applied(to column: Column, groups: [[Int]]) throws -> Values {
    if needsNumbers, !column.kind.isNumeric {
      throw Failure(
        "`\(rawValue)` needs numbers, and `\(column.name)` is of type \(column.kind.rawValue)",
        help: "count, distinct, first, last, min and max take any column")
    }
    let values = column.values
    func numbers(_ group: [Int]) -> [Double] { group.compactMap(values.number) }

    switch self {
    case .mean: return .doubles(groups.map { arithmeticMean(numbers($0)) })
    case .sum: return sums(values, groups)
    case .median: return .doubles(groups.map { middle(numbers($0)) })
    case .std: return .doubles(groups.map { standardDeviation(numbers($0)) })
    case .min: return values.gathered(optional: extremes(values, groups) { $0 < 0 })
    case .max: return values.gathered(optional: extremes(values, groups) { $0 > 0 })
    case .first:
      return values.gathered(optional: groups.map { $0.first { !values.isMissing($0) } })
    case .last:
      return values.gathered(optional: groups.map { $0.last { !values.isMissing($0) } })
    case .count:
      return .integers(groups.map { $0.count { !values.isMissing($0) } })
    case .distinct:
      return .integers(
        groups.map { group in Set(group.map { values[$0] }.filter { !$0.isMissing }).count })
    }
  }
}

/// Accumulated in row order, as every mean here.
func arithmeticMean(_ values: [Double]) -> Double {
  values.isEmpty ? .nan : values.reduce(0, +) / Double(values.count)
}

func middle(_ values: [Double]) -> Double {
  guard !values.isEmpty else { return .nan }
  let sorted = values.sorted()
  let half = sorted.count / 2
  return sorted.count % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2
}

private func standardDeviation(_ values: [Double]) -> Double {
  guard values.count > 1 else { return .nan }
  let centre = arithmeticMean(values)
  let squares = values.reduce(0) { $0 + ($1 - centre) * ($1 - centre) }
  return (squares / Double(values.count - 1)).squareRoot()
}

/// Sums of integers stay integers unless one of them overflows.
private func sums(_ values: Values, _ groups: [[Int]]) -> Values {
  if case .integers(let integers) = values, let sums = exactSums(integers, groups) {
    return .integers(sums)
  }
  return .doubles(
    groups.map { group in
      let numbers = group.compactMap(values.number)
      return numbers.isEmpty ? .nan : numbers.reduce(0, +)
    })
}

private func exactSums(_ values: [Int?], _ groups: [[Int]]) -> [Int?]? {
  var sums: [Int?] = []
  for group in groups {
    var sum: Int?
    for value in group.lazy.compactMap({ values[$0] }) {
      let (partial, overflow) = (sum ?? 0).addingReportingOverflow(value)
      if overflow { return nil }
      sum = partial
    }
    sums.append(sum)
  }
  return sums
}

/// The first row of each group whose value stands before all others by `comes`.
private func extremes(
  _ values: Values, _ groups: [[Int]], _ comes: (Int) -> Bool
) -> [Int?] {
  groups.map { group in
    var best: Int?
    for row in group where !values.isMissing(row) {
      guard let current = best else {
        best = row
        continue
      }
      if comes(values.order(row, current)) { best = row }
    }
    return best
  }
}

extension Values {
  /// Negative where the value at `one` is less than that at `other`. Neither may be missing.
  fileprivate func order(_ one: Int, _ other: Int) -> Int {
    switch self {
    case .integers(let values): sign(values[one] ?? 0, values[other] ?? 0)
    case .singles(let values): sign(values[one], values[other])
    case .doubles(let values): sign(values[one], values[other])
    case .texts(let values): naturalOrder(values[one] ?? "", values[other] ?? "")
    case .booleans(let values):
      sign(values[one] == true ? 1 : 0, values[other] == true ? 1 : 0)
    }
  }
}

private func sign<Value: Comparable>(_ one: Value, _ other: Value) -> Int {
  one < other ? -1 : one > other ? 1 : 0
}
