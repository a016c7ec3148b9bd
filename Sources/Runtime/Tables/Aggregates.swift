import Model

extension AggregateFunction {
  /// One value a group, from the values of `column` that are there.
  func applied(to column: Column, groups: [[Int]]) throws -> Values {
    if needsNumbers, !column.kind.isNumeric {
      throw Failure(
        "`\(rawValue)` needs numbers, and `\(column.name)` is of type \(column.kind.rawValue)",
        help: "count, distinct, first, last, min and max take any column")
    }
    let values = column.values
    func numbers(_ group: [Int]) throws -> [Double] { try group.compactMapChecked(values.number) }

    switch self {
    case .mean: return .doubles(try groups.mapChecked { arithmeticMean(try numbers($0)) })
    case .sum: return try sums(values, groups)
    case .median: return .doubles(try groups.mapChecked { try middle(try numbers($0)) })
    case .std: return .doubles(try groups.mapChecked { standardDeviation(try numbers($0)) })
    case .min: return try values.gathered(optional: try extremes(values, groups) { $0 < 0 })
    case .max: return try values.gathered(optional: try extremes(values, groups) { $0 > 0 })
    case .first:
      return try values.gathered(
        optional: groups.mapChecked { $0.first { !values.isMissing($0) } })
    case .last:
      return try values.gathered(optional: groups.mapChecked { $0.last { !values.isMissing($0) } })
    case .count:
      return .integers(try groups.mapChecked { $0.count { !values.isMissing($0) } })
    case .distinct:
      return .integers(
        try groups.mapChecked { group in
          var seen: Set<Cell> = []
          try group.forEachChecked { if !values.isMissing($0) { seen.insert(values[$0]) } }
          return seen.count
        })
    }
  }
}

/// Accumulated in row order, as every mean here.
func arithmeticMean(_ values: [Double]) -> Double {
  values.isEmpty ? .nan : values.reduce(0, +) / Double(values.count)
}

func middle(_ values: [Double]) throws -> Double {
  guard !values.isEmpty else { return .nan }
  let sorted = try values.sortedChecked(by: <)
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
private func sums(_ values: Values, _ groups: [[Int]]) throws -> Values {
  if case .integers(let integers) = values, let sums = try exactSums(integers, groups) {
    return .integers(sums)
  }
  return .doubles(
    try groups.mapChecked { group in
      let numbers = try group.compactMapChecked(values.number)
      return numbers.isEmpty ? .nan : numbers.reduce(0, +)
    })
}

private func exactSums(_ values: [Int?], _ groups: [[Int]]) throws -> [Int?]? {
  var sums: [Int?] = []
  for group in groups {
    try Interruption.check()
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
) throws -> [Int?] {
  try groups.mapChecked { group in
    var best: Int?
    try group.forEachChecked { row in
      guard !values.isMissing(row) else { return }
      guard let current = best else {
        best = row
        return
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
