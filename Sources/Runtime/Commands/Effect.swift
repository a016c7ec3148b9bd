import Lang
import Model

extension Command {
  static let effect = Command(
    name: "effect", group: .measures,
    summary: "Compare edited runs with the same prompts unedited.",
    details: """
      effect = edited − base. After `each`, one row a variant, and base is the pipeline's prompt \
      with every other edit; without it, base is the prompt with no edit at all. Measured by \
      logit_diff where there are foils, else by the answer's logit; kl is KL(base ‖ edited).
      """,
    input: .prompts,
    parameters: [
      .keyword(
        "of", .word, "what is compared: \(Metric.allCases.map(\.rawValue).joined(separator: ", "))")
    ],
    examples: [
      "colosseum | ablate each heads@last | effect | top 5",
      "colosseum | ablate L29H1@last | effect of prob",
    ],
    run: measureEffect)

  private static func measureEffect(_ call: Invocation) throws -> Value {
    let set = try call.promptInput()
    guard set.sweep != nil || !set.edits.isEmpty else {
      throw call.failure(
        "there is no edit whose effect could be measured",
        help: "edit first: … | ablate L9H8@last | effect")
    }
    let metric = try metric(call, set)
    if metric != .kl { _ = try placing(at: call.span) { try set.answers(for: "effect") } }
    let cases = try call.session.cases(of: set)
    let bases = try baseRuns(call, set, cases, metric)

    var columns = CaseColumns(set)
    var (base, edited): ([Double], [Double]) = ([], [])
    try call.session.run(
      cases.map(\.asVariant), of: set, label: "effect",
      wants: { ([:], metric.logits(of: $0.prompt)) },
      consume: { item, result in
        let reference = bases[item.index]
        columns.append(set.sweep == nil ? item.withoutVariant : item)
        base.append(reference.value)
        edited.append(
          metric.value(of: result.logits[0], prompt: item.prompt, base: reference.distribution))
      })
    return .table(
      TableValue(
        Table(
          columns: columns.columns + [
            Column("metric", .texts(base.map { _ in metric.rawValue })),
            metric.column("base", base), metric.column("edited", edited),
            metric.column("effect", zip(base, edited).map { $1 - $0 }),
          ], measure: "effect"), origins: [set.origin]))
  }

  private static func metric(_ call: Invocation, _ set: PromptSet) throws -> Metric {
    guard let expression = call.expression("of") else {
      return set.prompts.allSatisfy { !$0.foils.isEmpty } ? .logitDiff : .logit
    }
    let name = call.session.source.text(in: expression.span)
    guard let metric = Metric(rawValue: name) else {
      let known = Metric.allCases.map(\.rawValue)
      throw Failure(
        "there is no metric '\(name)'",
        help: suggestion(for: name, among: known).map { "did you mean `\($0)`?" }
          ?? "there are \(known.joined(separator: ", "))", span: expression.span)
    }
    if metric == .logitDiff, let bare = set.prompts.first(where: \.foils.isEmpty) {
      throw Failure(
        "logit_diff needs foils, and '\(bare.name)' has none",
        help: "give some: prompt \"…\" -> \" answer\" vs \" foil\"", span: expression.span)
    }
    return metric
  }

  private struct BaseRun {
    var value: Double
    var distribution: Distribution?
  }

  /// Each prompt's own run: with the edits that are not swept, or, where nothing is swept, with none.
  private static func baseRuns(
    _ call: Invocation, _ set: PromptSet, _ cases: [Case], _ metric: Metric
  ) throws -> [BaseRun] {
    var plain = set
    plain.sweep = nil
    if set.sweep == nil { plain.edits = [] }
    var runs = [BaseRun](repeating: BaseRun(value: .nan), count: set.prompts.count)
    try call.session.run(
      try call.session.cases(of: plain), of: plain, label: "base",
      wants: { ([:], metric.logits(of: $0.prompt)) },
      consume: { item, result in
        let logits = result.logits[0]
        runs[item.index] = BaseRun(
          value: metric.value(of: logits, prompt: item.prompt, base: nil),
          distribution: metric == .kl ? Distribution(logits) : nil)
      })
    return runs
  }
}

extension Case {
  /// Edits that are not swept are one variant of the prompt, so that its clean run is shared.
  fileprivate var asVariant: Case {
    guard variant == nil else { return self }
    var copy = self
    copy.variant = Variant(place: Place(label: "", sites: []), position: nil, edits: edits)
    return copy
  }

  fileprivate var withoutVariant: Case {
    var copy = self
    copy.variant = nil
    return copy
  }
}

extension Metric {
  /// Logits are single precision, and print so; differences and probabilities are computed in
  /// double.
  fileprivate func column(_ name: String, _ values: [Double]) -> Column {
    switch self {
    case .logit: Column(name, .singles(values.map { Float($0) }))
    case .logitDiff, .prob, .logprob, .kl: Column(name, .doubles(values))
    case .rank: Column(name, .integers(values.map { $0.isNaN ? nil : Int($0) }))
    }
  }
}
