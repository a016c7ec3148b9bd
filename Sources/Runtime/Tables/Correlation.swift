import Model

/// How closely pairs of numbers go together.
struct Correlation {
  var (x, y): ([Double], [Double]) = ([], [])

  /// Pearson's r; NaN for fewer than two pairs, or numbers that do not differ.
  var pearson: Double { Self.pearson(x, y) }

  /// Spearman's ρ: Pearson's r of the ranks.
  var spearman: Double { get throws { Self.pearson(try Self.ranks(x), try Self.ranks(y)) } }

  /// That of the least squares line of y over x.
  var slope: Double {
    let (xx, _, xy) = Self.moments(x, y)
    return xx > 0 ? xy / xx : .nan
  }

  private static func pearson(_ x: [Double], _ y: [Double]) -> Double {
    let (xx, yy, xy) = moments(x, y)
    return xx > 0 && yy > 0 ? xy / (xx * yy).squareRoot() : .nan
  }

  /// Σ (x − x̄)², Σ (y − ȳ)², Σ (x − x̄)(y − ȳ)
  private static func moments(_ x: [Double], _ y: [Double]) -> (Double, Double, Double) {
    guard !x.isEmpty else { return (0, 0, 0) }
    let (meanX, meanY) = (arithmeticMean(x), arithmeticMean(y))
    var (xx, yy, xy) = (0.0, 0.0, 0.0)
    for (a, b) in zip(x, y) {
      xx += (a - meanX) * (a - meanX)
      yy += (b - meanY) * (b - meanY)
      xy += (a - meanX) * (b - meanY)
    }
    return (xx, yy, xy)
  }

  /// From 1; numbers that are alike share the mean of their ranks.
  private static func ranks(_ values: [Double]) throws -> [Double] {
    let order = try values.indices.sortedChecked {
      values[$0] != values[$1] ? values[$0] < values[$1] : $0 < $1
    }
    var ranks = [Double](repeating: 0, count: values.count)
    var start = 0
    while start < order.count {
      var end = start
      while end < order.count, values[order[end]] == values[order[start]] { end += 1 }
      for place in start..<end { ranks[order[place]] = Double(start + end + 1) / 2 }
      start = end
    }
    return ranks
  }
}

extension Table {
  /// The correlation of two columns, one row for all rows that are alike in `names`.
  func correlated(_ x: String, _ y: String, by names: [String]) throws -> (
    table: Table, warnings: [String]
  ) {
    let keys = try names.map(column)
    let (xs, ys) = (try numericColumn(x, for: "correlate"), try numericColumn(y, for: "correlate"))
    let groups = rowCount == 0 ? [] : try groups(by: keys)
    var missing = 0
    let found = try groups.map { group in
      var pairs = Correlation()
      try group.forEachChecked { row in
        guard let a = xs.values.number(row), let b = ys.values.number(row) else {
          missing += 1
          return
        }
        pairs.x.append(a)
        pairs.y.append(b)
      }
      return pairs
    }
    let measured = [
      Column("count", .integers(found.map(\.x.count))),
      Column("pearson", .doubles(found.map(\.pearson))),
      Column("spearman", .doubles(try found.map { try $0.spearman })),
      Column("slope", .doubles(found.map(\.slope))),
    ]
    let firsts = groups.compactMap(\.first)
    let own = try keys.map { Column($0.name, try $0.values.gathered(firsts)) }
    if let twice = firstRepeated(names + measured.map(\.name)) {
      throw Failure("the table would have the column `\(twice)` twice")
    }
    let warning = "\(rows(missing)) left out: one of the two is missing there"
    return (Table(columns: own + measured, measure: "pearson"), missing > 0 ? [warning] : [])
  }
}
