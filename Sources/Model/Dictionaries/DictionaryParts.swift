/// What dictionaries make of one position of a run.
public struct DictionaryParts {
  /// Of one dictionary.
  public struct Remainder: Sendable {
    /// What of its reconstruction is there whatever is active.
    public var rest: [Double]
    /// What features leave over, ε = x − x̂.
    public var error: [Double]
  }

  /// In the order of the dictionaries; nil where the run did not keep what one reads or writes.
  public private(set) var sites: [Remainder?]

  /// - Parameters:
  ///   - dictionaries: of a cross-layer transcoder all layers, in their order.
  ///   - activations: of a run that kept their `sites`.
  ///   - body: told of each active feature, and what it adds in each layer that it writes in.
  /// - Throws: `ModelError` where weights cannot be read or the run has numbers that are none; what `body`
  ///   throws.
  public init(
    of dictionaries: [PlacedDictionary], _ activations: [Site: CapturedActivation],
    at position: Int,
    _ body: (_ dictionary: Int, ActiveFeature, _ vectors: [[Float]]) throws -> Void
  ) throws {
    let inputs = dictionaries.map { $0.input(activations, at: position) }
    var scales: [Float] = []
    var places: [Site: Int] = [:]
    sites = []
    for (number, (placed, input)) in zip(dictionaries, inputs).enumerated() {
      guard let input, let output = placed.output(activations, at: position) else {
        scales.append(1)
        sites.append(nil)
        continue
      }
      let (scale, rest) = placed.dictionary.rest(of: input, on: placed.transformer.pool)
      scales.append(scale)
      places[placed.site] = number
      sites.append(Remainder(rest: rest, error: zip(output, rest).map { Double($0) - $1 }))
    }
    for (number, (placed, input)) in zip(dictionaries, inputs).enumerated() {
      guard let input, sites[number] != nil else { continue }
      let (dictionary, scale) = (placed.dictionary, scales[number])
      let above = placed.writeSites.map { places[$0] }
      for feature in try dictionary.encode([input], on: placed.transformer.pool)[0] {
        let vectors = above.indices.map {
          dictionary.vector(of: feature, above: $0, times: scale)
        }
        for (place, vector) in zip(above, vectors) {
          if let place { sites[place]?.subtract(vector) }
        }
        try body(number, feature, vectors)
      }
      try dictionary.checkWeights()
    }
  }
}

extension DictionaryParts.Remainder {
  fileprivate mutating func subtract(_ vector: [Float]) {
    for i in error.indices { error[i] -= Double(vector[i]) }
  }
}
