/// A dictionary whose features have parts of their own in an attribution.
public struct AttributedDictionary: Sendable {
  public var placed: PlacedDictionary
  /// What stands before its features' names: `sae.`, or nothing.
  public var prefix: String

  public init(_ placed: PlacedDictionary, prefix: String) {
    (self.placed, self.prefix) = (placed, prefix)
  }
}

/// What dictionaries make of some sites of a run: their active features, and what these leave over.
public struct Decompositions: Sendable {
  struct Part: Sendable {
    var component: Attribution.Component
    /// As wide as the site.
    var vector: [Float]
  }

  var parts: [Site: [Part]] = [:]
  /// By layer: features that write in several layers, each with the sum of what it writes in those that count.
  var crossLayer: [Int: [Part]] = [:]

  public init() {}
}

extension Attributor {
  /// The parts of a run's sites that have dictionaries: each active feature, the decoder's bias with all that
  /// is there whatever is active, and the error, so that their sum is the site.
  ///
  /// - Throws: `ModelError` where weights cannot be read or the run has numbers that are none.
  public func decompose(_ run: RunResult) throws -> Decompositions {
    guard !detail.dictionaries.isEmpty else { return Decompositions() }
    let found = decompose(run, try Self.active(in: [(self, run)])[0])
    for placed in dictionaries { try placed.dictionary.checkWeights() }
    return found
  }

  /// What is active in the dictionaries of several runs: `[runs][dictionaries]`. All have the same dictionaries.
  static func active(in runs: [(attributor: Attributor, run: RunResult)]) throws
    -> [[[ActiveFeature]]]
  {
    try DictionaryParts.active(
      in: runs.first?.attributor.dictionaries ?? [],
      at: runs.map { .init(activations: $0.run.activations, position: $0.attributor.position) })
  }

  var dictionaries: [PlacedDictionary] { detail.dictionaries.map(\.placed) }

  /// - Parameter active: in each dictionary.
  func decompose(_ run: RunResult, _ active: [[ActiveFeature]]) -> Decompositions {
    var found = Decompositions()
    let start = start
    var features = detail.dictionaries.map { _ in [Decompositions.Part]() }
    let parts = DictionaryParts(
      of: dictionaries, .init(activations: run.activations, position: position), active: active
    ) { number, feature, vectors in
      let (placed, prefix) = (
        detail.dictionaries[number].placed, detail.dictionaries[number].prefix
      )
      let layer = placed.site.layer
      let component = Attribution.Component.feature(
        prefix: prefix, layer: layer, feature: feature.feature)
      guard placed.isCrossLayer else {
        return features[number].append(.init(component: component, vector: vectors[0]))
      }
      let counted = zip(placed.writeSites, vectors).filter { site, _ in counts(site, after: start) }
      guard !counted.isEmpty else { return }
      var sum = [Double](repeating: 0, count: vectors[0].count)
      for (_, vector) in counted { for i in sum.indices { sum[i] += Double(vector[i]) } }
      found.crossLayer[layer, default: []].append(
        .init(component: component, vector: sum.map { Float($0) }))
    }
    for (number, dictionary) in detail.dictionaries.enumerated() {
      guard let remainder = parts.sites[number] else { continue }
      let (site, prefix) = (dictionary.placed.site, dictionary.prefix)
      let bias = Attribution.Component.featureBias(prefix: prefix, layer: site.layer)
      let error = Attribution.Component.featureError(prefix: prefix, layer: site.layer)
      found.parts[site] =
        features[number] + [
          .init(component: bias, vector: remainder.rest.map { Float($0) }),
          .init(component: error, vector: remainder.error.map { Float($0) }),
        ]
    }
    return found
  }

  /// Whether what an MLP adds at a site is a part of the target.
  private func counts(_ site: Site, after start: Site?) -> Bool {
    isAfter(start, site.layer, .residPost) && isBefore(site.layer, .residPost)
  }

  /// What the run must keep for `decompose`.
  var dictionarySites: [Site] { detail.dictionaries.flatMap(\.placed.sites) }

  /// The last site of the stream itself that has a dictionary.
  var lastStreamWithFeatures: Site? {
    detail.dictionaries.map(\.placed.site)
      .filter { [.residPre, .residMid, .residPost].contains($0.activation) }
      .filter { isBefore($0.layer, $0.activation) }
      .max { order($0) < order($1) }
  }
}

/// What is attributed of one run at one position.
public struct AttributedRun: Sendable {
  public var attributor: Attributor
  public var run: RunResult
  /// With the value that the run computed, before any soft cap; nil where there is no such target.
  public var targets: [(direction: Direction, logit: Double)?]

  public init(
    _ attributor: Attributor, _ run: RunResult, _ targets: [(direction: Direction, logit: Double)?]
  ) {
    (self.attributor, self.run, self.targets) = (attributor, run, targets)
  }
}

extension Attributor {
  /// The parts of all targets of several runs, which have the same dictionaries: each of these encodes what it
  /// reads in all runs together.
  ///
  /// - Returns: `[runs][targets]`
  /// - Throws: `Interruption.Stopped`, and `ModelError` where weights cannot be read or a run has numbers that
  ///   are none.
  public static func attribute(_ runs: [AttributedRun]) throws -> [[Attribution?]] {
    guard let first = runs.first?.attributor else { return [] }
    let active = try active(in: runs.map { ($0.attributor, $0.run) })
    let found = Slots<[Attribution?]>(repeating: [], count: runs.count)
    first.transformer.pool.run(runs.count) { i, _ in
      if Interruption.requested.load(ordering: .relaxed) { return }
      let (attributor, run) = (runs[i].attributor, runs[i].run)
      let features = attributor.decompose(run, active[i])
      found[i] = runs[i].targets.map { target in
        target.map { attributor.attribute(run, $0.direction, logit: $0.logit, features) }
      }
    }
    try Interruption.check()
    for placed in first.dictionaries { try placed.dictionary.checkWeights() }
    return found.values
  }
}
