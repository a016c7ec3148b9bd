import Lang
import Model

extension Command {
  static let dictionary = Command(
    name: "dictionary", group: .models,
    summary: "Open a sparse autoencoder or transcoder at a site, or describe one.",
    details: """
      Its features are then components: `L12F123`, or `sae.L12F123` where several dictionaries are at \
      one layer; `L12.error` is what its reconstruction lacks. They work in `activations`, `dla by \
      feature`, `unembed`, the edits and `attribute`.
      Formats: SAELens, Gemma Scope 1 and 2, sparsify, circuit-tracer's per-layer and cross-layer \
      transcoders, in a folder or in the Hugging Face cache (org/name/folder). `.pt` files: \
      Scripts/convert-dictionary.
      A cross-layer transcoder is opened for all layers at once: `L12F5` reads what the MLP of layer 12 \
      reads, and is added to `mlp_out` of layer 12 and of all later ones.
      - at: default: where the files say it was trained
      - reads: of a transcoder; default: as its files say
      - over: also measures how well it reconstructs the prompts' activations, BOS not counted
      `dictionary` alone lists those that are open; `unload` closes one.
      """,
    input: .none,
    parameters: [
      .positional(
        "dictionary", .path, required: false,
        "a folder or file, org/name/folder, or the name of an open one"),
      .keyword("at", .selector, "the site of its features: L12.resid_post, L5.mlp_out"),
      .keyword("as", .name, "its name in this session; default: sae, or transcoder"),
      .keyword("reads", .choice(TranscoderInput.self), "what a transcoder reads"),
      .keyword("over", .prompts, "prompts that it reconstructs"),
    ],
    examples: ["dictionary"],
    run: openDictionary)

  private static func openDictionary(_ call: Invocation) throws -> Value {
    let session = call.session
    let over = try call.prompts("over")
    guard let name = try call.text("dictionary") else {
      return .table(TableValue(DictionaryCards(session.dictionaries).table))
    }
    let isOpen = session.dictionaries.contains { $0.name == name }
    let loaded: [LoadedDictionary]
    if isOpen, !call.has("at"), !call.has("as"), !call.has("reads") {
      loaded = try session.requireDictionary(name)
    } else {
      loaded = try open(name, call)
      session.add(loaded)
    }
    var cards = DictionaryCards(loaded)
    if let over {
      try placing(at: call.span(of: "over")) {
        guard let model = loaded.first?.model, over.model === model else {
          throw Failure(
            "these prompts are of '\(session.name(of: over.model))', and the dictionary of "
              + "'\(loaded.first.map { session.name(of: $0.model) } ?? "")'")
        }
        cards.qualities = try session.qualities(
          of: loaded.map(\.placed), on: over.withoutSweep(for: "dictionary"))
      }
    }
    return .table(TableValue(cards.table))
  }

  private static func open(_ path: String, _ call: Invocation) throws -> [LoadedDictionary] {
    let session = call.session
    let model = try placing(at: call.span) { try session.requireModel() }
    let wanted = try call.has("at") ? call.onePlace("at", on: model) : nil
    _ = try call.selectors("at")
    let input = try call.choice("reads", TranscoderInput.self)
    let given = try call.text("as")
    let site = wanted.flatMap { $0.sites.count == 1 ? $0.sites[0].site : nil }
    if let wanted, site == nil || wanted.sites[0].units != nil {
      throw Failure(
        "'\(wanted.label)' is not one site", help: "L5.resid_post, L5.attn_out, L5.mlp_out, L5.z",
        span: call.span(of: "at"))
    }
    let place = call.span(of: "dictionary")
    let found = try placing(at: place) {
      try DictionaryPath(environment: call.host.environment).found(path)
    }
    if let layers = try placing(at: place, { try DictionarySource.crossLayer(path: found) }) {
      guard !call.has("at") else {
        throw Failure(
          "a cross-layer transcoder is of all layers", help: "omit `at`", span: call.span(of: "at"))
      }
      return try placing(at: place) {
        try placeLayers(layers, reading: input?.reads, as: given, call)
      }
    }
    let dictionary = try placing(at: place) {
      try DictionarySource.open(path: found, layer: site?.layer)
    }
    return try placing(at: call.has("at") ? call.span(of: "at") : place) {
      let placement = DictionaryPlacement(
        dictionary: dictionary, configuration: model.configuration)
      try placement.checkModel(named: session.name(of: model))
      let placed = try PlacedDictionary(
        dictionary, at: placement.site(site), reading: placement.reads(input?.reads),
        in: model.transformer)
      let name = given ?? (dictionary.isTranscoder ? "transcoder" : "sae")
      try placing(at: call.span(of: "as")) { try checkName(name) }
      return [LoadedDictionary(name: name, placed: placed, model: model)]
    }
  }

