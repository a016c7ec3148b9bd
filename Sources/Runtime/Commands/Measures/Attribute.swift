import Lang
import Model

extension Command {
  static let attribute = Command(
    name: "attribute", group: .measures,
    summary: "Estimate what `effect` would measure of each run of a sweep, from one gradient.",
    details: """
      estimate = Σ gradient · (new value − base), over the elements and positions that a run of the \
      sweep changes: attribution patching. Sign and direction are those of `effect`: edited − base. \
      Its columns join with those of `effect`.
      - gradient: where it is taken; default: at the base
      - steps: integrated gradients: the mean gradient of N runs whose embeddings lie between those of \
      base and donor. EAP-IG's own points are `right`, its donor being the corrupt prompt
      After `patch each`, `ablate each`, `scale each` and the like. Metrics that count have no \
      derivative, and `kl` has none at the base.
      """,
    input: .prompts,
    parameters: [
      .keyword(
        "of", .metric(or: Metric.self),
        "what is estimated; default: logit_diff where there are foils, else logit"),
      .keyword("steps", .number, "how many points of integrated gradients"),
      .keyword("points", .choice(StepPoints.self), "where in each step; default: midpoint"),
      .keyword("gradient", .choice(GradientPlace.self), "where it is taken; default: base"),
      .at,
    ],
    examples: [
      #"colosseum | patch each heads from (prompt "Fact: The Eiffel Tower is in the country of") | attribute | top 3"#,
      "colosseum | ablate each mlps@last | attribute of prob | top 3",
    ],
    run: estimateEffects)

  private static func estimateEffects(_ call: Invocation) throws -> Value {
    let set = try call.promptInput()
    let path = try call.gradientPath()
    let metric = try DifferentiatedMetric(call, of: set, isReadAt: true)
    let sweep = try call.attributedSweep(of: set)
    let cases = try call.session.cases(of: set)
    let runs = try EstimateRuns(call, of: set, sweep, metric, path)
    var groups: [(cases: ArraySlice<Case>, numbers: [[EstimateRuns.Pass]])] = []
    var left = cases[...]
    while let first = left.first {
      try Interruption.check()
      let own = left.prefix { $0.index == first.index }
      groups.append((own, try runs.passes(of: own)))
      left = left.dropFirst(own.count)
    }
    call.session.note("attribute: \(path.text), times the change")
    var results = try call.statement.runner.gradients(
      of: groups.flatMap { $0.numbers.joined().map(\.request) }, on: set.model,
      label: call.command.name, in: call.session)
    var rows = EstimateRows(set, metric)
    var missing = MissingDerivatives()
    var identities = EdgeIdentities()
    for (cases, numbers) in groups {
      let estimators = try numbers.map { passes in
        let found = try passes.compactMap { _ in try results.next()?.result }
        for result in found { missing.add(result) }
        let estimator = EffectEstimator(Array(zip(passes, found)))
        if let writers = runs.writers {
          identities.add(estimator, found, passes, writers.whole, reachesDonor: runs.reachesDonor)
        }
        return (base: found.first?.value ?? .nan, estimator)
      }
      let readings = metric[ofPrompt: cases.first?.index ?? 0].map(\.reading)
      var edge = 0
      for item in cases {
        try Interruption.check()
        for (reading, (base, estimator)) in zip(readings, estimators) {
          let estimate = try placing(at: sweep.span, in: sweep.source) {
            try estimator.estimate(item, edge: edge)
          }
          rows.append(item, reading, base: base, estimate: estimate)
        }
        edge += item.variant?.edits.count ?? 0
      }
    }
    _ = try results.next()
    missing.warn(call, metric.metric)
    if call.statement.runner.isHeard { identities.report(to: call.session) }
    return .table(TableValue(rows.table, origins: [set.origin]))
  }
}

extension Invocation {
  /// - Throws: `Failure` for options that do not go together.
  fileprivate func gradientPath() throws -> GradientPath {
    let steps = try integer("steps")
    let points = try choice("points", StepPoints.self)
    let place = try choice("gradient", GradientPlace.self)
    guard let steps else {
      guard points == nil else {
        throw Failure(
          "`points` goes with `steps`", help: "attribute steps 5 points \(points?.rawValue ?? "")",
          span: span(of: "points"))
      }
      return .at(place ?? .base)
    }
    guard (1...1000).contains(steps) else {
      throw Failure("`steps` is a number of runs from 1 to 1000", span: span(of: "steps"))
    }
    guard place == nil else {
      throw Failure(
        "`gradient` is one point, and `steps` are several", help: "omit one of them",
        span: span(of: "gradient"))
    }
    return .between(steps: steps, points ?? .midpoint)
  }

  /// - Throws: `Failure` for a set without a sweep, or one whose runs a gradient says nothing of.
  fileprivate func attributedSweep(of set: PromptSet) throws -> EditSpec {
    guard let sweep = set.sweep else {
      throw failure(
        "`attribute` estimates the runs of a sweep, and there is none",
        help: "write `each`: patch each heads from PROMPTS | attribute")
    }
    if sweep.isKnockout {
      throw Failure(
        "what a knock-out takes away cannot be estimated: its scores become −∞",
        help: "`effect` measures it", span: sweep.span, source: sweep.source)
    }
    if let whole = sweep.targets.first(where: { $0.place.sites.count > 1 }) {
      throw Failure(
        "'\(whole.place.label)' is a whole layer, whose MLP reads what its attention adds: their "
          + "estimates do not add up",
        help: "sweep attns, mlps, or the stream: L*.resid_post", span: sweep.span,
        source: sweep.source)
    }
    return sweep
  }
}

/// metric, base, estimate
private struct EstimateRows {
  private let metric: ChosenMetric
  private var rows = TableBuilder()
  private let run: CaseColumns
  private let name: TableBuilder.Key<String>
  private let base: MetricColumn
  private let estimate: TableBuilder.Key<Double>

  init(_ set: PromptSet, _ metric: DifferentiatedMetric) {
    self.metric = metric.metric
    let isMean = metric.metric.isMean(at: metric.readings)
    run = CaseColumns(set, isMean ? nil : metric.readings, in: &rows)
    name = rows.texts("metric")
    base = MetricColumn("base", of: metric.metric, in: &rows)
    estimate = rows.doubles("estimate")
  }

  mutating func append(_ item: Case, _ reading: Reading?, base: Double, estimate: Double) {
    rows.addRow()
    run.set(item, reading, in: &rows)
    rows[name] = metric.name
    self.base.set(base, in: &rows)
    rows[self.estimate] = estimate.isFinite ? estimate : nil
  }

  var table: Table { rows.table(measure: "estimate") }
}
