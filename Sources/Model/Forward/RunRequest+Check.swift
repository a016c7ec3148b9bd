extension RunRequest {
  /// Refuses what this model or this prompt does not have, before anything is computed: past here
  /// every index is within its bounds.
  ///
  /// - Parameter requests: those of the call, for `base`.
  /// - Returns: the edits beyond those of the base; all where there is none.
  /// - Throws: `ModelError` that names the first thing that cannot be.
  @discardableResult
  func check(in configuration: Configuration, among requests: [RunRequest]) throws -> [Edit] {
    try checkTokens(configuration)
    let further = try checkBase(among: requests)
    // The base's own are looked at with the base.
    for edit in further { try check(edit, configuration) }
    try checkCuts(configuration)
    try checkWriters(configuration)
    for (site, positions) in captures {
      try check(site, configuration)
      try check(positions: resolved(positions))
    }
    try check(positions: logits.counts(vocabulary: configuration.vocabulary).map(\.position))
    switch logits {
    case .none, .all: break
    case .chosen(let chosen):
      for token in chosen.flatMap(\.tokens) { try configuration.check(token: token) }
    case .summaries(let queries):
      for token in queries.flatMap(\.tokens) { try configuration.check(token: token) }
    }
    return further
  }

  private func checkTokens(_ configuration: Configuration) throws {
    guard !tokens.isEmpty else {
      throw ModelError(.request, "a prompt of no tokens cannot be run")
    }
    for token in tokens { try configuration.check(token: token) }
    guard !configuration.endsWithContext || tokens.count <= configuration.context else {
      throw ModelError(
        .request,
        "a prompt of \(tokens.count) tokens is longer than the \(configuration.context) positions of "
          + "this model")
    }
  }

  private func check(positions: [Int]) throws {
    if let position = positions.first(where: { $0 < 0 || $0 >= tokens.count }) {
      throw ModelError(
        .request,
        "there is no position \(position): the prompt has positions 0 to \(tokens.count - 1)")
    }
  }

  private func check(_ site: Site, _ configuration: Configuration) throws {
    guard !site.activation.isInLayer || (0..<configuration.layers).contains(site.layer) else {
      throw ModelError(
        .request,
        "there is no layer \(site.layer): this model has layers 0 to \(configuration.layers - 1)")
    }
    if let reason = configuration.lacks(site.activation) { throw ModelError(.request, reason) }
  }

  // MARK: - Edits

  private func check(_ edit: Edit, _ configuration: Configuration) throws {
    let activation = edit.site.activation
    try check(edit.site, configuration)
    try check(positions: edit.positions)
    guard Set(edit.positions).count == edit.positions.count else {
      throw ModelError(.request, "an edit at \(edit.hook) names a position twice")
    }
    let unitCount = configuration.unitCount(edit.site)
    let units = edit.units ?? Array(0..<unitCount)
    if let unit = units.first(where: { $0 < 0 || $0 >= unitCount }) {
      throw ModelError(
        .request, "there is no \(activation.units.name) \(unit) at \(edit.hook)",
        help: unitCount == 1
          ? "this site is not divided" : "there are 0 to \(unitCount - 1)")
    }
    guard Set(units).count == units.count else {
      throw ModelError(
        .request, "an edit at \(edit.hook) names a \(activation.units.name) twice")
    }
    try check(edit.change, of: edit, unitCount: units.count, configuration)
  }

  private func check(
    _ change: Edit.Change, of edit: Edit, unitCount: Int, _ configuration: Configuration
  ) throws {
    func width(at position: Int) -> Int {
      unitCount * configuration.unitWidth(edit.site.activation, sources: position + 1)
    }
    if edit.site.activation.isScale, change.makesZero {
      throw ModelError(
        .request, "\(edit.hook) is what a norm divides by, and cannot be zero")
    }
    switch change {
    case .zero: break
    case .replace(let rows):
      guard rows.count == edit.positions.count else {
        throw ModelError(
          .request,
          "an edit at \(edit.hook) has \(rows.count) vectors for \(edit.positions.count) positions"
        )
      }
      for (row, position) in zip(rows, edit.positions) where row.count != width(at: position) {
        throw ModelError(
          .request,
          "an edit at \(edit.hook) has \(row.count) numbers for position \(position), where "
            + "\(width(at: position)) are needed")
      }
    case .scale(let factor):
      guard factor.isFinite else {
        throw ModelError(.request, "an edit at \(edit.hook) would multiply by \(factor)")
      }
    case .add(let vector):
      guard !edit.site.activation.isOverSources else {
        throw ModelError(
          .request, "one vector cannot be added at \(edit.hook): it is as wide as its position")
      }
      guard vector.count == width(at: 0) else {
        throw ModelError(
          .request,
          "an edit at \(edit.hook) adds \(vector.count) numbers, where \(width(at: 0)) are needed")
      }
    case .along(let along): try check(along, of: edit, configuration)
    case .cut(let sources):
      guard edit.site.activation == .attnScores else {
        throw ModelError(.request, "sources can be cut at attn_scores, not at \(edit.hook)")
      }
      try check(positions: sources)
      let attention = configuration.attention[edit.site.layer]
      guard edit.positions.contains(where: { attention.sees(sources, from: $0) }) else {
        let reach = attention.window.map { ", over \($0) positions" } ?? ""
        throw ModelError(
          .request, "an edit at \(edit.hook) cuts nothing: attention only looks back\(reach)")
      }
    case .edge(let edge, let rows): try check(edge, rows, of: edit, configuration)
    case .outside(let reads): try check(reads, of: edit, configuration)
    case .features(let features): try check(features, of: edit)
    }
  }

  private func check(_ change: FeatureEdit, of edit: Edit) throws {
    func failure(_ message: String) -> ModelError {
      ModelError(.request, "an edit at \(edit.hook) \(message)")
    }
    let dictionary = change.placed.dictionary
    let layers = change.part == .error ? 1 : dictionary.layersWritten
    guard change.site == edit.site, (0..<layers).contains(change.above), edit.units == nil else {
      throw failure("changes features of another site")
    }
    let width: Int
    switch change.part {
    case .error: width = dictionary.outputWidth
    case .features(let features):
      width = features.count
      if let feature = features.first(where: { !(0..<dictionary.features).contains($0) }) {
        throw failure("has a feature \(feature), where there are 0 to \(dictionary.features - 1)")
      }
      guard Set(features).count == features.count else { throw failure("names a feature twice") }
    }
    switch change.change {
    case .zero: break
    case .scale(let factor):
      guard factor.isFinite else { throw failure("would multiply by \(factor)") }
    case .replace(let rows):
      guard rows.count == edit.positions.count, rows.allSatisfy({ $0.count == width }) else {
        throw failure("does not have \(width) numbers for each of its positions")
      }
    }
    let scales = ([change.placed] + change.readsBefore).map {
      Site(.ln2Scale, layer: $0.site.layer)
    }
    if change.placed.reads == .normWithoutGain, edits.contains(where: { scales.contains($0.site) })
    {
      throw failure("changes features that are read before the norm's scale, which is edited too")
    }
  }

  private func check(_ along: Along, of edit: Edit, _ configuration: Configuration) throws {
    let activation = edit.site.activation
    guard !activation.isOverSources, !activation.isScale else {
      throw ModelError(.request, "\(edit.hook) has no directions along which it could be changed")
    }
    let width = configuration.alongWidth(edit.site)
    guard along.direction.count == width else {
      throw ModelError(
        .request,
        "an edit at \(edit.hook) has a direction of \(along.direction.count) numbers, where \(width) "
          + "are needed")
    }
    guard activation.units != .neurons || edit.units == nil else {
      throw ModelError(
        .request, "an edit along a direction of all neurons names some at \(edit.hook)")
    }
    guard along.direction.isFinite else {
      throw ModelError(.request, "an edit at \(edit.hook) has a direction that is not of numbers")
    }
  }

  /// A query from which every source is cut would have nothing to share its attention among.
  private func checkCuts(_ configuration: Configuration) throws {
    var cut: [Site: [Int: [Int: Set<Int>]]] = [:]
    for edit in edits {
      guard case .cut(let sources) = edit.change else { continue }
      let heads = edit.units ?? Array(0..<configuration.heads)
      let attention = configuration.attention[edit.site.layer]
      for position in edit.positions {
        let first = attention.firstSource(of: position)
        let seen = sources.filter { first <= $0 && $0 <= position }
        for head in heads {
          cut[edit.site, default: [:]][position, default: [:]][head, default: []]
            .formUnion(seen)
        }
        let visible = position - first + 1
        if let head = heads.first(where: { cut[edit.site]?[position]?[$0]?.count == visible }) {
          throw ModelError(
            .request,
            "L\(edit.site.layer)H\(head) at position \(position) would have no source left to "
              + "attend to")
        }
      }
    }
  }

  // MARK: - The base

  private func checkBase(among requests: [RunRequest]) throws -> [Edit] {
    guard let base else { return edits }
    guard requests.indices.contains(base), requests[base].base == nil,
      requests[base].tokens == tokens, let further = edits(beyond: requests[base])
    else {
      throw ModelError(
        .request,
        "request \(base) of \(requests.count) cannot be a base: it must have none of its own, the same "
          + "tokens, and no edit that is not among these")
    }
    return further
  }
}

extension Edit {
  /// The hook that it changes, for messages.
  fileprivate var hook: String { site.activation.hookName(layer: site.layer) }
}

extension Edit.Change {
  /// Whether it leaves an element at 0, whatever that was.
  fileprivate var makesZero: Bool {
    switch self {
    case .zero: true
    case .replace(let rows): rows.contains { $0.contains(0) }
    case .scale(let factor): factor == 0
    case .add, .along, .cut, .edge, .outside, .features: false
    }
  }
}

extension Activation.Units {
  /// One of them, for messages.
  fileprivate var name: String {
    switch self {
    case .none: "unit"
    case .heads: "head"
    case .keyValueHeads: "key/value head"
    case .neurons: "neuron"
    }
  }
}
