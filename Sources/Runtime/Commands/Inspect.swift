import Lang
import Model

extension Command {
  static let attention = Command(
    name: "attention", group: .measures, summary: "Show where heads look: attention weights.",
    details: "Without `@`, from the last position; `L9H8@*` from all of them.",
    input: .prompts,
    parameters: [.positional("heads", .selector, list: true, "heads: L9H8, L9H*, heads@last")],
    examples: ["colosseum | attention L17H2 | top 3"]
  ) { call in
    let set = try placing(at: call.span) { try call.promptInput().withoutSweep(for: "attention") }
    let places = try call.places(on: set, for: "attention") { place in
      guard let head = place.head, let layer = place.layer else {
        throw Failure(
          "\(place.label) is no head, and only heads attend", help: "say L9H8, or heads")
      }
      return Place.SitePart(site: Site(.pattern, layer: layer), units: [head])
    }
    var prompts = PromptColumn(set)
    var columns = PlaceColumns()
    var (sources, weights): ([Int?], [Float]) = ([], [])
    try call.inspect(set, places, default: .name("last")) { prompt, place, position, row in
      try row.enumerated().forEachChecked { source, weight in
        prompts.append(prompt)
        columns.append(place, position)
        sources.append(source)
        weights.append(weight)
      }
    }
    return .table(
      TableValue(
        Table(
          columns: prompts.columns + columns.columns + [
            Column("source", .integers(sources)), Column("weight", .singles(weights)),
          ], measure: "weight"), origins: [set.origin]))
  }

  static let activations = Command(
    name: "activations", group: .measures,
    summary: "Give the numbers at a site, one row an element.",
    details: "Without `@`, at all positions. `element` counts within the component.",
    input: .prompts,
    parameters: [.positional("site", .selector, list: true, "sites: L9.resid_pre@last, L9H8.z")],
    examples: ["colosseum | activations L9.resid_pre@last | summary"]
  ) { call in
    let set = try placing(at: call.span) {
      try call.promptInput().withoutSweep(for: "activations")
    }
    let places = try call.places(on: set, for: "activations") { $0.sites[0] }
    var prompts = PromptColumn(set)
    var columns = PlaceColumns()
    var (elements, values): ([Int?], [Float]) = ([], [])
    try call.inspect(set, places, default: .all) { prompt, place, position, row in
      try row.enumerated().forEachChecked { element, value in
        prompts.append(prompt)
        columns.append(place, position)
        elements.append(element)
        // Only scores before a window are infinite by right.
        let isMeant = value == -.infinity && place.sites[0].site.activation == .attnScores
        values.append(value.isFinite || isMeant ? value : .nan)
      }
    }
    return .table(
      TableValue(
        Table(
          columns: prompts.columns + columns.columns + [
            Column("element", .integers(elements)), Column("value", .singles(values)),
          ], measure: "value"), origins: [set.origin]))
  }

  static let lens = Command(
    name: "lens", group: .measures,
    summary: "Read the stream before each layer and after the last as if the model ended there.",
    details: """
      The logit lens: the final norm, with the stream's own scale, and the unembedding. For each \
      layer the answer, or with `top N` the best N tokens. Layer 0 is the embedding, the last row \
      the model's own output. `at` takes another position than the last.
      """,
    input: .prompts,
    parameters: [
      .keyword("top", .number, "the best N tokens instead of the answer"),
      .keyword("at", .selector, "a position: @subject, @3; the last without it"),
    ],
    examples: ["colosseum | lens | take -3", "colosseum | lens top 1"],
    run: readLens)

