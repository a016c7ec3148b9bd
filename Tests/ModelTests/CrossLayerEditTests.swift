import TestSupport
import Testing

@testable import Model

@Suite("Edits of features that write in several layers")
struct CrossLayerEditTests {
  private static let places: [(folder: String, reads: PlacedDictionary.Reads)] = [
    ("llama3", .normWithoutGain), ("gemma2", .norm), ("gemma3", .stream), ("gpt2", .norm),
    ("gpt_neox", .norm), ("gemma3-scope", .norm),
  ]

  private static func layers(_ index: Int) throws -> (Transformer, [PlacedDictionary]) {
    let place = places[index]
    let family = place.folder.split(separator: "-")[0]
    let transformer = try TestModels.tiny("families/\(family)").transformer
    let path = packageRoot.appending(
      path: "Tests/RuntimeTests/Fixtures/crosslayer/\(place.folder)"
    ).path
    let layers = try #require(try DictionarySource.crossLayer(path: path))
    return (
      transformer, try PlacedDictionary.layers(of: layers, reading: place.reads, in: transformer)
    )
  }

  /// A change of some features wherever they are added, or of an error.
  private static func edits(_ maker: inout RunMaker, _ placed: PlacedDictionary, count: Int)
    -> [Edit]
  {
    let (positions, part, change) = maker.featureChange(placed, count: count, atMost: 3)
    return (part == .error ? [placed.site] : placed.writeSites).enumerated().map { above, site in
      Edit(
        site: site, positions: positions,
        change: .features(FeatureEdit(placed, part, change, above: above)))
    }
  }

  @Test("what they keep of earlier layers is planned, once for all layers above")
  func plannedBytes() throws {
    let (transformer, layers) = try Self.layers(2)
    let c = transformer.configuration
    func bytes(_ part: FeatureEdit.Part, of placed: PlacedDictionary, at sites: [Site]) -> Int {
      let edits = sites.enumerated().map { above, site in
        Edit(
          site: site, positions: [1, 3],
          change: .features(FeatureEdit(placed, part, .zero, above: above)))
      }
      return RunRequest(tokens: [1, 2, 3, 4], edits: edits).keptBytes(in: c)
    }
    let row = 2 * c.width * MemoryLayout<Float>.size
    let feature = FeatureEdit.Part.features([0])
    #expect(bytes(feature, of: layers[0], at: layers[0].writeSites) == row)
    #expect(bytes(feature, of: layers[0], at: [layers[0].site]) == 0)
    #expect(bytes(.error, of: layers[3], at: [layers[3].site]) == 3 * row)
  }

  @Test("have the bits of runs that share nothing, whatever forks", arguments: places.indices)
  func bits(index: Int) throws {
    let (transformer, layers) = try Self.layers(index)
    let c = transformer.configuration
    var maker = RunMaker(configuration: c, generator: SeededGenerator(40 + index))
    var requests: [RunRequest] = []
    for _ in 0..<4 {
      let tokens = maker.prompt(2...9)
      let base = requests.count
      func some(_ edits: ClosedRange<Int>) -> [Edit] {
        (0..<maker.pick(edits)).flatMap { _ in
          maker.pick(0...3) == 0
            ? [maker.edit(tokens.count, at: Site(.residPost, layer: maker.pick(0...c.layers - 1)))]
            : Self.edits(&maker, layers[maker.pick(0...c.layers - 1)], count: tokens.count)
        }
      }
      let shared = some(0...1)
      let captures = Dictionary(
        layers.map { ($0.site, RunRequest.Positions.all) }, uniquingKeysWith: { first, _ in first })
      func request(_ edits: [Edit], base: Int?) -> RunRequest {
        RunRequest(
          tokens: tokens, edits: edits, base: base, captures: captures,
          logits: .all([tokens.count - 1]))
      }
      requests.append(request(shared, base: nil))
      for _ in 0..<6 { requests.append(request(shared + some(1...2), base: base)) }
    }
    let found = try transformer.run(requests)
    let wanted = try transformer.runNaively(requests)
    for (i, request) in requests.enumerated() {
      #expect(found[i].logits.allSatisfy { $0.isFinite })
      expectSameBits(found[i], wanted[i], "\(index): \(request.edits.map(\.change))")
    }
  }

  @Test("that change nothing move no bit", arguments: places.indices)
  func nothing(index: Int) throws {
    let (transformer, layers) = try Self.layers(index)
    let tokens = [41, 7, 90, 23, 58]
    let positions = Array(tokens.indices)
    let sites = Dictionary(
      layers.flatMap(\.sites).map { ($0, RunRequest.Positions.all) },
      uniquingKeysWith: { first, _ in first })
    let clean = try transformer.run([
      RunRequest(tokens: tokens, captures: sites, logits: .all([4]))
    ])[0]
    for placed in layers {
      let all = Array(0..<placed.dictionary.features)
      let own = try positions.map {
        try #require(try placed.values(of: .features(all), clean.activations, at: $0))
      }
      let errors = try positions.map {
        try #require(try placed.values(of: .error, clean.activations, at: $0))
      }
      func logits(_ part: FeatureEdit.Part, _ change: FeatureEdit.Change) throws -> [[Float]] {
        let sites = part == .error ? [placed.site] : placed.writeSites
        let edits = sites.enumerated().map { above, site in
          Edit(
            site: site, positions: positions,
            change: .features(FeatureEdit(placed, part, change, above: above)))
        }
        return try transformer.run([
          RunRequest(tokens: tokens, logits: .all([4])),
          RunRequest(tokens: tokens, edits: edits, base: 0, logits: .all([4])),
        ])[1].logits
      }
      #expect(try logits(.features(all), .replace(own)) == clean.logits)
      #expect(try logits(.error, .replace(errors)) == clean.logits)
      #expect(try logits(.features(all), .zero) != clean.logits)
      #expect(try logits(.error, .zero) != clean.logits)
    }
  }

  @Test("that cannot be are refused")
  func refused() throws {
    let (transformer, layers) = try Self.layers(0)
    func refuses(_ placed: PlacedDictionary, _ site: Site, _ part: FeatureEdit.Part, above: Int) {
      let edit = Edit(
        site: site, positions: [1],
        change: .features(FeatureEdit(placed, part, .zero, above: above)))
      #expect(throws: ModelError.self) {
        try transformer.run([RunRequest(tokens: [1, 2, 3], edits: [edit])])
      }
    }
    refuses(layers[1], Site(.mlpOut, layer: 0), .features([1]), above: -1)
    refuses(layers[0], Site(.mlpOut, layer: 1), .features([1]), above: 0)
    refuses(layers[0], Site(.mlpOut, layer: 2), .features([1]), above: 2)
    refuses(layers[0], Site(.mlpOut, layer: 1), .error, above: 1)
    let (other, _) = try Self.layers(2)
    #expect(throws: ModelError.self) {
      try PlacedDictionary.layers(of: layers.map(\.dictionary), reading: .norm, in: other)
    }
    for some in [[layers[0]], [layers[1]]] {
      #expect(throws: ModelError.self) {
        try AttributionGraphRequest(
          tokens: [1, 2], transcoders: some, mostFeatures: 1, mostLogits: 1)
      }
    }
  }
}
