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
      - softmax: AtP*: queries and keys that saturate the softmax move a number less than their gradient \
      says
      - graddrop: finds what one layer hides of another. Estimates have no sign then
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
      .keyword(
        "softmax", .choice(SoftmaxEstimate.self),
        "how queries and keys are estimated; default: linear"),
      .flag("graddrop", "the mean size of estimates whose gradient passes around one layer each"),
      .flag("mean", "one row for each variant: the mean over the prompts"),
      .at,
    ],
    examples: [
      #"colosseum | patch each heads from (prompt "Fact: The Eiffel Tower is in the country of") | attribute | top 3"#,
      "colosseum | ablate each mlps@last | attribute of prob | top 3",
    ],
    run: estimateEffects)

  private static func estimateEffects(_ call: Invocation) throws -> Value {
    let set = try call.promptInput()
    let softmax = try call.choice("softmax", SoftmaxEstimate.self) ?? .linear
    let asksForMean = call.hasFlag("mean")
    let path = try call.gradientPath(set.model.configuration)
    let metric = try DifferentiatedMetric(call, of: set, isReadAt: true)
    let sweep = try call.attributedSweep(of: metric.set)
    if asksForMean { try call.checkMean(of: set, metric) }
    if softmax == .exact { try call.checkSoftmax(of: sweep, path) }
    if let donors = sweep.patchDonors(for: set) {
      call.warnOfEqualDonors(of: set, donors, what: "estimates")
    }
    var estimates = Estimates(
      call: call, sweep: sweep, metric: metric, path: path,
      isSoftmaxExact: softmax == .exact,
      rows: EstimateRows(set, metric, isMean: asksForMean))
    try call.statement.runner.repeating { try estimates.add(metric.set) }
    return .table(TableValue(estimates.rows.table, origins: [set.origin]))
  }
}

/// The rows of a set, portion by portion.
private struct Estimates {
  let call: Invocation
  let sweep: EditSpec
  let metric: DifferentiatedMetric
  let path: GradientPath
  let isSoftmaxExact: Bool
  var rows: EstimateRows
  private var missing = MissingDerivatives()
  private var identities = EdgeIdentities()
  private var done = 0

  init(
    call: Invocation, sweep: EditSpec, metric: DifferentiatedMetric, path: GradientPath,
    isSoftmaxExact: Bool, rows: EstimateRows
  ) {
    (self.call, self.sweep, self.metric, self.path) = (call, sweep, metric, path)
    (self.isSoftmaxExact, self.rows) = (isSoftmaxExact, rows)
  }

  /// What was finished before Ctrl-C is kept.
  mutating func add(_ set: PromptSet) throws {
    let all = set.measuredIndices.count
    let portions = set.portions(
      passes: path.passes, bytes: sweep.isOfEdges ? EdgeWriters.bytesPerToken(set, sweep) : 0,
      memory: call.session.memory)
    do {
      for (number, portion) in portions.enumerated() {
        let own = portion.measuredIndices.count
        guard own > 0 else { continue }
        try add(portion, RunShare(before: done, count: own, of: all), isFirst: number == 0)
      }
    } catch let stop as Interruption.Stopped {
      guard done > 0 else { throw stop }
      call.session.goOn(with: done, of: all, "prompts")
    }
    missing.warn(call, metric.metric)
    guard call.statement.runner.isHeard else { return }
    identities.report(to: call.session)
    if rows.areAllZero {
      call.warn(
        "every estimate is 0: to first order nothing that the sweep changes moves "
          + "`\(excerpt(metric.metric.name))`",
        help: "a probability near 0 or 1 is flat: take logit_diff or logprob; and see that what is "
          + "swept differs from its new values")
    }
  }

  private mutating func add(_ set: PromptSet, _ share: RunShare, isFirst: Bool) throws {
    var runs = try EstimateRuns(call, of: set, metric, path, isSoftmaxExact: isSoftmaxExact)
    let prompts = try runs.prompts(in: call.session)
    let passes = try prompts.mapChecked { try runs.passes(of: $0) }
    if isFirst {
      let softmax = isSoftmaxExact ? "; queries and keys by their exact softmax (AtP*)" : ""
      call.session.note("attribute: \(path.text), times the change\(softmax)")
    }
    var results = try call.statement.runner.gradients(
      of: passes.flatMap { $0.joined().map(\.request) }, on: set.model,
      label: call.command.name, share: share, in: call.session)
    for (prompt, numbers) in zip(prompts, passes) {
      let scores =
        isSoftmaxExact
        ? try HeadScores(set.model.transformer, tokens: prompt.prompt.tokens.count) : nil
      var estimators: [Estimated] = []
      for (number, passes) in zip(metric[ofPrompt: prompt.index], numbers) {
        let found = try passes.compactMap { _ in try results.next()?.result }
        for result in found { missing.add(result) }
        let estimator = EffectEstimator(Array(zip(passes, found)), path, scores: scores)
        if sweep.isOfEdges {
          identities.add(estimator, found, passes, reachesDonor: runs.reachesDonor)
        }
        estimators.append((number.reading, found.first?.value ?? .nan, estimator))
      }
      try add(prompt, estimators)
      rows.finishPrompt()
      done += 1
    }
    _ = try results.next()
  }

