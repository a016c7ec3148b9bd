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

  public init() {}
}

extension Attributor {
  /// The parts of a run's sites that have dictionaries: each active feature, the decoder's bias with all that
  /// is there whatever is active, and the error, so that their sum is the site.
  ///
  /// - Throws: `ModelError` where weights cannot be read or the run has numbers that are none.
  public func decompose(_ run: RunResult) throws -> Decompositions {
    var found = Decompositions()
    for dictionary in detail.dictionaries {
      let (placed, prefix) = (dictionary.placed, dictionary.prefix)
      guard let input = placed.input(run.activations, at: position),
        let output = placed.output(run.activations, at: position)
      else { continue }
      let pool = transformer.pool
      let active = try placed.dictionary.encode([input], on: pool)[0]
      let (features, rest) = try placed.dictionary.parts(input, from: active, on: pool)
      let layer = placed.site.layer
      var error = zip(output, rest).map { Double($0) - $1 }
      var parts = features.map { feature, vector in
        for i in error.indices { error[i] -= Double(vector[i]) }
        return Decompositions.Part(
          component: .feature(prefix: prefix, layer: layer, feature: feature.feature),
          vector: vector)
      }
      parts.append(
        .init(component: .featureBias(prefix: prefix, layer: layer), vector: rest.map { Float($0) })
      )
      parts.append(
        .init(
          component: .featureError(prefix: prefix, layer: layer), vector: error.map { Float($0) }))
      found.parts[placed.site] = parts
    }
    return found
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
