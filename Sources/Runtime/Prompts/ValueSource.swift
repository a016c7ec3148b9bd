import Lang
import Model

/// Where the new values of an edit come from: the mean over runs, another prompt's run, or the
/// prompt's own clean one.
struct ValueSource {
  private let mode: EditSpec.Mode
  /// The prompts that are edited.
  private let prompts: [Prompt]
  /// Those whose runs give the values.
  private let donors: [Prompt]
  /// Nil where a donor is not drawn for any of the prompts, and need not run.
  private var results: [RunResult?]
  private var means: [MeanKey: [Float]] = [:]
  /// The last pairs, and what they are of: a sweep asks for the same of many parts.
  private var lastPairs: (kind: Position.Kind?, index: Int, donor: Int, pairs: PositionPairs)?

  private var deviations: [DeviationKey: Double] = [:]

  private struct DeviationKey: Hashable {
    var part: Place.SitePart
    var kind: Position.Kind?
  }

  private struct MeanKey: Hashable {
    var part: Place.SitePart
    /// The places of each prompt that the mean is over.
    var positions: [[Int]]
  }

  init(_ spec: EditSpec, for set: PromptSet, runner: EditBinder.Runner) throws {
    self.init(spec, for: set, runs: [])
    let drawn = try drawn(for: spec.targets.positions, by: set.measuredIndices)
    var wanted = Self.donors(of: spec, for: set)
    wanted.keep(drawn)
    let runs = try runner(wanted) { try spec.sites(read: $0) }
    var all = [RunResult?](repeating: nil, count: donors.count)
    for (donor, run) in zip(drawn, runs) { all[donor] = run }
    results = all
  }

  /// - Parameter runs: one for each donor.
  init(_ spec: EditSpec, for set: PromptSet, runs: [RunResult]) {
    mode = spec.mode
    prompts = set.prompts
    donors = Self.donors(of: spec, for: set).prompts
    results = runs
  }

  /// The donors whose runs are needed.
  ///
  /// - Parameter edited: the places of the prompts that are run.
  private func drawn(for kinds: [Position.Kind?], by edited: [Int]) throws -> [Int] {
    guard case .resample(_, let seed, let withinRelation) = mode else {
      switch mode {
      case .mean, .noise: return Array(donors.indices)
      default: break
      }
      return donors.count == prompts.count ? edited : Array(donors.indices)
    }
    var drawn: Set<Int> = []
    for index in edited {
      for kind in kinds { drawn.insert(try draw(kind, for: index, seed, withinRelation)) }
    }
    return drawn.sorted()
  }

  private static func donors(of spec: EditSpec, for set: PromptSet) -> PromptSet {
    switch spec.mode {
    case .mean(let over), .resample(let over, _, _), .noise(_, let over, _): over
    case .patch(let from), .inject(let from, _): from
    case .patchFromCounterpart: set.counterparts
    case .freeze, .zero, .scale, .steer, .along, .knockout: set.unedited
    }
  }

  /// For each position the values of a part.
  mutating func rows(
    _ part: Place.SitePart, _ kind: Position.Kind?, at positions: [Int], ofPrompt index: Int
  ) throws -> [[Float]] {
    switch mode {
    case .mean: return try meanRows(part, kind, at: positions, of: prompts[index])
    case .resample(_, let seed, let withinRelation):
      let donor = try draw(kind, for: index, seed, withinRelation)
      return try rows(part, kind, at: positions, of: index, from: donor)
    case .patch, .patchFromCounterpart:
      return try rows(
        part, kind, at: positions, of: index, from: donors.count == 1 ? 0 : index)
    case .freeze, .zero, .scale, .steer, .along, .noise, .knockout, .inject:
      return try rows(part, kind, at: positions, of: index, from: index)
    }
  }

  /// The states at the positions that a source names, in the run of a prompt's donor.
  func states(_ source: StateSource, ofPrompt index: Int) throws -> [[Float]] {
    let donor = donors.count == 1 ? 0 : index
    return try donors[donor].positions(source.position).map {
      try row(source.part, at: $0, in: results[donor])
    }
  }

  // MARK: - One donor

  private mutating func rows(
    _ part: Place.SitePart, _ kind: Position.Kind?, at positions: [Int], of index: Int,
    from donor: Int
  ) throws -> [[Float]] {
    let pairs = try pairs(kind, index, donor)
    return try positions.map { position in
      try row(part, at: try pairs.source(of: position, at: part.site), in: results[donor])
    }
  }