  /// One number of a prompt.
  private typealias Estimated = (reading: Reading?, base: Double, estimator: EffectEstimator)

  private mutating func add(_ prompt: SweptPrompt, _ numbers: [Estimated]) throws {
    for item in prompt.cases {
      try Interruption.check()
      if call.statement.runner.isHeard, let variant = item.variant,
        let activations = numbers.first?.estimator.activations
      {
        try placing(at: sweep.span, in: sweep.source) {
          try call.statement.silentFeatures.add(variant, in: activations)
        }
      }
      for (reading, base, estimator) in numbers {
        let estimate = try placing(at: sweep.span, in: sweep.source) {
          try estimator.estimate(item)
        }
        rows.append(item, reading, base: base, estimate: estimate)
      }
    }
    guard sweep.isOfEdges else { return }
    try Interruption.check()
    rows.append(
      prompt,
      numbers.map {
        EstimateRows.EdgeNumber(
          reading: $0.reading, base: $0.base,
          estimates: $0.estimator.estimates(of: prompt.edges, sweep.targets))
      })
  }
}

extension Invocation {
  /// - Throws: `Failure` for options that do not go together.
  fileprivate func gradientPath(_ configuration: Configuration) throws -> GradientPath {
    let steps = try integer("steps")
    let points = try choice("points", StepPoints.self)
    let place = try choice("gradient", GradientPlace.self)
    if hasFlag("graddrop") {
      if let other = ["steps", "gradient"].first(where: has) {
        throw Failure(
          "`graddrop` takes its gradients at the base", help: "omit `\(other)`",
          span: span(of: other))
      }
      guard configuration.layers > 1 else {
        throw Failure(
          "`graddrop` drops one layer of several, and this model has one",
          span: span(of: "graddrop"))
      }
      return .dropping(layers: configuration.layers)
    }
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

  /// - Throws: `Failure` where prompts have no rows in common to take the mean of.
  fileprivate func checkMean(of set: PromptSet, _ metric: DifferentiatedMetric) throws {
    func failure(_ what: String) -> Failure {
      Failure(
        "`mean` is over \(what)",
        help: "omit `mean`, and group the rows: | group by component mean estimate",
        span: span(of: "mean"))
    }
    guard set.sweep?.kinds.isEmpty ?? true else {
      throw failure("rows of the same name, and positions are each prompt's own")
    }
    guard !metric.readings.hasSeveral else {
      throw failure("one number of each prompt, and `at` gives several")
    }
    guard set.shard == nil else { throw failure("all prompts, and a shard has some of them") }
  }

  /// - Throws: `Failure` where no queries or keys are swept, or the gradient is elsewhere.
  fileprivate func checkSoftmax(of sweep: EditSpec, _ path: GradientPath) throws {
    guard case .at(.base) = path else {
      throw Failure(
        "an exact softmax goes with the gradient at the base",
        help: "omit `softmax`, or the other options", span: span(of: "softmax"))
    }
    guard !sweep.isOfEdges,
      sweep.targets.contains(where: { $0.place.sites.contains { $0.site.activation.isCompared } })
    else {
      throw Failure(
        "`softmax` is for queries and keys, and the sweep has none",
        help: "sweep them: patch each L*H*.q from PROMPTS, or L*KV*.k where heads share keys",
        span: span(of: "softmax"))
    }
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
    if hasFlag("graddrop"), sweep.isOfEdges {
      throw Failure(
        "`graddrop` is for components, not for edges", help: "omit it",
        span: span(of: "graddrop"))
    }
    if sweep.hasPaths {
      throw Failure(
        "a path of several edges has no estimate: what comes of it changes at each of them",
        help: "`effect` measures it", span: sweep.span, source: sweep.source)
    }
    let several = sweep.isOfEdges ? [] : sweep.targets.filter { $0.place.sites.count > 1 }
    // What a feature adds in one layer changes nothing of what it adds in others.
    if hasFlag("graddrop"), let feature = several.first(where: \.place.isOfFeatures) {
      throw Failure(
        "'\(feature.place.label)' is added in several layers, and `graddrop` leaves out one at a time",
        help: "omit `graddrop`", span: span(of: "graddrop"))
    }
    if let whole = several.first(where: { !$0.place.isOfFeatures }) {
      throw Failure(
        "'\(whole.place.label)' is a whole layer, whose MLP reads what its attention adds: their "
          + "estimates do not add up",
        help: "sweep attns, mlps, or the stream: L*.resid_post", span: sweep.span,
        source: sweep.source)
    }
    return sweep
  }
}
