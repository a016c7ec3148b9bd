import Model

extension Session {
  /// The attributions of every prompt's goal wherever it is read, one a column of the goal; nil where
  /// the prompt has nothing for that column.
  func attributions(
    of set: PromptSet, _ goal: AttributionGoal, at readings: Readings,
    _ detail: AttributionDetail = AttributionDetail(), label: String, mayStop: Bool = false
  ) throws -> Results<[[Attribution?]]> {
    try set.refuseEdgesInAttributions()
    return try results(
      of: try cases(of: set), on: set.model, label: label, mayStop: mayStop,
      measuring: goal.measurement(at: readings, set.model.transformer, detail) { _, found, _ in
        found
      })
  }
}

extension AttributionGoal {
  /// What a run is asked for, so that its attributions can be read.
  ///
  /// - Parameter read: what is made of them wherever the run is read: one a column of the goal, nil where the
  ///   prompt has nothing for that column.
  func measurement<Found>(
    at readings: Readings, _ transformer: Transformer, _ detail: AttributionDetail,
    _ read: @escaping (Reading, [Attribution?], RunResult) throws -> Found
  ) -> (Case) throws -> Measurement<[Found]> {
    var directions = Directions(transformer, withNeurons: detail.byNeuron)
    return { item in
      let readings = readings[item]
      let attributors = readings.map {
        Attributor(transformer, at: $0.position, edits: item.edits, detail)
      }
      return Measurement(
        captures: attributors.captures, logits: self.logits(at: readings), isUncapped: true
      ) { result in
        try zip(readings, attributors).enumerated().map { i, part in
          let (reading, attributor) = part
          try Interruption.check()
          let logits = self.logits(i, of: result)
          let features = try attributor.decompose(result)
          let found = try targets(of: reading.prompt).map { target in
            try target.map { target in
              attributor.attribute(
                result, try directions.direction(of: target),
                logit: value(of: target, in: reading.prompt, logits), features)
            }
          }
          return try read(reading, found, result)
        }
      }
    }
  }
}

extension PromptSet {
  /// - Throws: `Failure` where edges are patched: what a reader sees in private has no component.
  func refuseEdgesInAttributions() throws {
    guard let edit = edits.first(where: \.isOfEdges) else { return }
    throw Failure(
      "the logit of a run whose edges are patched cannot be divided into components",
      help: "`effect` measures such runs", span: edit.span, source: edit.source)
  }
}

extension [Attributor] {
  /// What the run must keep for all of them.
  var captures: [Site: RunRequest.Positions] {
    guard count > 1 else { return first?.captures ?? [:] }
    var all: [Site: Set<Int>] = [:]
    for attributor in self {
      for case (let site, .some(let positions)) in attributor.captures {
        all[site, default: []].formUnion(positions)
      }
    }
    return all.mapValues { .some($0.sorted()) }
  }
}
