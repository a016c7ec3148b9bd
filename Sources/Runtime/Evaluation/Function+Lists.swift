import Lang
import Model

// Functions that make lists of lists.
extension Function {
  func ofLists(_ arguments: [Value], seed: Int) throws -> Value {
    let lists = try arguments.map { argument -> [Value] in
      guard case .list(let values) = argument else {
        throw Failure(
          "`\(rawValue)` takes lists, not \(argument.kind)",
          help: "a list is [a, b], a range or a table's column")
      }
      return values
    }
    switch self {
    case .shuffle:
      guard lists.count == 1 else { throw wrongCount("one list, and `seed=NUMBER`") }
      var generator = SplitMix64(seed: seed)
      return .list(try shuffled(lists[0], &generator))
    default:
      guard lists.count > 1 else { throw wrongCount("several lists") }
      return .list(self == .zip ? try zipped(lists) : try combined(lists))
    }
  }

  /// The first elements of all lists, the second, and so on.
  private func zipped(_ lists: [[Value]]) throws -> [Value] {
    let counts = lists.map(\.count)
    guard let count = counts.first, counts.allSatisfy({ $0 == count }) else {
      throw Failure(
        "`zip` takes lists of one length; these have \(listed(counts.map(thousands))) elements")
    }
    try reserve(count, of: lists.count)
    return try (0..<count).mapChecked { place in .list(lists.map { $0[place] }) }
  }

  /// Every element of the first with every one of the second, and so on; the last changes fastest.
  private func combined(_ lists: [[Value]]) throws -> [Value] {
    var count = 1
    for list in lists {
      let (product, overflow) = count.multipliedReportingOverflow(by: list.count)
      guard !overflow else { throw tooMany() }
      count = product
    }
    try reserve(count, of: lists.count)
    return try (0..<count).mapChecked { place in
      var rest = place
      var row = [Value](repeating: .missing, count: lists.count)
      for (column, list) in lists.enumerated().reversed() {
        row[column] = list[rest % list.count]
        rest /= list.count
      }
      return .list(row)
    }
  }

  private static let mostElements = 10_000_000

  private func reserve(_ count: Int, of width: Int) throws {
    guard count <= Self.mostElements / width else { throw tooMany() }
    // A list in a list has a header of its own.
    try Memory.reserve(
      count * ((width + 1) * MemoryLayout<Value>.stride + 32),
      for: "a list of \(thousands(count)) lists")
  }

  private func tooMany() -> Failure {
    Failure(
      "`\(rawValue)` of these lists has more than \(thousands(Self.mostElements)) elements, all told"
    )
  }
}