  private static func readLens(_ call: Invocation) throws -> Value {
    let set = try placing(at: call.span) { try call.promptInput().withoutSweep(for: "lens") }
    let most = try call.integer("top")
    if let most, most < 1 {
      throw Failure("`lens top` takes a count from 1", span: call.expression("top")?.span)
    }
    if most == nil { _ = try placing(at: call.span) { try set.answers(for: "lens") } }
    let selectors = try call.selectors("at")
    guard selectors.count <= 1 else {
      throw Failure(
        "`lens at` takes one selector, not \(selectors.count)",
        help: "several positions: @{0,last}",
        span: selectors[0].span)
    }
    let selector = selectors.first
    if let selector, !selector.selector.isPosition {
      throw Failure(
        "`lens at` takes a position, not '\(selector.selector.text)'",
        help: "lens reads every layer; say where: @last, @subject, @3..5", span: selector.span)
    }
    let kind = selector?.selector.position ?? .name("last")
    let transformer = set.model.transformer
    var layers: [Int?] = []
    var positions: [Int?] = []
    var rows = LensRows(set)
    let sites =
      (0..<set.model.configuration.layers).map { Site(.residPre, layer: $0) }
      + [Site(.residPost, layer: set.model.configuration.layers - 1)]
    let cases = try call.session.cases(of: set)
    let places = try cases.map { item in
      try placing(at: selector?.span ?? call.span) { try item.prompt.positions(kind) }
    }
    let vocabulary = set.model.configuration.vocabulary
    let count = min(most ?? 1, vocabulary)
    try call.reserve(
      rows: places.reduce(0) { $0 + $1.count }, sites.count, count, bytes: LensRows.bytesPerRow,
      help: count > 10 ? "`lens top 10` keeps the best tokens alone" : nil)
    for (item, places) in zip(cases, places) {
      let captures = Dictionary(
        uniqueKeysWithValues: sites.map { ($0, RunRequest.Positions.some(places)) })
      try call.session.run(
        [item], of: set, label: "lens", wants: { _ in (captures, .none) },
        consume: { item, result in
          for (layer, site) in sites.enumerated() {
            let stream = result.activations[site]?.rows ?? []
            // A few at a time: whole vocabularies are large.
            for start in stride(from: 0, to: stream.count, by: 16) {
              let part = start..<min(start + 16, stream.count)
              for (place, logits) in zip(part, try transformer.lens(Array(stream[part]))) {
                let distribution = Distribution(logits)
                if !distribution.isFinite {
                  call.session.noteNotFinite(
                    RunRequest(tokens: item.prompt.tokens, edits: item.edits), on: set.model)
                }
                let added = try rows.append(item, distribution, most: most)
                layers += Array(repeating: layer, count: added)
                positions += Array(repeating: places[place], count: added)
              }
            }
          }
        })
    }
    let leading = [Column("layer", .integers(layers)), Column("position", .integers(positions))]
    return .table(TableValue(rows.table(leading: leading), origins: [set.origin]))
  }
}

/// The rows of `lens`: the best tokens, or the answer.
private struct LensRows {
  private var prompts: PromptColumn
  private var (ranks, ids): ([Int?], [Int?]) = ([], [])
  private var tokens: [String?] = []
  private var logits: [Float] = []
  private var (probs, logprobs): ([Double], [Double]) = ([], [])

  /// Its arrays grow as the runs go on, and one that does is there twice.
  static let bytesPerRow = 2 * (7 * 16 + 4 + 2 * 8)

  init(_ set: PromptSet) { prompts = PromptColumn(set) }

  /// - Returns: how many rows were added.
  mutating func append(_ item: Case, _ distribution: Distribution, most: Int?) throws -> Int {
    let values = distribution.logits
    let chosen =
      try most.map { try distribution.largest($0) } ?? [item.prompt.answer?.token ?? 0]
    var rank: Int?
    try chosen.enumerated().forEachChecked { i, token in
      if i == 0 {
        rank = distribution.rank(token)
      } else if rank != nil, values[token] != values[chosen[i - 1]] {
        rank = i + 1
      }
      prompts.append(item.prompt)
      ranks.append(rank)
      ids.append(token)
      tokens.append(item.prompt.model.tokenizer.text(of: token))
      logits.append(distribution.logit(token))
      probs.append(distribution.probability(token))
      logprobs.append(distribution.logProbability(token))
    }
    return chosen.count
  }

