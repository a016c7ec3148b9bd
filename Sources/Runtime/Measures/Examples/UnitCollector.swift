import Model

/// What is kept of some units while texts pass: how often and how strongly each fires, and the texts in which it
/// is largest. Memory grows with the units, not with the texts.
///
/// The texts come in their order: of equal numbers the first counts, so that the result does not depend on how
/// they are divided into batches.
struct UnitCollector {
  struct Options {
    /// How many examples of each unit.
    var count: Int
    /// Tokens on either side whose numbers are kept; nil: none.
    var context: Int?
    /// Whether the smallest numbers are looked for instead.
    var isLowest = false
    /// Whether texts in which a unit is 0 everywhere are no examples of it.
    var skipsZeros = false
    /// A unit fires where its number is above this.
    var threshold = 0.0
    var hasQuantiles = false

    /// What one unit takes at the most.
    var bytesPerUnit: Int {
      let around = context.map { (2 * $0 + 1) * MemoryLayout<Float>.size + 32 } ?? 0
      return MemoryLayout<Tally>.size + 64 + count * (MemoryLayout<Example>.size + around)
        + (hasQuantiles ? ValueSketch.bytes : 0)
    }
  }

  /// Where a unit is largest in one text.
  struct Example {
    var value: Float
    /// The text's place in its set.
    var text: Int
    var position: Int
    /// From `context` tokens before the position to as many after it: NaN where nothing was read.
    var around: [Float]
  }

  /// All numbers of a unit.
  struct Tally {
    /// How many; those that are not finite are left out.
    private(set) var count = 0
    private(set) var fired = 0
    private(set) var least = Float.infinity
    private(set) var most = -Float.infinity
    /// Sums of what numbers are above the first, and of its squares: numbers far from 0 lose nothing so.
    private var first = 0.0
    private var sum = 0.0
    private var squares = 0.0
    /// Of the text at hand: the largest number, or the smallest, and its row; −1 where there is none.
    fileprivate var best = Float.nan
    fileprivate var row = -1

    fileprivate mutating func add(_ number: Float, row: Int, _ options: Options) {
      guard number.isFinite else { return }
      let x = Double(number)
      if count == 0 { first = x }
      count += 1
      if x > options.threshold { fired += 1 }
      sum += x - first
      squares += (x - first) * (x - first)
      least = min(least, number)
      most = max(most, number)
      if self.row < 0 || (options.isLowest ? number < best : number > best) {
        (best, self.row) = (number, row)
      }
    }

    /// The share of positions at which it fires.
    var rate: Double { count == 0 ? .nan : Double(fired) / Double(count) }

    var mean: Double { count == 0 ? .nan : first + sum / Double(count) }

    /// With n − 1.
    var deviation: Double {
      guard count > 1 else { return .nan }
      let n = Double(count)
      return (max(0, squares - sum * sum / n) / (n - 1)).squareRoot()
    }
  }

  private let options: Options
  /// By unit.
  private(set) var tallies: [Tally]
  /// By unit, the best first.
  private(set) var examples: [[Example]]
  /// By unit; empty where none are asked for.
  private(set) var sketches: [ValueSketch]

  init(units: Int, _ options: Options) {
    self.options = options
    tallies = [Tally](repeating: Tally(), count: units)
    examples = [[Example]](repeating: [], count: units)
    sketches = [ValueSketch](repeating: ValueSketch(), count: options.hasQuantiles ? units : 0)
  }

  /// Adds one text.
  ///
  /// - Parameters:
  ///   - rows: `[positions][units]`.
  ///   - positions: ascending.
  ///   - text: its place in the set.
  mutating func add(_ rows: [[Float]], at positions: [Int], of text: Int) throws {
    for unit in tallies.indices { tallies[unit].row = -1 }
    for (number, row) in rows.enumerated() {
      try Interruption.check()
      tallies.withUnsafeMutableBufferPointer { tallies in
        row.withUnsafeBufferPointer { row in
          for unit in tallies.indices { tallies[unit].add(row[unit], row: number, options) }
        }
      }
    }
    for unit in tallies.indices { keepBest(of: unit, rows, positions, text) }
    var column = [Float](repeating: 0, count: rows.count)
    for unit in sketches.indices {
      if unit.isMultiple(of: 64) { try Interruption.check() }
      for number in rows.indices { column[number] = rows[number][unit] }
      sketches[unit].add(column)
    }
  }

  private mutating func keepBest(
    of unit: Int, _ rows: [[Float]], _ positions: [Int], _ text: Int
  ) {
    let (best, row) = (tallies[unit].best, tallies[unit].row)
    func comesBefore(_ other: Example) -> Bool {
      options.isLowest ? best < other.value : best > other.value
    }
    guard row >= 0, best != 0 || !options.skipsZeros else { return }
    if examples[unit].count == options.count {
      guard let last = examples[unit].last, comesBefore(last) else { return }
      examples[unit].removeLast()
    }
    let place = examples[unit].firstIndex(where: comesBefore) ?? examples[unit].count
    examples[unit].insert(
      Example(
        value: best, text: text, position: positions[row],
        around: around(row, rows, positions, unit)), at: place)
  }

  private func around(_ row: Int, _ rows: [[Float]], _ positions: [Int], _ unit: Int) -> [Float] {
    guard let context = options.context else { return [] }
    var found = [Float](repeating: .nan, count: 2 * context + 1)
    let start = positions[row] - context
    for other in max(0, row - context)...min(rows.count - 1, row + context) {
      let place = positions[other] - start
      if found.indices.contains(place) { found[place] = rows[other][unit] }
    }
    return found
  }
}
