import Model

/// How `group` says what a mean is uncertain by: the percentile interval of the bootstrap (Efron
/// 1979), over whole units drawn with replacement.
struct Bootstrap: Sendable, Equatable {
  /// The share of the resampled means that lies inside.
  var level = 0.95
  var seed = 0
  var resamples = 2000

  init(level: Double = 0.95, seed: Int = 0, resamples: Int = 2000) {
    self.level = level
    self.seed = seed
    self.resamples = resamples
  }

  /// What is drawn as a whole: rows that belong together, their values' sum and number.
  struct Unit {
    var sum = 0.0
    var count = 0.0
  }

  /// The interval of Σ sum / Σ count; nil for fewer than two units, which tell nothing of any spread.
  ///
  /// The draws begin again with the seed each time, so that a group's interval does not depend on
  /// what other groups there are.
  func interval(of units: [Unit]) throws -> (low: Double, high: Double)? {
    guard units.count > 1 else { return nil }
    var generator = SplitMix64(seed: seed)
    var means = [Double](repeating: 0, count: resamples)
    try units.withUnsafeBufferPointer { units in
      for i in means.indices {
        try Interruption.check()
        var (sum, count) = (0.0, 0.0)
        for i in 0..<units.count {
          if i & 0xFFFF == 0xFFFF { try Interruption.check() }
          let unit = units[generator.index(below: units.count)]
          sum += unit.sum
          count += unit.count
        }
        means[i] = sum / count
      }
    }
    means.sort()
    let tail = (1 - level) / 2
    return (Self.quantile(tail, of: means), Self.quantile(1 - tail, of: means))
  }

  /// Between the two values that it lies between, as numpy and R have it by default.
  static func quantile(_ share: Double, of sorted: [Double]) -> Double {
    let place = share * Double(sorted.count - 1)
    let below = min(max(Int(place.rounded(.down)), 0), sorted.count - 1)
    let above = min(below + 1, sorted.count - 1)
    return sorted[below] + (place - Double(below)) * (sorted[above] - sorted[below])
  }
}

extension Table {
  /// The intervals of a column's mean in each group. Where the table has prompts that it is not
  /// grouped by, all rows of a prompt are one unit: they are not independent observations.
  func intervals(
    of column: Column, groups: [[Int]], by names: [String], _ bootstrap: Bootstrap
  ) throws -> [(low: Double, high: Double)?] {
    let keys = ["prompt", "relation"].filter { !names.contains($0) }.compactMap { self[$0] }
    let hasPrompts = keys.contains { $0.name == "prompt" }
    return try groups.map { group in
      var units: [Bootstrap.Unit] = []
      var places: [[Cell]: Int] = [:]
      try group.forEachChecked { row in
        guard let value = column.values.number(row) else { return }
        let key = hasPrompts ? keys.map { $0[row] } : [.integer(row)]
        let place = places[key] ?? units.count
        if place == units.count {
          places[key] = place
          units.append(Bootstrap.Unit())
        }
        units[place].sum += value
        units[place].count += 1
      }
      return try bootstrap.interval(of: units)
    }
  }
}
