import TestSupport
import Testing

@testable import Model

@Suite("Edits of features")
struct FeatureEditTests {
  private static let places: [(name: String, site: Activation, reads: PlacedDictionary.Reads)] = [
    ("standard", .residPost, .site), ("standard-layer-norm", .residPre, .site),
    ("topk-rescaled", .residMid, .site), ("gated", .attnOut, .site), ("jumprelu", .mlpOut, .site),
    ("standard-z", .z, .site), ("skip-transcoder", .mlpOut, .stream),
    ("sparsify-transcoder", .mlpOut, .norm), ("jumprelu-transcoder", .mlpOut, .normWithoutGain),
  ]

  private static func placed(_ index: Int, layer: Int) throws -> PlacedDictionary {
    let place = places[index]
    return try PlacedDictionary(
      ReferenceDictionary.open(place.name), at: Site(place.site, layer: layer),
      reading: place.reads, in: TestModels.tiny("tiny-gqa").transformer)
  }

  private static func edit(_ maker: inout RunMaker, _ placed: PlacedDictionary, count: Int) -> Edit
  {
    let (positions, part, change) = maker.featureChange(placed, count: count, atMost: 4)
    return Edit(
      site: placed.site, positions: positions,
      change: .features(FeatureEdit(placed, part, change)))
  }

  /// Features of one dictionary several times over, with other edits between them.
  @Test("have the bits of runs that share nothing, whatever forks", arguments: 0..<9)
  func bits(index: Int) throws {
    let transformer = try TestModels.tiny("tiny-gqa").transformer
    var maker = RunMaker(
      configuration: transformer.configuration, generator: SeededGenerator(20 + index))
    let placed = try (0..<2).map { try Self.placed(index, layer: $0) }
    var requests: [RunRequest] = []
    for _ in 0..<4 {
      let tokens = maker.prompt(2...9)
      let base = requests.count
      func some(_ edits: ClosedRange<Int>) -> [Edit] {
        (0..<maker.pick(edits)).map { _ in
          maker.pick(0...3) == 0
            ? maker.edit(tokens.count, at: Site(.residPost, layer: maker.pick(0...2)))
            : Self.edit(&maker, placed[maker.pick(0...1)], count: tokens.count)
        }
      }
      let shared = some(0...1)
      let site = placed[1].site
      requests.append(
        RunRequest(
          tokens: tokens, edits: shared, captures: [site: .all], logits: .all([tokens.count - 1])))
      for _ in 0..<6 {
        requests.append(
          RunRequest(
            tokens: tokens, edits: shared + some(1...3), base: base, captures: [site: .all],
            logits: .all([tokens.count - 1])))
      }
    }
    let found = try transformer.run(requests)
    let wanted = try transformer.runNaively(requests)
    // Alone, every row is a run's own.
    let alone = try requests.map { try transformer.run([$0.alone])[0].fired }
    for (i, request) in requests.enumerated() {
      for found in found[i].fired {
        let alone = try #require(alone[i].first { $0.edit == found.edit })
        #expect(alone.isWhole)
        #expect(found.features.isSubset(of: alone.features))
        #expect(!found.isWhole || found == alone)
      }
      expectSameBits(found[i], wanted[i], "\(index): \(request.edits.map(\.change))")
    }
  }

  @Test("that change nothing move no bit", arguments: 0..<9)
  func nothing(index: Int) throws {
    let transformer = try TestModels.tiny("tiny-gqa").transformer
    let placed = try Self.placed(index, layer: 1)
    let tokens = [41, 7, 90, 23, 58]
    let positions = Array(tokens.indices)
    let sites = Dictionary(
      placed.sites.map { ($0, RunRequest.Positions.all) }, uniquingKeysWith: { first, _ in first })
    let clean = try transformer.run([
      RunRequest(tokens: tokens, captures: sites, logits: .all([4]))
    ])[0]
    let all = Array(0..<placed.dictionary.features)
    let own = try positions.map {
      try #require(try placed.values(of: .features(all), clean.activations, at: $0))
    }
    let quiet = try #require(all.first { j in own.contains { $0[j] == 0 } })
    let silent = positions.filter { own[$0][quiet] == 0 }
    let errors = try positions.map {
      try #require(try placed.values(of: .error, clean.activations, at: $0))
    }
    let changes: [(FeatureEdit.Part, [Int], FeatureEdit.Change)] = [
      (.features([quiet]), silent, .zero), (.features(all), positions, .replace(own)),
      (.features([3]), positions, .scale(1)), (.error, positions, .replace(errors)),
    ]
    for (part, positions, change) in changes {
      let edit = Edit(
        site: placed.site, positions: positions,
        change: .features(FeatureEdit(placed, part, change)))
      let runs = try transformer.run([
        RunRequest(tokens: tokens, logits: .all([4])),
        RunRequest(tokens: tokens, edits: [edit], base: 0, logits: .all([4])),
      ])
      #expect(runs[1].logits == clean.logits, "\(Self.places[index].name): \(part)")
    }
    let some = Edit(
      site: placed.site, positions: positions,
      change: .features(FeatureEdit(placed, .features(all), .zero)))
    let edited = try transformer.run([
      RunRequest(tokens: tokens, edits: [some], logits: .all([4]))
    ])[0]
    #expect(edited.logits != clean.logits)
  }

