import Model

/// A draw of rows, the same on every machine.
struct Sample {
  var size: Size
  var seed = 0
  /// The rows that were not drawn instead of those that were.
  var takesRest = false

  enum Size {
    /// Of each group of rows that are alike.
    case count(Int)
    case share(Double)
    /// As many of each group as another table has.
    case like([[Cell]: Int])

    /// How many rows a table has of each group.
    static func counts(_ table: Table, by names: [String]) throws -> [[Cell]: Int] {
      let keys = try names.map(table.column)
      var counts: [[Cell]: Int] = [:]
      try (0..<table.rowCount).forEachChecked { row in
        counts[keys.map { $0[row] }, default: 0] += 1
      }
      return counts
    }
  }

  /// The rows that are drawn of a table, in its order.
  func rows(of table: Table, by names: [String]) throws -> (rows: [Int], warnings: [String]) {
    let keys = try names.map(table.column)
    var drawn: Set<Int> = []
    var (short, unmet) = (0, size.keys)
    for (number, group) in try table.groups(by: keys).enumerated() {
      let key = keys.map { column in group.first.map { column[$0] } ?? .missing }
      unmet.remove(key)
      let wanted = size.of(group.count, key)
      // However many are wanted of each group, they are counted without overflow.
      let (sum, isTooLarge) = short.addingReportingOverflow(max(0, wanted - group.count))
      short = isTooLarge ? .max : sum
      drawn.formUnion(try draw(min(wanted, group.count), of: group, stream: number))
    }
    for key in unmet { short += size.of(0, key) }
    let rows = try (0..<table.rowCount).filterChecked { drawn.contains($0) != takesRest }
    guard short > 0 else { return (rows, []) }
    return (
      rows,
      ["\(Runtime.rows(short)) fewer than requested: there are no more to draw from"]
    )
  }

  /// The first `count` of Fisher and Yates' shuffle.
  private func draw(_ count: Int, of group: [Int], stream: Int) throws -> ArraySlice<Int> {
    var generator = SplitMix64(seed: seed, stream: stream)
    var deck = group
    try (0..<count).forEachChecked { i in
      deck.swapAt(i, i + generator.index(below: deck.count - i))
    }
    return deck.prefix(count)
  }
}

extension Sample.Size {
  fileprivate func of(_ available: Int, _ key: [Cell]) -> Int {
    switch self {
    case .count(let count): count
    case .share(let share): Int((share * Double(available)).rounded())
    case .like(let counts): counts[key] ?? 0
    }
  }

  fileprivate var keys: Set<[Cell]> {
    switch self {
    case .count, .share: []
    case .like(let counts): Set(counts.keys)
    }
  }
}

/// In an order drawn at random, each as likely (Fisher and Yates).
func shuffled<Element>(_ elements: [Element], _ generator: inout SplitMix64) throws -> [Element] {
  var elements = elements
  for place in stride(from: elements.count - 1, to: 0, by: -1) {
    if place & 0xFFFF == 0xFFFF { try Interruption.check() }
    elements.swapAt(place, generator.index(below: place + 1))
  }
  return elements
}
