import Lang
import Model

extension Command {
  static let selfRepair = Command(
    name: "self_repair", group: .measures,
    summary: "Measure how far later components make up for an edited one.",
    details: """
      direct is how the logit changes by what the edited heads or MLPs write themselves, with the \
      final norm's scale of the run without the edit. effect is how it changes in all, and repair \
      the difference (Rushing and Nanda 2024). It has three parts, which sum to it: norm, the change \
      of the final norm's scale; heads and mlps, what others write differently.
      After `each`, one row per variant. If logits have a soft cap, the logit before the cap is meant.
      """,
    input: .prompts,
    parameters: [
      .keyword("of", .metric(or: AttributedLogit.self), "the logit; default: logit"),
      .flag("centred", also: ["centered"], "minus the mean over the vocabulary"), .at,
    ],
    examples: ["colosseum | ablate each L23H*@last | self_repair | top 3"],
    run: measureRepair)

  private static func measureRepair(_ call: Invocation) throws -> Value {
    let set = try call.promptInput()
    try check(set, call)
    let goal = try AttributionGoal(call, set)
    guard set.prompts.allSatisfy({ goal.inputs(of: $0).count == 1 }) else {
      throw call.failure(
        "`self_repair` reads one token, and an answer here is several",
        help: "name its first token: -> first \"…\"")
    }
    let readings = try Readings(call, of: set, asking: goal.needsAnswer ? .answer : .everything)
    var rows = RepairRows(set, readings)
    var base: [RepairedParts?] = []
    var results = try call.session.results(
      of: CaseStream(of: set, in: call.session) { $0.asVariant }, on: set.model,
      label: call.command.name, mayStop: true, withBases: true,
      measuring: measurement(of: goal, readings, set.model.transformer))
    let whole = set.edits.flatMap(\.targets).flatMap(\.place.sites)
    while let (item, found) = try results.next() {
      guard !item.isBase else {
        base = found
        continue
      }
      let edited = item.variant?.place.sites ?? whole
      for (reading, (before, after)) in zip(readings[item], zip(base, found)) {
        guard let before, let after else { continue }
        let change = before.change(to: after) { edited.edit($0, set.model.configuration) }
        rows.append(item, reading, before: before.logit, after: after.logit, change)
      }
    }
    return .table(TableValue(rows.table, origins: [set.origin]))
  }

  private static func check(_ set: PromptSet, _ call: Invocation) throws {
    guard !set.edits.isEmpty else {
      throw call.failure(
        "there is no edit that could be repaired",
        help: "edit first: … | ablate L9H8@last | self_repair")
    }
    try set.refuseEdgesInAttributions()
    for spec in set.sweep.map({ [$0] }) ?? set.edits {
      for part in spec.targets.flatMap(\.place.sites) where !part.site.activation.isOfComponent {
        throw Failure(
          "`self_repair` needs edits of heads, attention or MLPs, and "
            + "\(part.site.activation.rawValue) is none of them",
          help: "edit L9H8, L9.attn or L9.mlp; `effect` measures any edit", span: spec.span,
          source: spec.source)
      }
    }
  }

  /// The parts at each reading; nil where the prompt has nothing to read.
  private static func measurement(
    of goal: AttributionGoal, _ readings: Readings, _ transformer: Transformer
  ) -> (Case) throws -> Measurement<[RepairedParts?]> {
    let detail = AttributionDetail(foldsBiases: false)
    let measurement = goal.measurement(at: readings, transformer, detail)
    var attributions = GoalAttributions(goal, transformer, detail)
    return { item in
      try measurement(item).map { run in
        zip(run.readings, try attributions.attributions(of: [run])[0]).map { reading, found in
          guard let found = found.first.flatMap(\.self),
            let scales = run.result.activations[Site(.lnFinalScale)],
            let place = scales.positions.firstIndex(of: reading.position)
          else { return nil }
          return RepairedParts(found, scale: scales[place][0])
        }
      }
    }
  }
}

/// base, edited, direct, effect, repair, norm, heads, mlps
private struct RepairRows {
  private typealias Number = TableBuilder.Key<Double>
  private var rows = TableBuilder()
  private let run: CaseColumns
  private let (base, edited, direct, effect): (Number, Number, Number, Number)
  private let (repair, norm, heads, mlps): (Number, Number, Number, Number)

  init(_ set: PromptSet, _ readings: Readings) {
    run = CaseColumns(set, readings, in: &rows)
    (base, edited) = (rows.doubles("base"), rows.doubles("edited"))
    (direct, effect) = (rows.doubles("direct"), rows.doubles("effect"))
    repair = rows.doubles("repair")
    (norm, heads, mlps) = (rows.doubles("norm"), rows.doubles("heads"), rows.doubles("mlps"))
  }

  mutating func append(
    _ item: Case, _ reading: Reading, before: Double, after: Double,
    _ change: RepairedParts.Change
  ) {
    rows.addRow()
    run.set(item, reading, in: &rows)
    (rows[base], rows[edited]) = (before, after)
    (rows[direct], rows[effect], rows[repair]) = (change.direct, change.effect, change.repair)
    (rows[norm], rows[heads], rows[mlps]) = (change.norm, change.heads, change.mlps)
  }

  var table: Table { rows.table(measure: "repair") }
}