  /// Of a sweep over features of a joint rule, whose activations take all others.
  @Test("encode the rows of a base once for all its variants")
  func encodings() throws {
    let transformer = try TestModels.tiny("tiny-gqa").transformer
    let placed = try Self.placed(2, layer: 1)
    let tokens = [41, 7, 90, 23, 58]
    var requests = [RunRequest(tokens: tokens, logits: .all([4]))]
    for feature in 0..<placed.dictionary.features {
      let edit = Edit(
        site: placed.site, positions: Array(tokens.indices),
        change: .features(FeatureEdit(placed, .features([feature]), .zero)))
      requests.append(RunRequest(tokens: tokens, edits: [edit], base: 0, logits: .all([4])))
    }
    let found = try transformer.run(requests)
    #expect(placed.dictionary.encodedRows.encodings == tokens.count)
    #expect(found.count { $0.logits != found[0].logits } > tokens.count)
    let wanted = try transformer.runNaively(requests)
    #expect(found.map(\.logits) == wanted.map(\.logits))
  }

  @Test("that cannot be are refused")
  func refused() throws {
    let transformer = try TestModels.tiny("tiny-gqa").transformer
    let placed = try Self.placed(0, layer: 1)
    func refuses(_ edit: Edit) {
      let request = RunRequest(tokens: [1, 2, 3], edits: [edit])
      #expect(throws: ModelError.self) { try transformer.run([request]) }
      let gradient = GradientRequest(
        tokens: [1, 2, 3], edits: [edit], terms: [], wanted: [:])
      #expect(throws: ModelError.self) { try gradient.check(in: transformer.configuration) }
    }
    func edit(
      _ part: FeatureEdit.Part, _ change: FeatureEdit.Change, _ site: Activation = .residPost
    )
      -> Edit
    {
      Edit(
        site: Site(site, layer: 1), positions: [1, 2],
        change: .features(FeatureEdit(placed, part, change)))
    }
    refuses(edit(.features([40]), .zero))
    refuses(edit(.features([-1]), .zero))
    refuses(edit(.features([3, 3]), .zero))
    refuses(edit(.features([3]), .zero, .residPre))
    refuses(edit(.features([3]), .scale(.infinity)))
    refuses(edit(.features([3]), .replace([[1]])))
    refuses(edit(.error, .replace([[1], [1]])))
  }

  @Test("need a site of the dictionary's width, and something that it can read")
  func places() throws {
    let transformer = try TestModels.tiny("tiny-gqa").transformer
    func refuses(_ name: String, _ site: Activation, _ reads: PlacedDictionary.Reads) throws {
      let dictionary = try ReferenceDictionary.open(name)
      #expect(throws: ModelError.self, "\(name)") {
        try PlacedDictionary(
          dictionary, at: Site(site, layer: 1), reading: reads, in: transformer)
      }
    }
    try refuses("standard", .z, .site)
    try refuses("standard", .ln1Scale, .site)
    try refuses("standard", .pattern, .site)
    try refuses("standard-z", .residPost, .site)
    try refuses("transcoder", .mlpOut, .site)
    try refuses("transcoder", .residPost, .norm)
  }
}

extension RunRequest {
  fileprivate var alone: RunRequest {
    var request = self
    request.base = nil
    return request
  }
}

extension RunMaker {
  /// A change of some features of a dictionary, or of its error, at some of `count` positions.
  mutating func featureChange(_ placed: PlacedDictionary, count: Int, atMost most: Int)
    -> (positions: [Int], part: FeatureEdit.Part, change: FeatureEdit.Change)
  {
    let positions = some(of: count)
    let isError = pick(0...3) == 0
    let features = some(of: placed.dictionary.features, atMost: most)
    let width = isError ? placed.dictionary.outputWidth : features.count
    let change: FeatureEdit.Change =
      switch pick(0...2) {
      case 0: .zero
      case 1: .scale(generator.floats(1, in: 0.5...2)[0])
      default: .replace(positions.map { _ in generator.floats(width, in: 0...2) })
      }
    return (positions, isError ? .error : .features(features), change)
  }
}
