import Lang
import Model

extension Command {
  static let effect = Command(
    name: "effect", group: .measures,
    summary: "Compare edited runs with the same prompts unedited.",
    details: """
      effect = edited − base. After `each`, one row per variant; base is then the prompt with \
      all other edits of the line. Without a sweep, base is the prompt without any edit.
      Parentheses after `of` hold a metric of your own: see `help metric`.
      `of loss` compares the mean loss of the text's tokens, or with `at` the loss of the token that \
      follows each position. After `patch` also recovered = (edited − base) / (donor − base).
      """,
    input: .prompts,
    parameters: [
      .keyword(
        "of", .metric(or: Metric.self),
        "what is compared; default: logit_diff where there are foils, else logit"),
      .keyword("top", .number, "how many tokens `overlap` compares; default: 10"),
      .at,
    ],
    examples: [
      "colosseum | ablate each heads@last | effect | top 5",
      "colosseum | ablate L29H1@last | effect of prob",
      "colosseum | ablate L0.mlp | effect of loss at @*",
      "colosseum | ablate L29H1@last | effect of (logit(answer) - max(logit(foils)))",
    ],
    run: measureEffect)

  private static func measureEffect(_ call: Invocation) throws -> Value {
    let set = try call.promptInput()
    guard !set.edits.isEmpty else {
      throw call.failure(
        "there is no edit whose effect could be measured",
        help: "edit first: … | ablate L9H8@last | effect")
    }
    let metric = try metric(call, set)
    let readings = try Readings(call, of: set, asking: metric.question)
    let measured = try placing(at: call.has("of") ? call.span(of: "of") : call.span) {
      try MeasuredMetrics(set, readings) { _ in [metric] }
    }
    let donors = try DonorRuns(call, measured, metric)
    var references: [Reference] = []
    var rows = EffectRows(set, metric, readings, hasDonors: donors != nil)
    var undefined = UndefinedMetrics([metric])
    var gatherer = measured.gatherer
    let cases = CaseStream(
      of: measured.completed.set, in: call.session, known: donors.map { ($0.spec, $0.runs) }
    ) { $0.asVariant }
    var results = try call.session.results(
      of: cases, on: set.model, label: "effect", mayStop: true, withBases: true
    ) { item in
      item.isBase && donors != nil
        ? measured.comparedMeasurement(of: item) : measured.measurement(of: item)
    }
    while let (item, parts) = try results.next() {
      guard let runs = gatherer.add(item, parts) else { continue }
      let found = measured.found(item, runs)
      // A prompt's base comes before the runs that vary it.
      if item.isBase {
        let donors = donors?.parts(of: measured.completed.owner(of: item))
        references = found.enumerated().map { i, found in
          Reference(found.metrics, found.parts, donor: donors.map { $0[i] })
        }
      } else {
        let edited = found.map { $0.metrics.values($0.parts)[0] }
        rows.append(item, found.map(\.reading), references, edited: edited)
        for (found, (reference, edited)) in zip(found, zip(references, edited)) {
          undefined.add([
            reference.isUndefined || found.metrics.isUndefined(edited, of: found.parts)
          ])
        }
      }
    }
    undefined.warn(call)
    return .table(TableValue(rows.table, origins: [set.origin]))
  }

  private static func metric(_ call: Invocation, _ set: PromptSet) throws -> ChosenMetric {
    let top = try call.integer("top")
    if let top, top < 1 {
      throw Failure("`overlap` compares at least one token", span: call.span(of: "top"))
    }
    let given = try call.metric("of", Metric.self) {
      ChosenMetric($0, top: top ?? Metric.usualTop)
    }
    guard top == nil || given?.known == .overlap else {
      throw Failure(
        "`top` goes with `of overlap`",
        help: "effect of overlap top 5; in an expression overlap(5)",
        span: call.span(of: "top"))
    }
    if let given { return given }
    return ChosenMetric.usual(for: set)
  }
}

/// What the runs of a prompt are held against, at one position.
private struct Reference {
  var value: Double
  /// Whether that is missing by the metric's own doing.
  var isUndefined: Bool
  /// The metric of the run that a patch takes its values from.
  var donor: Double?

  init(_ metrics: PromptMetrics, _ parts: [PromptMetrics.Part], donor: [PromptMetrics.Part]?) {
    value = metrics.values(parts)[0]
    isUndefined = metrics.isUndefined(value, of: parts)
    self.donor = donor.map { metrics.values(metrics.compared($0, with: parts))[0] }
  }
}

/// The runs that a patch takes its values from, and what they say themselves: done once for both.
private struct DonorRuns {
  let spec: EditSpec
  let runs: [RunResult]
  /// Of each prompt, for each of its readings what its donors' runs give.
  private var found: [[[PromptMetrics.Part]]]