  /// The layers of a cross-layer transcoder.
  private static func placeLayers(
    _ layers: [FeatureDictionary], reading reads: PlacedDictionary.Reads?, as given: String?,
    _ call: Invocation
  ) throws -> [LoadedDictionary] {
    guard let first = layers.first else { return [] }
    let model = try call.session.requireModel()
    let placement = DictionaryPlacement(dictionary: first, configuration: model.configuration)
    try placement.checkModel(named: call.session.name(of: model))
    try placement.checkThatMLPsAreWritten()
    let placed = try PlacedDictionary.layers(
      of: layers, reading: placement.reads(reads), in: model.transformer)
    let name = given ?? "transcoder"
    try placing(at: call.span(of: "as")) { try checkName(name) }
    return placed.map { LoadedDictionary(name: name, placed: $0, model: model) }
  }

  /// - Throws: `Failure` for what cannot stand before the dot of `sae.L12F5`.
  private static func checkName(_ name: String) throws {
    let isWord =
      name.first.map { $0.isLetter || $0 == "_" } == true
      && name.allSatisfy { $0.isLetter || $0.isNumber || $0 == "_" }
    guard isWord, Session.reservedMeaning(of: name) == nil, (try? Selector(parsing: name)) == nil
    else {
      throw Failure(
        "'\(name)' cannot be the name of a dictionary", help: "take a word: as sae12")
    }
  }
}

/// What a transcoder reads.
enum TranscoderInput: String, Choice {
  case stream, norm
  case normWithoutGain = "norm_without_gain"

  var summary: String {
    switch self {
    case .stream: "the stream before the MLP's norm"
    case .norm: "what the MLP reads: after the norm and its gain"
    case .normWithoutGain: "after the norm, before its gain"
    }
  }

  var reads: PlacedDictionary.Reads {
    switch self {
    case .stream: .stream
    case .norm: .norm
    case .normWithoutGain: .normWithoutGain
    }
  }
}

/// A row for each dictionary.
private struct DictionaryCards {
  private let dictionaries: [LoadedDictionary]
  /// Of each.
  var qualities: [ReconstructionQuality] = []

  init(_ dictionaries: [LoadedDictionary]) { self.dictionaries = dictionaries }

  var table: Table {
    var table = TableBuilder()
    let (name, site) = (table.texts("dictionary"), table.texts("site"))
    let (reads, format) = (table.texts("reads"), table.texts("format"))
    let architecture = table.texts("architecture")
    let (features, width) = (table.integers("features"), table.integers("width"))
    let model = table.texts("trained_on")
    let counted = qualities.isEmpty ? nil : table.integers("positions")
    let l0 = qualities.isEmpty ? nil : table.doubles("l0")
    let variance = qualities.isEmpty ? nil : table.doubles("explained_variance")
    let cosine = qualities.isEmpty ? nil : table.doubles("cosine")
    for (number, loaded) in dictionaries.enumerated() {
      table.addRow()
      let place = loaded.placed.site
      table[name] = loaded.name
      table[site] = "L\(place.layer).\(place.activation.rawValue)"
      table[reads] = loaded.placed.reads.rawValue
      table[format] = loaded.dictionary.facts.format
      table[architecture] = loaded.dictionary.facts.architecture
      table[features] = loaded.dictionary.features
      table[width] = loaded.dictionary.inputWidth
      table[model] = loaded.dictionary.facts.model
      guard qualities.indices.contains(number) else { continue }
      let quality = qualities[number]
      table[counted] = quality.positions
      table[l0] = quality.activeFeatures
      table[variance] = quality.explainedVariance
      table[cosine] = quality.cosine
    }
    return table.table()
  }
}