  private mutating func pairs(_ kind: Position.Kind?, _ index: Int, _ donor: Int) throws
    -> PositionPairs
  {
    if let last = lastPairs, last.index == index, last.donor == donor, last.kind == kind {
      return last.pairs
    }
    let pairs = try PositionPairs(kind, of: prompts[index], with: donors[donor])
    lastPairs = (kind, index, donor, pairs)
    return pairs
  }

  /// A donor for one prompt: any of the set but itself whose positions can be paired with its own.
  private func draw(
    _ kind: Position.Kind?, for index: Int, _ seed: Int, _ withinRelation: Bool
  ) throws -> Int {
    let prompt = prompts[index]
    if withinRelation, prompt.fact?.relation == nil {
      throw Failure(
        "'\(prompt.name)' has no relation to draw others from",
        help: "relations come with a folder of facts: facts \"Examples/facts\" …")
    }
    let candidates = donors.indices.filter { donor in
      !donors[donor].tokens.elementsEqual(prompt.tokens.prefix(prompt.count))
        && (!withinRelation || donors[donor].fact?.relation == prompt.fact?.relation)
        && (try? PositionPairs(kind, of: prompt, with: donors[donor])) != nil
    }
    guard !candidates.isEmpty else {
      throw Failure(
        "no other prompt of the set can replace '\(prompt.name)'"
          + (withinRelation ? " within its relation" : ""),
        help: "positions are paired one to one: give prompts of equal length, or use @last")
    }
    var generator = SplitMix64(seed: seed, stream: prompt.number)
    return candidates[Int.random(in: candidates.indices, using: &generator)]
  }

  private func row(_ part: Place.SitePart, at position: Int, in result: RunResult?) throws
    -> [Float]
  {
    guard let row = try result.flatMap({ try part.values(in: $0.activations, at: position) }) else {
      throw Failure("there is no position \(position) to take values from")
    }
    return row
  }

  // MARK: - Spread

  /// The standard deviation of all numbers of a part, over the places of every donor: N − 1 in the
  /// denominator.
  mutating func deviation(_ part: Place.SitePart, _ kind: Position.Kind?) throws -> Double {
    let key = DeviationKey(part: part, kind: kind)
    if let known = deviations[key] { return known }
    var numbers: [Float] = []
    for (donor, result) in zip(donors, results) {
      for position in try kind.map(donor.positions) ?? Array(0..<donor.count) {
        numbers += try row(part, at: position, in: result)
      }
    }
    guard numbers.count > 1 else {
      throw Failure("one number has no spread", help: "give more prompts: over PROMPTS")
    }
    let mean = numbers.reduce(0.0) { $0 + Double($1) } / Double(numbers.count)
    let squares = numbers.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) }
    let deviation = (squares / Double(numbers.count - 1)).squareRoot()
    deviations[key] = deviation
    return deviation
  }

  // MARK: - Means

  /// At `@last` the mean is over that place of every prompt, at a span over all its tokens; else it
  /// is taken position by position, which needs equal lengths.
  private mutating func meanRows(
    _ part: Place.SitePart, _ kind: Position.Kind?, at positions: [Int], of prompt: Prompt
  ) throws -> [[Float]] {
    switch kind {
    case .name, .index(-1):
      let mean = try mean(part, donors.map { try $0.positions(kind ?? .all) })
      return positions.map { _ in mean }
    case .all, .index, .range, .text, .set, .except, nil:
      let isOwn = positions.allSatisfy { $0 < prompt.count }
      let lengths = Set(donors.map(\.count) + [isOwn ? prompt.count : prompt.tokens.count])
      guard lengths.count == 1 else {
        throw Failure(
          "a mean position by position needs prompts of equal length; these have "
            + lengths.sorted().map(String.init).joined(separator: ", ") + " tokens",
          help: "give a position that every prompt has: @last, or a span such as @subject")
      }
      return try positions.map { position in try mean(part, donors.map { _ in [position] }) }
    }
  }

  /// The mean over `places` of every prompt, summed in double precision in their order.
  private mutating func mean(_ part: Place.SitePart, _ places: [[Int]]) throws -> [Float] {
    let key = MeanKey(part: part, positions: places)
    if let known = means[key] { return known }
    var sum: [Double] = []
    var count = 0
    for (result, positions) in zip(results, places) {
      for position in positions {
        let row = try row(part, at: position, in: result)
        if sum.isEmpty { sum = [Double](repeating: 0, count: row.count) }
        guard sum.count == row.count else {
          throw Failure(
            "the mean of \(part.site.activation.rawValue) needs positions with equally many sources",
            help: "give prompts of equal length")
        }
        for i in row.indices { sum[i] += Double(row[i]) }
        count += 1
      }
    }
    let mean = sum.map { Float($0 / Double(count)) }
    means[key] = mean
    return mean
  }
}