  /// Nil where no patch is measured. It is always the answer of the edited prompt that is looked at,
  /// at the donor's own position; a loss is of the prompt's own text, which a donor does not have.
  init?(_ call: Invocation, _ measured: MeasuredMetrics, _ metric: ChosenMetric) throws {
    let set = measured.completed.set
    guard let (spec, donors) = set.patch, metric.known != .loss else { return nil }
    self.spec = spec
    if spec.isOfEdges { call.warnOfEqualDonors(of: set, donors, what: "effects") }
    let readings = measured.readings
    let positions = try placing(at: readings.span) {
      try donors.prompts.map { donor in
        try readings.kind.map(donor.positions) ?? [donor.last]
      }
    }
    // Of each donor what is asked for each prompt that it is taken for.
    var shares = [[SharedLogits.Share]](repeating: [], count: donors.prompts.count)
    var places: [Range<Int>] = []
    for (index, prompt) in set.prompts.enumerated() {
      let donor = donors.donorIndex(forPrompt: index)
      guard set.isMeasured(index) else {
        places.append(shares[donor].count..<shares[donor].count)
        continue
      }
      try placing(at: readings.span) {
        try readings.check(prompt, pairsWith: positions[donor].count)
      }
      let start = shares[donor].count
      shares[donor] += measured.shares(ofPrompt: index, at: positions[donor])
      places.append(start..<shares[donor].count)
    }
    let shared = shares.map { SharedLogits($0).keepingVocabularies }
    let runs = try placing(at: spec.span, in: spec.source) {
      try call.session.values(
        of: donors, sites: { try spec.sites(read: $0) }, logits: { shared[$0.index].logits },
        at: donors.prompts.count == 1 ? nil : set.measuredIndices)
    }
    self.runs = runs
    let parts = zip(shared, runs).map { $0.parts(of: $1) }
    found = []
    for (index, place) in places.enumerated() {
      let owner = measured.completed.owner(ofPrompt: index)
      if owner == found.count { found.append(place.map { _ in [] }) }
      for (i, part) in parts[donors.donorIndex(forPrompt: index)][place].enumerated() {
        found[owner][i].append(part)
      }
    }
  }

  func parts(of index: Int) -> [[PromptMetrics.Part]] { found[index] }
}

/// metric, base, edited, effect, and recovered where there are donors.
private struct EffectRows {
  private let metric: ChosenMetric
  private let isMean: Bool
  private var rows = TableBuilder()
  private let run: CaseColumns
  private let name: TableBuilder.Key<String>
  private let (base, edited, effect): (MetricColumn, MetricColumn, MetricColumn)
  private let recovered: TableBuilder.Key<Double>?

  init(_ set: PromptSet, _ metric: ChosenMetric, _ readings: Readings, hasDonors: Bool) {
    self.metric = metric
    // The loss of a whole text is one number.
    isMean = metric.isMean(at: readings)
    run = CaseColumns(set, isMean ? nil : readings, in: &rows)
    name = rows.texts("metric")
    base = MetricColumn("base", of: metric, in: &rows)
    edited = MetricColumn("edited", of: metric, in: &rows)
    effect = MetricColumn("effect", of: metric, in: &rows)
    recovered = hasDonors ? rows.doubles("recovered") : nil
  }

  mutating func append(
    _ item: Case, _ readings: [Reading], _ references: [Reference], edited: [Double]
  ) {
    if isMean {
      guard !edited.isEmpty else { return }
      append(
        item, nil, base: Self.mean(references.map(\.value)), edited: Self.mean(edited), donor: nil)
    } else {
      for (reading, (reference, edited)) in zip(readings, zip(references, edited)) {
        append(item, reading, base: reference.value, edited: edited, donor: reference.donor)
      }
    }
  }

  private static func mean(_ values: [Double]) -> Double {
    values.reduce(0, +) / Double(values.count)
  }

  private mutating func append(
    _ item: Case, _ reading: Reading?, base: Double, edited: Double, donor: Double?
  ) {
    rows.addRow()
    run.set(item, reading, in: &rows)
    rows[name] = metric.name
    self.base.set(base, in: &rows)
    self.edited.set(edited, in: &rows)
    effect.set(edited - base, in: &rows)
    // Where the donor is no better than the base there is nothing to recover: missing.
    guard let donor, metric.isBetter(donor, than: base) else { return }
    // Plus 0, so that no effect is no −0.
    rows[recovered] = (edited - base) / (donor - base) + 0
  }

  var table: Table { rows.table(measure: "effect") }
}

extension PromptSet {
  /// The patch whose effect is measured, and the prompts that it takes its values from: the swept
  /// edit, or the only one.
  fileprivate var patch: (spec: EditSpec, donors: PromptSet)? {
    guard let edit = sweep ?? (edits.count == 1 ? edits.first : nil),
      let donors = edit.patchDonors(for: self)
    else { return nil }
    return (edit, donors)
  }
}

extension Case {
  /// Edits that are not swept are one variant of the prompt, so that its clean run is shared.
  var asVariant: Case {
    guard variant == nil else { return self }
    var copy = self
    copy.baseEdits = []
    return copy
  }
}
