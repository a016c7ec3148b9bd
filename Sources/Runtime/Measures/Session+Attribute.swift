import Model

extension Session {
  /// The attributions of every prompt's goal, one a column of it; nil where the prompt has nothing
  /// for that column.
  func attributions(
    of set: PromptSet, _ goal: AttributionGoal, bySource: Bool, foldsBiases: Bool = true,
    label: String, mayStop: Bool = false
  ) throws -> Results<[Attribution?]> {
    let transformer = set.model.transformer
    var directions = Directions(transformer)
    return try results(
      of: try cases(of: set), on: set.model, label: label, mayStop: mayStop
    ) { item in
      let attributor = Attributor(
        transformer, at: item.prompt.last, edits: item.edits, bySource: bySource,
        foldsBiases: foldsBiases)
      return Measurement(
        captures: attributor.captures, logits: goal.logits(of: item.prompt), isUncapped: true
      ) { result in
        try goal.targets(of: item.prompt).map { target in
          try target.map { target in
            attributor.attribute(
              result, try directions.direction(of: target),
              logit: goal.value(of: target, in: item.prompt, result.logits[0]))
          }
        }
      }
    }
  }
}
