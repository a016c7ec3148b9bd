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

  /// A position of a run that kept the `sites` of dictionaries.
  struct Place {
    var activations: [Site: CapturedActivation]
    var position: Int
  }

  /// - Parameters:
  ///   - dictionaries: of a cross-layer transcoder all layers, in their order.
  ///   - activations: of a run that kept their `sites`.
  ///   - body: told of each active feature, and what it adds in each layer that it writes in.
  /// - Throws: `ModelError` where weights cannot be read or the run has numbers that are none.
  public init(
    of dictionaries: [PlacedDictionary], _ activations: [Site: CapturedActivation],
    at position: Int,
    _ body: (_ dictionary: Int, ActiveFeature, _ vectors: [[Float]]) -> Void
  ) throws {
    let place = Place(activations: activations, position: position)
    let active = try Self.active(in: dictionaries, at: [place])[0]
    self.init(of: dictionaries, place, active: active, body)
    for placed in dictionaries { try placed.dictionary.checkWeights() }
  }

  /// What is active in each dictionary at each of some places: each encodes all of them together.
  ///
  /// - Returns: `[places][dictionaries]`, nothing where a run did not keep what one reads or writes.
  static func active(in dictionaries: [PlacedDictionary], at places: [Place]) throws
    -> [[[ActiveFeature]]]
  {
    var found = places.map { _ in [[ActiveFeature]](repeating: [], count: dictionaries.count) }
    for (number, placed) in dictionaries.enumerated() {
      let inputs = places.map { place in
        placed.output(place.activations, at: place.position) == nil
          ? nil : placed.input(place.activations, at: place.position)
      }
      let active = try placed.dictionary.encode(
        inputs.compactMap(\.self), on: placed.transformer.pool)
      for (place, active) in zip(inputs.indices.filter { inputs[$0] != nil }, active) {
        found[place][number] = active
      }
    }
    return found
  }

  /// - Parameter active: in each dictionary. Whether weights can be read is left to be asked of the
  ///   dictionaries.
  init(
    of dictionaries: [PlacedDictionary], _ place: Place, active: [[ActiveFeature]],
    _ body: (_ dictionary: Int, ActiveFeature, _ vectors: [[Float]]) -> Void
  ) {
    let inputs = dictionaries.map { $0.input(place.activations, at: place.position) }
    var scales: [Float] = []
    var places: [Site: Int] = [:]
    sites = []
    for (number, (placed, input)) in zip(dictionaries, inputs).enumerated() {
      guard let input, let output = placed.output(place.activations, at: place.position) else {
        scales.append(1)
        sites.append(nil)
        continue
      }
      let (scale, rest) = placed.dictionary.rest(of: input, on: placed.transformer.pool)
      scales.append(scale)
      places[placed.site] = number
      sites.append(Remainder(rest: rest, error: zip(output, rest).map { Double($0) - $1 }))
    }
    for (number, placed) in dictionaries.enumerated() where sites[number] != nil {
      let (dictionary, scale) = (placed.dictionary, scales[number])
      let above = placed.writeSites.map { places[$0] }
      for feature in active[number] {
        let vectors = above.indices.map {
          dictionary.vector(of: feature, above: $0, times: scale)
        }
        for (place, vector) in zip(above, vectors) {
          if let place { sites[place]?.subtract(vector) }
        }
        body(number, feature, vectors)
      }
    }
  }
}

extension DictionaryParts.Remainder {
  fileprivate mutating func subtract(_ vector: [Float]) {
    error.withUnsafeMutableBufferPointer { error in
      vector.withUnsafeBufferPointer { vector in
        for i in error.indices { error[i] -= Double(vector[i]) }
      }
    }
  }
}