  func table(leading: [Column]) -> Table {
    Table(
      columns: prompts.columns + leading + [
        Column("rank", .integers(ranks)), Column("token_id", .integers(ids)),
        Column("token", .texts(tokens)), Column("logit", .singles(logits)),
        Column("prob", .doubles(probs)), Column("logprob", .doubles(logprobs)),
      ], measure: "logit")
  }
}

/// A place that is looked at.
struct InspectedPlace {
  var place: Place
  var part: Place.SitePart
  var position: Position.Kind?
  var span: SourceSpan
}

extension Invocation {
  /// The places that the first parameter's selectors mean; `part` says what is read of each.
  func places(
    on set: PromptSet, for measure: String, part: (Place) throws -> Place.SitePart
  ) throws -> [InspectedPlace] {
    let parameter = command.parameters.first { $0.form == .positional }?.name ?? ""
    let selected = try selectors(parameter)
    try refuseMixedPositions(in: selected, of: parameter)
    return try selected.flatMap { selector, span in
      try placing(at: span) {
        try selector.places(on: set.model.configuration, for: .reading).map { place in
          InspectedPlace(
            place: place, part: try part(place), position: selector.position, span: span)
        }
      }
    }
  }

  /// Runs the prompts and hands over each place's numbers, prompt by prompt. Only the positions that
  /// are looked at are kept.
  func inspect(
    _ set: PromptSet, _ places: [InspectedPlace], default kind: Position.Kind,
    _ body: (Prompt, Place, _ position: Int, [Float]) throws -> Void
  ) throws {
    let cases = try session.cases(of: set)
    let configuration = set.model.configuration
    let rows = try cases.reduce(0) { sum, item in
      try Interruption.check()
      return try places.reduce(sum) { sum, place in
        let units =
          place.part.units?.count ?? configuration.unitCount(place.part.site.activation)
        return try placing(at: place.span) {
          try item.prompt.positions(place.position ?? kind).reduce(sum) {
            $0 + units * configuration.unitWidth(place.part.site.activation, sources: $1 + 1)
          }
        }
      }
    }
    try reserve(
      rows: rows, bytes: 2 * (6 * 16 + 4),
      help: "name fewer places, or a position as in `@last`")
    for item in cases {
      let positions = try places.map { place in
        try placing(at: place.span) { try item.prompt.positions(place.position ?? kind) }
      }
      var wanted: [Site: Set<Int>] = [:]
      for (place, positions) in zip(places, positions) {
        wanted[place.part.site, default: []].formUnion(positions)
      }
      let captures = wanted.mapValues { RunRequest.Positions.some($0.sorted()) }
      try session.run(
        [item], of: set, label: command.name, wants: { _ in (captures, .none) },
        consume: { item, result in
          for (place, positions) in zip(places, positions) {
            try Interruption.check()
            guard let activation = result.activations[place.part.site] else { continue }
            for position in positions {
              guard let i = activation.positions.firstIndex(of: position) else { continue }
              let row =
                place.part.units.map { $0.flatMap { Array(activation[i, $0]) } } ?? activation[i]
              try body(item.prompt, place.place, position, row)
            }
          }
        })
    }
  }
}

/// component, layer, head, position
struct PlaceColumns {
  private var components: [String?] = []
  private var (layers, heads): ([Int?], [Int?]) = ([], [])
  private var positions: [Int?] = []

  mutating func append(_ place: Place, _ position: Int) {
    components.append(place.label)
    layers.append(place.layer)
    heads.append(place.head)
    positions.append(position)
  }

  var columns: [Column] {
    [
      Column("component", .texts(components)), Column("layer", .integers(layers)),
      Column("head", .integers(heads)), Column("position", .integers(positions)),
    ]
  }
}
