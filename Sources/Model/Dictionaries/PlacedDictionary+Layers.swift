// Cross-layer transcoders: what a layer's MLP adds is a sum over the features of this layer and of all before it.

extension PlacedDictionary {
  /// The layers of a cross-layer transcoder, one of each layer of the model.
  ///
  /// - Parameter layers: as `DictionarySource.crossLayer` has them.
  /// - Throws: `ModelError` where the model has other layers or another width.
  public static func layers(
    of layers: [FeatureDictionary], reading reads: Reads, in transformer: Transformer
  ) throws -> [PlacedDictionary] {
    let count = transformer.configuration.layers
    guard layers.count == count else {
      throw ModelError(
        .request,
        "this cross-layer transcoder is of \(layers.count) layers, and the model has \(count)",
        help: "it is of another model")
    }
    var placed: [PlacedDictionary] = []
    for (layer, dictionary) in layers.enumerated() {
      placed.append(
        try PlacedDictionary(
          dictionary, at: Site(.mlpOut, layer: layer), reading: reads, in: transformer,
          after: placed))
    }
    return placed
  }

  /// Where its features are added: its own site first.
  public var writeSites: [Site] {
    (0..<dictionary.layersWritten).map { Site(site.activation, layer: site.layer + $0) }
  }

  /// Whether its features are added in more than one layer, or those of others at its site.
  var isCrossLayer: Bool { dictionary.layersWritten > 1 || !earlier.isEmpty }

  /// What all layers of a cross-layer transcoder have in common; of others themselves.
  var first: PlacedDictionary { earlier.first ?? self }

  /// Whether all that it shares sites with is there too.
  ///
  /// - Parameter layers: transcoders by their layer.
  func hasWholeSet(in layers: [Int: PlacedDictionary]) -> Bool {
    writeSites.allSatisfy { layers[$0.layer]?.first == first }
      && earlier.allSatisfy { layers[$0.site.layer] == $0 }
  }

  /// Those whose features are added at its site, in the order of their layers.
  private var writers: [PlacedDictionary] { earlier + [self] }

  /// What the reconstruction lacks of what stands at its site, ε = x − x̂.
  ///
  /// - Parameters:
  ///   - output: what stands at its site, x.
  ///   - read: what a dictionary reads.
  /// - Returns: nil where there are numbers that are infinite or NaN, or weights cannot be read.
  func error(_ output: [Float], reading read: (PlacedDictionary) -> [Float]) -> [Float]? {
    let pool = transformer.pool
    let own = read(self)
    guard own.isFinite else { return nil }
    let (scale, rest) = dictionary.rest(of: own, on: pool)
    var sum = rest
    for writer in writers {
      guard let active = writer.dictionary.active(at: read(writer), pool) else { return nil }
      for feature in active {
        let vector = writer.dictionary.vector(
          of: feature, above: site.layer - writer.site.layer, times: scale)
        for (i, part) in vector.enumerated() { sum[i] += Double(part) }
      }
      guard (try? writer.dictionary.checkWeights()) != nil else { return nil }
    }
    return zip(output, sum).map { Float(Double($0) - $1) }
  }
}
