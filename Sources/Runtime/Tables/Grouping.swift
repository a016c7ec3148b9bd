import Model

/// What `group` makes of the values of a column.
public enum AggregateFunction: String, Choice {
  case mean, sum, min, max, count, median
  /// The standard deviation of a sample (n − 1 below); missing for a single value.
  case std
  case first, last
  /// How many different values there are.
  case distinct

  var needsNumbers: Bool {
    switch self {
    case .mean, .sum, .median, .std: true
    case .min, .max, .count, .first, .last, .distinct: false
    }
  }
}

public struct Aggregate: Sendable, Equatable {
  public var function: AggregateFunction
  /// Nil only for `count`: rows are counted then.
  public var column: String?

  public init(_ function: AggregateFunction, _ column: String? = nil) {
    self.function = function
    self.column = column
  }
}

extension Table {
  /// One row a group of rows that are alike in `names`, in the order in which the groups first
  /// appear: the columns `names`, then one an aggregate, under the name of the column that it is
  /// made of (`mean_x` and `max_x` where two are made of one column). No aggregates: `count`.
  /// What is missing is skipped, and a warning says how much; a group without values is missing.
  ///
  /// - Parameter bootstrap: how the interval of each mean is found, its ends in the columns `x_low`
  ///   and `x_high` after it.
  public func grouped(
    by names: [String], _ aggregates: [Aggregate], bootstrap: Bootstrap? = nil
  ) throws -> (table: Table, warnings: [String]) {
    if let twice = firstRepeated(names) {
      throw Failure("`\(twice)` is grouped by twice")
    }
    let keys = try names.map(column)
    let aggregates = aggregates.isEmpty ? [Aggregate(.count)] : aggregates
    let titles = try titles(of: aggregates, besides: names)
    if bootstrap != nil { try checkIntervals(aggregates, titles, besides: names) }
    let groups = try groups(by: keys)

    let firsts = groups.compactMap(\.first)
    var columns = try keys.map { Column($0.name, try $0.values.gathered(firsts)) }
    var warnings: [String] = []
    for (aggregate, title) in zip(aggregates, titles) {
      guard let name = aggregate.column else {
        columns.append(Column(title, .integers(groups.map(\.count))))
        continue
      }
      let source = try column(name).counted(for: aggregate.function)
      columns.append(Column(title, try aggregate.function.applied(to: source, groups: groups)))
      if let bootstrap, aggregate.function == .mean {
        let intervals = try intervals(of: source, groups: groups, by: names, bootstrap)
        columns.append(Column("\(title)_low", .doubles(intervals.map { $0?.low ?? .nan })))
        columns.append(Column("\(title)_high", .doubles(intervals.map { $0?.high ?? .nan })))
        let lone = intervals.count { $0 == nil }
        if lone > 0 {
          warnings.append(
            "mean \(name): \(lone) of \(intervals.count) groups have fewer than two "
              + "\(self["prompt"] == nil || names.contains("prompt") ? "values" : "prompts"), and "
              + "no interval")
        }
      }
      let missing = source.values.missingCount
      if missing > 0 {
        warnings.append(
          "\(aggregate.function.rawValue) \(name): \(thousands(missing)) of \(rows(rowCount)) "
            + "skipped, the value is missing there")
      }
    }
    let measured = aggregates.firstIndex { $0.column != nil && $0.column == measure } ?? 0
    let isNumeric = columns.first { $0.name == titles[measured] }?.kind.isNumeric ?? false
    return (Table(columns: columns, measure: isNumeric ? titles[measured] : nil), warnings)
  }

  /// The rows of each group, groups in order of first appearance. Without keys, one group of all.
  func groups(by keys: [Column]) throws -> [[Int]] {
    guard !keys.isEmpty else { return [Array(0..<rowCount)] }
    var indices: [[Cell]: Int] = [:]
    var groups: [[Int]] = []
    try (0..<rowCount).forEachChecked { row in
      let key = keys.map { $0[row] }
      if let index = indices[key] {
        groups[index].append(row)
      } else {
        if groups.count.isMultiple(of: 1 << 16) {
          try reserve(groups: groups.count, keys: key.count)
        }
        indices[key] = groups.count
        groups.append([row])
      }
    }
    return groups
  }

  /// Twice as many groups as there are: a dictionary that is full doubles. Each takes its place there,
  /// its key and the list of its rows.
  private func reserve(groups: Int, keys: Int) throws {
    try Memory.reserve(
      2 * groups * (128 + keys * MemoryLayout<Cell>.stride),
      for: "a table of more than \(thousands(groups)) groups", help: "group by fewer columns")
  }

  private func checkIntervals(
    _ aggregates: [Aggregate], _ titles: [String], besides keys: [String]
  ) throws {
    let means = zip(aggregates, titles).filter { $0.0.function == .mean }.map(\.1)
    guard !means.isEmpty else {
      throw Failure("`interval` needs a mean", help: "for example `mean dla interval`")
    }
    if let twice = firstRepeated(keys + titles + means.flatMap { ["\($0)_low", "\($0)_high"] }) {
      throw Failure("the grouped table would have the column `\(twice)` twice")
    }
  }

  private func titles(of aggregates: [Aggregate], besides keys: [String]) throws -> [String] {
    let plain = try aggregates.map { aggregate in
      if let name = aggregate.column { return name }
      guard aggregate.function == .count else {
        throw Failure(
          "`\(aggregate.function.rawValue)` needs a column", help: "as in `mean dla`")
      }
      return "count"
    }
    let titles = zip(aggregates, plain).map { aggregate, name in
      let isUnique = !keys.contains(name) && plain.count { $0 == name } == 1
      return isUnique || aggregate.column == nil
        ? name : "\(aggregate.function.rawValue)_\(name)"
    }
    if let twice = firstRepeated(keys + titles) {
      throw Failure("the grouped table would have the column `\(twice)` twice")
    }
    return titles
  }
}

extension Column {
  /// What is true counts as 1, so that a mean is the share of it.
  fileprivate func counted(for function: AggregateFunction) -> Column {
    guard function.needsNumbers, case .booleans(let truths) = values else { return self }
    return Column(name, .integers(truths.map { $0.map { $0 ? 1 : 0 } }))
  }
}
