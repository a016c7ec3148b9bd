import Lang
import Model

extension Invocation {
  /// The active features at some positions, one row each; of features that are named, also those that are
  /// 0. Only what is active is kept.
  func activeFeatures(of set: PromptSet, _ places: [InspectedPlace]) throws -> TableValue {
    var table = TableBuilder()
    let prompt = PromptColumns(set, in: &table)
    let place = PlaceColumns(in: &table, hasHead: false)
    let token = TokenColumns(in: &table)
    let feature = table.integers("feature")
    let activation = table.singles("activation")
    let dictionaries = session.dictionaries(of: set.model)
    let cases = try session.cases(of: set)
    var positions = [[[Int]]](repeating: [], count: set.prompts.count)
    try cases.forEachChecked { item in
      positions[item.index] = try places.map { inspected in
        try placing(at: inspected.span) {
          try item.prompt.positions(inspected.position ?? .all)
        }
      }
    }
    var results = try session.results(of: cases, on: set.model, label: command.name) { item in
      var wanted: [Site: Set<Int>] = [:]
      for (inspected, positions) in zip(places, positions[item.index]) {
        for site in inspected.part.readSites { wanted[site, default: []].formUnion(positions) }
      }
      return Measurement(captures: wanted.mapValues { .some($0.sorted()) }) { $0.activations }
    }
    while let (item, run) = try results.next() {
      guard statement.runner.isHeard else { continue }
      for (inspected, positions) in zip(places, positions[item.index]) {
        guard case .features(let placed)? = inspected.part.feature,
          let loaded = dictionaries.first(where: { $0.placed == placed })
        else { continue }
        let rows = positions.compactMap { placed.input(run, at: $0) }
        let found = try placing(at: inspected.span) {
          try placed.dictionary.encode(rows, on: set.model.transformer.pool)
        }
        for (position, active) in zip(positions, found) {
          for (number, value) in inspected.part.shown(active) {
            table.addRow()
            prompt.set(item.prompt, in: &table)
            place.set(loaded.place(of: number, among: dictionaries), position, in: &table)
            token.set(item.prompt.tokens[position], of: set.model.tokenizer, in: &table)
            table[feature] = number
            table[activation] = value.isFinite ? value : nil
          }
        }
        try reserve(rows: table.rowCount, bytes: 2 * (7 * 16 + 4), help: "name fewer positions")
      }
    }
    return TableValue(table.table(measure: "activation"), origins: [set.origin])
  }
}

extension Place.SitePart {
  /// What is shown of the features that are active at a position.
  fileprivate func shown(_ active: [ActiveFeature]) -> [(feature: Int, activation: Float)] {
    guard let units else { return active.map { ($0.feature, $0.activation) } }
    let values = Dictionary(
      active.map { ($0.feature, $0.activation) }, uniquingKeysWith: { first, _ in first })
    return units.map { ($0, values[$0] ?? 0) }
  }
}
