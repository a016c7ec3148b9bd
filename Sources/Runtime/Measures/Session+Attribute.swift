import Model

extension Session {
  /// Attributes the goal of every prompt, one attribution a column of it; nil where the prompt has
  /// nothing for that column.
  ///
  /// - Returns: how far the sums of the parts are from what the model computed.
  func attribute(
    _ set: PromptSet, _ goal: AttributionGoal, bySource: Bool, foldsBiases: Bool = true,
    label: String,
    mayStop: Bool = false,
    consume: (Prompt, [Attribution?]) -> Void
  ) throws -> SumCheck {
    let transformer = set.model.transformer
    var directions = Directions(transformer)
    var check = SumCheck()
    func attributor(_ item: Case) -> Attributor {
      Attributor(
        transformer, at: item.prompt.last, edits: item.edits, bySource: bySource,
        foldsBiases: foldsBiases)
    }
    try run(
      try cases(of: set), of: set, label: label, mayStop: mayStop, isUncapped: true,
      wants: { item in
        (attributor(item).captures, goal.logits(of: item.prompt))
      },
      consume: { item, result in
        let attributions = try goal.targets(of: item.prompt).map { target in
          try target.map { target in
            attributor(item).attribute(
              result, try directions.direction(of: target),
              logit: goal.value(of: target, in: item.prompt, result.logits[0]))
          }
        }
        for case let attribution? in attributions { check.add(attribution) }
        consume(item.prompt, attributions)
      })
    return check
  }
}
