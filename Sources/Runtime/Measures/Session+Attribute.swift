import Model

extension Session {
  /// The attributions of every prompt's goal wherever it is read, one a column of the goal; nil where
  /// the prompt has nothing for that column.
  func attributions(
    of set: PromptSet, _ goal: AttributionGoal, at readings: Readings,
    _ detail: AttributionDetail = AttributionDetail(), label: String, mayStop: Bool = false
  ) throws -> AttributionResults {
    try set.refuseEdgesInAttributions()
    let transformer = set.model.transformer
    let runs = try results(
      of: try cases(of: set), on: set.model, label: label, mayStop: mayStop,
      measuring: goal.measurement(at: readings, transformer, detail))
    return AttributionResults(runs, GoalAttributions(goal, transformer, detail))
  }
}

/// What cases were attributed to be, in their order. Runs are made some at a time, and attributed together.
struct AttributionResults {
  private static let readingsAtOnce = 64
  /// They come on top of what a run is planned with: a small part of the budget.
  private static var bytesAtOnce: Int { min(1 << 26, Memory.budget / 16) }

  private var runs: Results<AttributableRun>
  private var attributions: GoalAttributions
  private var ready: ArraySlice<(item: Case, reading: [[Attribution?]])> = []

  init(_ runs: Results<AttributableRun>, _ attributions: GoalAttributions) {
    (self.runs, self.attributions) = (runs, attributions)
  }

  /// As `Results` has it.
  mutating func next() throws -> (item: Case, reading: [[Attribution?]])? {
    if ready.isEmpty { try takeMore() }
    return ready.popFirst()
  }

  private mutating func takeMore() throws {
    var some: [(item: Case, reading: AttributableRun)] = []
    var (readings, bytes) = (0, 0)
    while readings < Self.readingsAtOnce, bytes < Self.bytesAtOnce, let next = try runs.next() {
      some.append(next)
      readings += next.reading.readings.count
      bytes += next.reading.result.byteCount
    }
    do {
      let found = try attributions.attributions(of: some.map(\.reading))
      ready = zip(some.map(\.item), found).map { ($0, $1) }[...]
    } catch let stop as Interruption.Stopped {
      try runs.end(stop, without: some.count)
    }
  }
}

/// A run that kept what its attributions are made from.
struct AttributableRun {
  let readings: [Reading]
  let attributors: [Attributor]
  let result: RunResult
}

extension AttributionGoal {
  /// What a run is asked for, so that its attributions can be made.
  func measurement(
    at readings: Readings, _ transformer: Transformer, _ detail: AttributionDetail
  ) -> (Case) throws -> Measurement<AttributableRun> {
    { item in
      let readings = readings[item]
      let attributors = readings.map {
        Attributor(transformer, at: $0.position, edits: item.edits, detail)
      }
      return Measurement(
        captures: attributors.captures, logits: self.logits(at: readings), isUncapped: true
      ) { AttributableRun(readings: readings, attributors: attributors, result: $0) }
    }
  }
}

/// Makes the attributions of a goal.
struct GoalAttributions {
  /// How many are made together, at the most: the directions of their targets are in memory.
  private static let atOnce = 64

  private let goal: AttributionGoal
  private var directions: Directions

  init(_ goal: AttributionGoal, _ transformer: Transformer, _ detail: AttributionDetail) {
    self.goal = goal
    directions = Directions(transformer, withNeurons: detail.byNeuron)
  }

  /// - Returns: `[runs][readings][columns]`; nil where the prompt has nothing for a column.
  mutating func attributions(of runs: [AttributableRun]) throws -> [[[Attribution?]]] {
    let places = runs.indices.flatMap { run in runs[run].readings.indices.map { (run, $0) } }
    var found = runs.map { _ in [[Attribution?]]() }
    for start in stride(from: 0, to: places.count, by: Self.atOnce) {
      try Interruption.check()
      let some = places[start..<min(start + Self.atOnce, places.count)]
      let attributed = try attributed(some.map { (runs[$0], $1) })
      for (place, attributions) in zip(some, try Attributor.attribute(attributed)) {
        found[place.0].append(attributions)
      }
    }
    return found
  }

  /// - Parameter places: runs, with which of their readings.
  private mutating func attributed(_ places: [(run: AttributableRun, reading: Int)]) throws
    -> [AttributedRun]
  {
    let targets = places.map { goal.targets(of: $0.run.readings[$0.reading].prompt) }
    directions.forgetMany()
    try directions.make(targets.joined().compactMap(\.self))
    return try zip(places, targets).map { place, targets in
      let (run, i) = place
      let logits = goal.logits(i, of: run.result)
      return AttributedRun(
        run.attributors[i], run.result,
        try targets.map { target in
          try target.map {
            (
              try directions.direction(of: $0),
              goal.value(of: $0, in: run.readings[i].prompt, logits)
            )
          }
        })
    }
  }
}

extension PromptSet {
  /// - Throws: `Failure` where edges are patched: what a reader sees in private has no component.
  func refuseEdgesInAttributions() throws {
    guard let edit = edits.first(where: \.isOfEdges) else { return }
    throw Failure(
      "the logit of a run whose edges are patched cannot be divided into components",
      help: "`effect` measures such runs", span: edit.span, source: edit.source)
  }
}

extension [Attributor] {
  /// What the run must keep for all of them.
  var captures: [Site: RunRequest.Positions] {
    guard count > 1 else { return first?.captures ?? [:] }
    var all: [Site: Set<Int>] = [:]
    for attributor in self {
      for case (let site, .some(let positions)) in attributor.captures {
        all[site, default: []].formUnion(positions)
      }
    }
    return all.mapValues { .some($0.sorted()) }
  }
}
