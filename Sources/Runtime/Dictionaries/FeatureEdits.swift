import Lang
import Model

// Features as edits: what a part of a place becomes, and which features a sweep goes over.

extension Place.SitePart {
  /// An edit of features or of the error; nil where it is of neither.
  func editedFeatures(_ change: FeatureEdit.Change) -> Edit.Change? {
    guard let feature, let part = editedPart else { return nil }
    return .features(FeatureEdit(feature.placed, part, change, above: layersAbove))
  }

  /// How many layers above that of its dictionary it is.
  private var layersAbove: Int { site.layer - (feature?.placed.site.layer ?? site.layer) }

  /// The sum of the decoder rows of its features, times a number.
  func decoderRows(times: Float) throws -> [Float] {
    guard case .features(let placed) = feature, let units else { return [] }
    var sum = [Float](repeating: 0, count: placed.dictionary.outputWidth)
    for unit in units {
      let row = try placed.dictionary.decoderRow(unit, above: layersAbove)
      for (i, weight) in row.enumerated() {
        sum[i] += times * weight
      }
    }
    return sum
  }
}

extension Edit {
  /// What must be known of the run that it changes.
  var readSites: [Site] {
    guard case .features(let features) = change else { return [site] }
    // The error is what all features leave, those of earlier layers too.
    let read = features.part == .error ? features.placed.sites : features.placed.readSites
    return Array(Set(read + [site]))
  }
}

extension Selector {
  /// Whether it means features of a dictionary.
  var isOfFeatures: Bool {
    if case .literal(let literal) = base { literal.isOfFeatures } else { false }
  }
}

extension Session {
  /// What one feature writes: its decoder row as a vector, or the sum of its rows where it writes in several layers.
  func decoderRow(of selector: Selector, on model: LanguageModel) throws -> VectorValue {
    let places = try selector.places(
      on: model.configuration, for: .reading, dictionaries: dictionaries(of: model))
    guard let place = places.first, places.count == 1, !place.isAllFeatures,
      case .features(let placed)? = place.sites.first?.feature, selector.position == nil,
      let feature = place.sites.first?.units?.first
    else {
      throw Failure("expected a vector, or one feature", help: "L12F5 is its decoder row")
    }
    let dictionary = placed.dictionary
    var sum = [Double](repeating: 0, count: dictionary.outputWidth)
    for above in 0..<dictionary.layersWritten {
      for (i, weight) in try dictionary.decoderRow(feature, above: above).enumerated() {
        sum[i] += Double(weight)
      }
    }
    return VectorValue(sum, of: model, place: place.label)
  }
}

extension Invocation {
  /// Of a sweep: all features of a dictionary become those that are active somewhere in the prompts, or in
  /// the donors that they are patched from.
  func activeFeatures(
    _ targets: [EditSpec.Target], of set: PromptSet, _ mode: EditSpec.Mode
  ) throws -> [EditSpec.Target] {
    let dictionaries = session.dictionaries(of: set.model)
    return try targets.flatMap { target -> [EditSpec.Target] in
      guard target.place.isAllFeatures, let part = target.place.sites.first,
        let placed = part.feature?.placed,
        let loaded = dictionaries.first(where: { $0.placed == placed })
      else { return [target] }
      guard statement.runner.isHeard else {
        throw failure(
          "which features are active is known only after a run",
          help: "let active = … | activations \(target.place.label); then: each (active.component)")
      }
      let sets = [set] + (mode.patchDonors(for: set).map { [$0] } ?? [])
      let found = try sets.reduce(into: Set<Int>()) {
        $0.formUnion(try active(placed, in: $1, at: target.position))
      }
      guard !found.isEmpty else {
        throw failure("no feature of '\(loaded.name)' is active there")
      }
      session.note(
        "\(target.place.label): \(thousands(found.count)) of "
          + "\(thousands(placed.dictionary.features)) features are active")
      return found.sorted().map {
        EditSpec.Target(place: loaded.place(of: $0, among: dictionaries), position: target.position)
      }
    }
  }

  private func active(_ placed: PlacedDictionary, in set: PromptSet, at kind: Position.Kind?) throws
    -> Set<Int>
  {
    var found: Set<Int> = []
    try session.forEachInput(of: placed, in: set, label: command.name, at: kind) { _, _, rows in
      for active in try placed.dictionary.encode(rows, on: set.model.transformer.pool).joined() {
        found.insert(active.feature)
      }
    }
    return found
  }
}

extension Session {
  /// Runs a set's prompts, and hands over what a dictionary reads of each.
  ///
  /// - Parameter kind: the positions; nil: all.
  func forEachInput(
    of placed: PlacedDictionary, in set: PromptSet, label: String, at kind: Position.Kind?,
    _ body: (Case, _ positions: [Int], _ rows: [[Float]]) throws -> Void
  ) throws {
    try forEachRun(of: placed.readSites, in: set, label: label, at: kind) { item, positions, run in
      try body(item, positions, positions.compactMap { placed.input(run, at: $0) })
    }
  }

  /// Runs a set's prompts, and hands over some sites of each at some positions.
  func forEachRun(
    of sites: [Site], in set: PromptSet, label: String, at kind: Position.Kind?,
    _ body: (Case, _ positions: [Int], [Site: CapturedActivation]) throws -> Void
  ) throws {
    let cases = try cases(of: set)
    let positions = try cases.mapChecked { try $0.prompt.positions(kind ?? .all) }
    let numbers = Dictionary(
      cases.enumerated().map { ($1.index, $0) }, uniquingKeysWith: { first, _ in first })
    var results = try results(of: cases, on: set.model, label: label) { item in
      let positions = RunRequest.Positions.some(positions[numbers[item.index] ?? 0])
      return Measurement(
        captures: Dictionary(sites.map { ($0, positions) }, uniquingKeysWith: { first, _ in first })
      ) { $0.activations }
    }
    while let (item, run) = try results.next() {
      try body(item, positions[numbers[item.index] ?? 0], run)
    }
  }
}
