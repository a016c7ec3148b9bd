import Model

/// What of a head is told apart.
struct AttributionDetail {
  /// Whether each head's part is divided over the positions that it reads.
  var bySource = false
  /// Whether what biases add is a part of its own.
  var foldsBiases = true
}

extension Session {
  /// The attributions of every prompt's goal wherever it is read, one a column of the goal; nil where
  /// the prompt has nothing for that column.
  func attributions(
    of set: PromptSet, _ goal: AttributionGoal, at readings: Readings,
    _ detail: AttributionDetail = AttributionDetail(), label: String, mayStop: Bool = false
  ) throws -> Results<[[Attribution?]]> {
    if let edit = set.edits.first(where: \.isOfEdges) {
      throw Failure(
        "the logit of a run whose edges are patched cannot be divided into components",
        help: "`effect` measures such runs", span: edit.span, source: edit.source)
    }
    let transformer = set.model.transformer
    var directions = Directions(transformer)
    return try results(
      of: try cases(of: set), on: set.model, label: label, mayStop: mayStop
    ) { item in
      let readings = readings[item]
      let attributors = readings.map {
        Attributor(
          transformer, at: $0.position, edits: item.edits, bySource: detail.bySource,
          foldsBiases: detail.foldsBiases)
      }
      return Measurement(
        captures: attributors.captures, logits: goal.logits(at: readings), isUncapped: true
      ) { result in
        try zip(readings, attributors).enumerated().map { i, part in
          let (reading, attributor) = part
          try Interruption.check()
          let logits = goal.logits(i, of: result)
          return try goal.targets(of: reading.prompt).map { target in
            try target.map { target in
              attributor.attribute(
                result, try directions.direction(of: target),
                logit: goal.value(of: target, in: reading.prompt, logits))
            }
          }
        }
      }
    }
  }
}

extension [Attributor] {
  /// What the run must keep for all of them.
  fileprivate var captures: [Site: RunRequest.Positions] {
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
