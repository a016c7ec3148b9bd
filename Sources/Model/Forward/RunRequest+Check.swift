extension RunRequest {
  /// Refuses what this model or this prompt does not have, before anything is computed: past here
  /// every index is within its bounds.
  ///
  /// - Parameter requests: those of the call, for `base`.
  /// - Throws: `ModelError` that names the first thing that cannot be.
  func check(in configuration: Configuration, among requests: [RunRequest]) throws {
    try checkTokens(configuration)
    for edit in edits { try check(edit, configuration) }
    for (site, positions) in captures {
      try check(site, configuration)
      if case .some(let some) = positions { try check(positions: some) }
    }
    switch logits {
    case .none: break
    case .all(let positions): try check(positions: positions)
    case .tokens(let tokens, let position):
      try check(positions: [position])
      for token in tokens { try check(token: token, configuration) }
    }
    try checkBase(among: requests)
  }

  private func checkTokens(_ configuration: Configuration) throws {
    guard !tokens.isEmpty else {
      throw ModelError(.request, "a prompt of no tokens cannot be run")
    }
    for token in tokens { try check(token: token, configuration) }
    guard tokens.count <= configuration.context else {
      throw ModelError(
        .request,
        "a prompt of \(tokens.count) tokens is longer than the \(configuration.context) that this "
          + "model was trained for")
    }
  }

  private func check(token: Int, _ configuration: Configuration) throws {
    guard token >= 0, token < configuration.vocabulary else {
      throw ModelError(
        .request, "there is no token \(token): this model has 0 to \(configuration.vocabulary - 1)")
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
  }

  // MARK: - Edits

  private func check(_ edit: Edit, _ configuration: Configuration) throws {
    let activation = edit.site.activation
    try check(edit.site, configuration)
    try check(positions: edit.positions)
    guard Set(edit.positions).count == edit.positions.count else {
      throw ModelError(.request, "an edit at \(edit.place) names a position twice")
    }
    let unitCount = configuration.unitCount(activation)
    let units = edit.units ?? Array(0..<unitCount)
    if let unit = units.first(where: { $0 < 0 || $0 >= unitCount }) {
      throw ModelError(
        .request, "there is no \(activation.units.name) \(unit) at \(edit.place)",
        help: unitCount == 1
          ? "this place is not divided" : "there are 0 to \(unitCount - 1)")
    }
    guard Set(units).count == units.count else {
      throw ModelError(
        .request, "an edit at \(edit.place) names a \(activation.units.name) twice")
    }
    guard case .replace(let rows) = edit.change else { return }
    guard rows.count == edit.positions.count else {
      throw ModelError(
        .request,
        "an edit at \(edit.place) has \(rows.count) vectors for \(edit.positions.count) positions")
    }
    for (row, position) in zip(rows, edit.positions) {
      let width = units.count * configuration.unitWidth(activation, sources: position + 1)
      guard row.count == width else {
        throw ModelError(
          .request,
          "an edit at \(edit.place) has \(row.count) numbers for position \(position), where \(width) "
            + "are needed")
      }
    }
  }

  // MARK: - The base

  private func checkBase(among requests: [RunRequest]) throws {
    guard let base else { return }
    guard requests.indices.contains(base), requests[base].base == nil,
      requests[base].tokens == tokens,
      requests[base].edits.count <= edits.count,
      zip(requests[base].edits, edits).allSatisfy({ $0 == $1 })
    else {
      throw ModelError(
        .request,
        "request \(base) of \(requests.count) is no base: it must have none of its own, the same "
          + "tokens, and the first of the edits")
    }
  }
}

extension Edit {
  /// The hook that it changes, for messages.
  fileprivate var place: String { site.activation.hookName(layer: site.layer) }
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
