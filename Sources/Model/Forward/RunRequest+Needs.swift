extension RunRequest {
  /// What a request asks for, its positions resolved: memory, plans and ends derive from this.
  struct Needs {
    var captures: [Capture]
    /// Positions whose logits are asked for, and how many each.
    var logits: [(position: Int, count: Int)]

    struct Capture {
      var site: Site
      var positions: [Int]
      var units: Int
      /// Of all units at each position.
      var widths: [Int]
    }

    /// How many numbers the result has.
    var floats: Int {
      captures.reduce(0) { $0 + $1.widths.reduce(0, +) } + logits.reduce(0) { $0 + $1.count }
    }

    var bytes: Int { floats * MemoryLayout<Float>.size }
  }

  func needs(in configuration: Configuration) -> Needs {
    Needs(
      captures: captures.map { site, positions in
        let positions = resolved(positions)
        let units = configuration.unitCount(site)
        return Needs.Capture(
          site: site, positions: positions, units: units,
          widths: positions.map {
            units * configuration.unitWidth(site.activation, sources: $0 + 1)
          })
      },
      logits: logits.counts(vocabulary: configuration.vocabulary))
  }

  /// What the result takes until it is let go.
  public func resultBytes(in configuration: Configuration) -> Int {
    needs(in: configuration).bytes
  }

  /// What a run keeps until later layers, besides what is asked for: what writers of edges give, and what layers of
  /// cross-layer transcoders read whose features are edited above them.
  func keptBytes(in configuration: Configuration) -> Int {
    edgeBytes(in: configuration) + earlierInputFloats * MemoryLayout<Float>.size
  }

  private var earlierInputFloats: Int {
    var positions: [PlacedDictionary: Set<Int>] = [:]
    for edit in edits {
      guard case .features(let features) = edit.change else { continue }
      for placed in features.readsBefore {
        positions[placed, default: []].formUnion(edit.positions)
      }
    }
    return positions.reduce(0) { $0 + $1.key.dictionary.inputWidth * $1.value.count }
  }

  func resolved(_ positions: Positions) -> [Int] {
    switch positions {
    case .all: Array(tokens.indices)
    case .some(let some): some
    }
  }

  /// For each position how far it must go for what is asked.
  func ends(layers: Int) -> [Reach] {
    var ends = [Reach](repeating: .nothing, count: tokens.count)
    func ask(_ reach: Reach, at positions: some Sequence<Int>) {
      for position in positions { ends[position] = max(ends[position], reach) }
    }
    for (site, positions) in captures { ask(site.reach(layers: layers), at: resolved(positions)) }
    ask(.finalNorm(after: layers), at: logits.counts(vocabulary: 0).map(\.position))
    ends.handOnToSources()
    return ends
  }

  /// A result of the shape that a run would give, all zeros.
  public func blankResult(in configuration: Configuration) -> RunResult {
    let needs = needs(in: configuration)
    var result = RunResult()
    for capture in needs.captures {
      result.activations[capture.site] = CapturedActivation(
        positions: capture.positions, units: capture.units,
        rows: capture.widths.map { [Float](repeating: 0, count: $0) })
    }
    if case .summaries(let queries) = logits {
      result.summaries = queries.map { LogitSummary(blankFor: $0, configuration.vocabulary) }
    } else {
      result.logits = needs.logits.map { [Float](repeating: 0, count: $0.count) }
    }
    return result
  }
}

extension RunRequest {
  /// Where it is compared with the run that it varies; nowhere if it varies none.
  var comparedPositions: [Int] {
    guard base != nil, case .summaries(let queries) = logits else { return [] }
    return queries.filter { !$0.comparisons.isEmpty }.map(\.position)
  }
}

extension RunRequest.Logits {
  /// The positions whose whole vocabulary is computed, once for each time that it is asked for.
  var positionsOfVocabularies: [Int] {
    switch self {
    case .all(let positions): positions
    case .summaries(let queries): queries.map(\.position)
    case .none, .chosen: []
    }
  }

  /// The positions that are asked for, and how many numbers of each.
  func counts(vocabulary: Int) -> [(position: Int, count: Int)] {
    switch self {
    case .none: []
    case .all(let positions): positions.map { ($0, vocabulary) }
    case .chosen(let chosen): chosen.map { ($0.position, $0.tokens.count) }
    case .summaries(let queries): queries.map { ($0.position, $0.summaryFloats) }
    }
  }
}
