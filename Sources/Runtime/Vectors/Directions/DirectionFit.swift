import Model

/// How a direction was found, and how well it tells the sides apart that it has not seen.
struct DirectionFit: Sendable {
  var method: DirectionMethod
  /// How many rows it was found in.
  var train: Int
  /// How many it was tried on.
  var test: Int
  /// The share of these that are on their own side of the threshold; nil where there are none.
  var accuracy: Double?
  /// Wilson's interval of it, at 95 %.
  var interval: (low: Double, high: Double)?
  /// The mean accuracy of directions found after the labels of the training part were shuffled.
  var control: Double?
  /// Where along the vector the positive side begins.
  var threshold: Double

  /// Wilson's interval of a share.
  static func interval(_ right: Int, of count: Int) -> (low: Double, high: Double)? {
    guard count > 0 else { return nil }
    let (n, z) = (Double(count), 1.959963984540054)
    let share = Double(right) / n
    let denominator = 1 + z * z / n
    let centre = (share + z * z / (2 * n)) / denominator
    let reach = z * ((share * (1 - share) + z * z / (4 * n)) / n).squareRoot() / denominator
    // At the ends the two are equal but for rounding.
    return (right == 0 ? 0 : max(0, centre - reach), right == count ? 1 : min(1, centre + reach))
  }
}

/// method, train, test, accuracy, low, high, control, threshold
struct FitColumns {
  private let method: TableBuilder.Key<String>
  private let (train, test): (TableBuilder.Key<Int>, TableBuilder.Key<Int>)
  private let (accuracy, low, high): (Number, Number, Number)
  private let (control, threshold): (Number, Number)

  private typealias Number = TableBuilder.Key<Double>

  init(in table: inout TableBuilder) {
    method = table.texts("method")
    (train, test) = (table.integers("train"), table.integers("test"))
    accuracy = table.doubles("accuracy")
    (low, high) = (table.doubles("low"), table.doubles("high"))
    (control, threshold) = (table.doubles("control"), table.doubles("threshold"))
  }

  func set(_ fit: DirectionFit, in table: inout TableBuilder) {
    table[method] = fit.method.rawValue
    (table[train], table[test]) = (fit.train, fit.test)
    table[accuracy] = fit.accuracy
    (table[low], table[high]) = (fit.interval?.low, fit.interval?.high)
    (table[control], table[threshold]) = (fit.control, fit.threshold)
  }
}

/// The rows that directions are found in and tried on.
struct DirectionSplit {
  var train: [Int] = []
  var test: [Int] = []

  /// Holds groups back, drawn at random until they have `share` of the rows.
  ///
  /// - Parameters:
  ///   - groups: what each row is of: rows of one group are never apart.
  ///   - fixed: the groups to hold back, where they are named.
  init(_ groups: [Int], share: Double, seed: Int, fixed: Set<Int>?) throws {
    var held = fixed ?? []
    if fixed == nil, share > 0 {
      let all = Array(Set(groups)).sorted()
      var generator = SplitMix64(seed: seed)
      let order = try shuffled(all, &generator)
      let wanted = max(1, (share * Double(groups.count)).rounded())
      var count = 0
      let sizes = Dictionary(grouping: groups, by: { $0 }).mapValues(\.count)
      for group in order where Double(count) < wanted {
        held.insert(group)
        count += sizes[group] ?? 0
      }
    }
    for (row, group) in groups.enumerated() {
      if held.contains(group) { test.append(row) } else { train.append(row) }
    }
  }
}

/// A direction, found in some rows and tried on others.
///
/// - Parameters:
///   - pairs: of `pca`: the places of rows whose mean is taken off both.
///   - shuffles: how many times the labels are shuffled for the control.
func fit(
  _ data: LabelledRows, _ method: DirectionMethod, _ split: DirectionSplit, pairs: [(Int, Int)]?,
  shuffles: Int, seed: Int
) throws -> (vector: [Double], fit: DirectionFit) {
  let (train, test) = (data.chosen(split.train), data.chosen(split.test))
  let places = Dictionary(uniqueKeysWithValues: split.train.enumerated().map { ($1, $0) })
  let trainPairs = pairs?.compactMap { one, other -> (Int, Int)? in
    guard let first = places[one], let second = places[other] else { return nil }
    return (first, second)
  }
  let finder = try DirectionFinder(train.rows, method, pairs: trainPairs)
  let found = try finder.direction(train.labels)
  func right(_ found: FoundDirection) -> Int {
    (0..<test.rows.rows).count { found.isPositive(test.rows[row: $0]) == test.labels[$0] }
  }
  let count = test.rows.rows
  let correct = right(found)
  var control: Double?
  if count > 0, shuffles > 0 {
    var sum = 0.0
    var done = 0
    for number in 0..<shuffles {
      try Interruption.check()
      var generator = SplitMix64(seed: seed, stream: number + 1)
      let labels = try shuffled(train.labels, &generator)
      do {
        let found = try finder.direction(labels)
        sum += Double(right(found)) / Double(count)
        done += 1
      } catch is Failure {
        // Shuffled sides may have one mean.
      }
    }
    control = done > 0 ? sum / Double(done) : nil
  }
  return (
    found.vector,
    DirectionFit(
      method: method, train: train.rows.rows, test: count,
      accuracy: count > 0 ? Double(correct) / Double(count) : nil,
      interval: DirectionFit.interval(correct, of: count), control: control,
      threshold: found.threshold)
  )
}
