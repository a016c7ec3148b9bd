import Lang
import Model

/// What `lens` reads as if the model ended there.
struct LensPlace {
  /// As the column `component` shows it; nil where no site was named.
  var label: String?
  /// Of the stream before the layers and after the last, how many layers it has passed.
  var layer: Int?
  var part: Place.SitePart
  /// What it passes before the final norm.
  var map: AffineMap?
}

/// The places of one call, and what is read of them.
struct LensPlaces {
  let all: [LensPlace]
  /// Whether sites were named.
  let areNamed: Bool
  /// What `@` says after the sites.
  let position: (kind: Position.Kind, span: SourceSpan)?
  /// Whether the final norm is left out.
  let isRaw: Bool

  init(_ call: Invocation, of set: PromptSet) throws {
    let c = set.model.configuration
    isRaw = call.hasFlag("raw")
    let named = try call.has("site") ? Self.sites(call, of: set) : nil
    areNamed = named != nil
    position = named?.position
    var places =
      named?.places
      ?? (0..<c.layers).map {
        LensPlace(layer: $0, part: Place.SitePart(site: Site(.residPre, layer: $0)))
      } + [
        LensPlace(
          layer: c.layers, part: Place.SitePart(site: Site(.residPost, layer: c.layers - 1)))
      ]
    if let lens = try Self.tunedLens(call, set.model) {
      guard !isRaw else {
        throw Failure(
          "a tuned lens was trained with the final norm, which `raw` leaves out",
          help: "omit one of them", span: call.span(of: "tuned"))
      }
      for i in places.indices {
        places[i].map = try placing(at: call.span(of: areNamed ? "site" : "tuned")) {
          try lens.map(of: places[i].part.site)
        }
      }
    }
    if let map = try call.affineMap("map", of: set.model) {
      try Self.check(map, named?.places, c, call)
      for i in places.indices { places[i].map = map }
    }
    all = places
  }

  private static func check(
    _ map: AffineMap, _ named: [LensPlace]?, _ c: Configuration, _ call: Invocation
  ) throws {
    let span = call.span(of: "map")
    guard named != nil else {
      throw Failure(
        "`map` needs the sites that it maps", help: "lens L8.resid_post@last map M", span: span)
    }
    guard !call.has("tuned") else {
      throw Failure("`map` and `tuned` do not go together", help: "omit one of them", span: span)
    }
    guard map.inputWidth == c.width, map.outputWidth == c.width else {
      throw Failure(
        "the map is from \(map.inputWidth) to \(map.outputWidth) elements, and the stream has "
          + "\(c.width)", span: span)
    }
  }

  private static func sites(_ call: Invocation, of set: PromptSet) throws -> (
    places: [LensPlace], position: (kind: Position.Kind, span: SourceSpan)?
  ) {
    let found = try call.places(on: set, for: "lens") { place in
      let site = try place.oneSite(for: "read")
      guard site.activation.isOfStream else {
        throw Failure(
          "\(place.label) is not of the stream, which the unembedding reads",
          help: "the lens reads resid_pre, resid_mid, resid_post, attn_out, mlp_out, embed and a "
            + "head's result")
      }
      return place.sites[0]
    }
    // `at` is read by the readings.
    let kinds = Set(found.compactMap { call.has("at") ? nil : $0.position })
    guard kinds.count < 2 else {
      throw Failure(
        "`lens` reads all sites at the same positions", help: "lens SITES at @{0,last}",
        span: call.span(of: "site"))
    }
    let places = found.map {
      LensPlace(label: $0.place.label, layer: $0.place.layer, part: $0.part)
    }
    return (places, kinds.first.map { ($0, call.span(of: "site")) })
  }

  private static func tunedLens(_ call: Invocation, _ model: LanguageModel) throws -> TunedLens? {
    guard let folder = try call.text("tuned") else { return nil }
    return try placing(at: call.span(of: "tuned")) {
      let lens = try TunedLens(folder: folder, for: model.configuration)
      guard call.session.goes(model, by: lens.modelName) else {
        throw Failure(
          "the lens in `\(excerpt(folder, limit: 80))` was trained on "
            + "'\(excerpt(lens.modelName, limit: 80))', and '\(call.session.name(of: model))' is read",
          help: "if that is the same model, load it under this name: load MODEL as "
            + quotedText(excerpt(lens.modelName.lastPart, limit: 80)), status: .unreadable)
      }
      return lens
    }
  }
}

extension TunedLens {
  /// The map of a site of the stream between layers; nil after the last layer, which needs none.
  ///
  /// - Throws: `Failure` for other sites.
  fileprivate func map(of site: Site) throws -> AffineMap? {
    let layer: Int
    switch site.activation {
    case .residPre: layer = site.layer
    case .residPost: layer = site.layer + 1
    default:
      throw Failure(
        "a tuned lens reads the stream between layers, and not \(site.activation.rawValue)",
        help: "L*.resid_pre, L*.resid_post")
    }
    return layer < translators.count ? translators[layer] : nil
  }
}

extension Invocation {
  /// Reads some places of each prompt's run as if the model ended there.
  ///
  /// - Parameters:
  ///   - queries: what is asked of a case; never nothing.
  ///   - body: takes what they find at one place. The places of a case come in their order, one case after
  ///     the other.
  func readStreams(
    of set: PromptSet, _ places: LensPlaces, asking queries: (Case) -> [LogitQuery],
    _ body: (Case, _ place: Int, [LogitSummary]) throws -> Void
  ) throws {
    let sites = Set(places.all.map(\.part.site))
    let cases = try session.cases(of: set)
    var asked = [[LogitQuery]](repeating: [], count: set.prompts.count)
    try cases.forEachChecked { asked[$0.index] = queries($0) }
    var results = try session.results(of: cases, on: set.model, label: command.name) { item in
      let positions = Set(asked[item.index].map(\.position)).sorted()
      return Measurement(
        captures: Dictionary(uniqueKeysWithValues: sites.map { ($0, .some(positions)) })
      ) { $0.activations }
    }
    var waiting = WaitingStreams(places)
    func read() throws {
      try statement.runner.compute { try waiting.read(for: self, body) }
      waiting = WaitingStreams(places)
    }
    while let (item, activations) = try results.next() {
      for (number, place) in places.all.enumerated() {
        guard let stream = activations[place.part.site] else { continue }
        waiting.append(item, number, stream, asked[item.index])
        if waiting.isEnough { try read() }
      }
    }
    try read()
  }
}

/// Vectors of the stream whose logits are yet to be computed: many at a time, whichever prompts they are
/// of, so that the unembedding is read seldom.
private struct WaitingStreams {
  private let places: LensPlaces
  private var parts: [(item: Case, place: Int, count: Int)] = []
  private var vectors: [[Float]] = []
  private var queries: [LogitQuery] = []
  private var tokens = 0

  init(_ places: LensPlaces) { self.places = places }

  /// What is read of one vector may be the whole vocabulary.
  var isEnough: Bool { vectors.count >= 192 || tokens >= 1_000_000 }

  mutating func append(
    _ item: Case, _ place: Int, _ stream: CapturedActivation, _ asked: [LogitQuery]
  ) {
    let indices = Dictionary(
      uniqueKeysWithValues: stream.positions.enumerated().map { ($1, $0) })
    parts.append((item, place, asked.count))
    let units = places.all[place].part.units
    vectors += asked.map { query in
      let index = indices[query.position] ?? 0
      return units.map { $0.flatMap { Array(stream[index, $0]) } } ?? stream[index]
    }
    queries += asked
    tokens += asked.reduce(0) { $0 + max(1, $1.top) }
  }

  func read(
    for call: Invocation, _ body: (Case, _ place: Int, [LogitSummary]) throws -> Void
  ) throws {
    guard let model = parts.first?.item.prompt.model else { return }
    let read = try placing(at: call.span) { try mapped(on: model.transformer.pool) }
    var left = try model.transformer.lens(read, reading: queries, isRaw: places.isRaw)[...]
    for (item, place, count) in parts {
      let found = Array(left.prefix(count))
      left = left.dropFirst(count)
      if found.contains(where: { !$0.isFinite }) {
        call.session.noteNotFinite(
          RunRequest(tokens: item.prompt.tokens, edits: item.edits), on: model)
      }
      try body(item, place, found)
    }
  }

  /// The vectors after the maps of their places, each map used once.
  private func mapped(on pool: WorkerPool) throws -> [[Float]] {
    var mapped = vectors
    var (start, indices) = (0, [Int: [Int]]())
    for part in parts {
      if places.all[part.place].map != nil {
        indices[part.place, default: []] += start..<start + part.count
      }
      start += part.count
    }
    for (place, indices) in indices {
      guard let map = places.all[place].map else { continue }
      for (index, row) in zip(indices, try map.applied(to: indices.map { vectors[$0] }, on: pool)) {
        mapped[index] = row
      }
    }
    return mapped
  }
}
