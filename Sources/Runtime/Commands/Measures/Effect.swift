import Lang
import Model

extension Command {
  static let effect = Command(
    name: "effect", group: .measures,
    summary: "Compare edited runs with the same prompts unedited.",
    details: """
      effect = edited − base. After `each`, one row per variant; base is then the prompt with \
      all other edits of the line. Without a sweep, base is the prompt without any edit.
      `of loss` compares the mean loss of the text's tokens, or with `at` the loss of the token that \
      follows each position. After `patch` also recovered = (edited − base) / (donor − base).
      """,
    input: .prompts,
    parameters: [
      .keyword(
        "of", .choice(Metric.self),
        "what is compared: by default logit_diff where there are foils, else logit"),
      .at,
    ],
    examples: [
      "colosseum | ablate each heads@last | effect | top 5",
      "colosseum | ablate L29H1@last | effect of prob",
      "colosseum | ablate L0.mlp | effect of loss at @*",
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
    let donors = try DonorRuns(call, set, metric, readings)
    var references: [Reference] = []
    var rows = EffectRows(set, metric, readings, hasDonors: donors != nil)
    let cases = try call.session.cases(of: set, known: donors.map { ($0.spec, $0.runs) })
    var results = try call.session.results(
      of: cases.map(\.asVariant), on: set.model, label: "effect", mayStop: true, withBases: true
    ) { item in
      Measurement(logits: metric.logits(at: readings[item])) { $0 }
    }
    while let (item, run) = try results.next() {
      // A prompt's base comes before the runs that vary it.
      if item.isBase {
        references = Reference.all(metric, run, at: readings[item], of: item, donors)
      } else {
        rows.append(
          item, readings[item], references,
          edited: metric.values(
            of: run, at: readings[item], bases: references.compactMap(\.distribution)))
      }
    }
    return .table(TableValue(rows.table, origins: [set.origin]))
  }

  private static func metric(_ call: Invocation, _ set: PromptSet) throws -> Metric {
    guard let metric = try call.choice("of", Metric.self) else {
      return set.prompts.allSatisfy { !$0.foils.isEmpty } ? .logitDiff : .logit
    }
    if metric == .logitDiff, let bare = set.prompts.first(where: \.foils.isEmpty) {
      throw Failure(
        "logit_diff needs foils, and '\(bare.name)' has none",
        help: "give some: prompt \"…\" -> \" answer\" vs \" foil\"", span: call.span(of: "of"))
    }
    return metric
  }
}

/// What the runs of a prompt are held against, at one position.
private struct Reference {
  var value: Double
  /// Where the metric compares whole distributions.
  var distribution: Distribution?
  /// The metric of the run that a patch takes its values from.
  var donor: Double?

  static func all(
    _ metric: Metric, _ run: RunResult, at readings: [Reading], of item: Case, _ donors: DonorRuns?
  ) -> [Reference] {
    let values = metric.values(of: run, at: readings, bases: [])
    return zip(readings, values).enumerated().map { i, found in
      let (reading, value) = found
      let distribution = metric == .kl ? Distribution(run.logits[i]) : nil
      return Reference(
        value: value, distribution: distribution,
        donor: donors.map {
          metric.value(
            of: $0.logits(for: item.index, reading), prompt: reading.prompt, base: distribution)
        })
    }
  }
}

/// The runs that a patch takes its values from, and what they say themselves: done once for both.
private struct DonorRuns {
  let spec: EditSpec
  let runs: [RunResult]
  private let metric: Metric
  /// For each donor the tokens whose logits were asked for, where not all were.
  private let asked: [[Int]]

  /// Nil where no patch is measured. It is always the answer of the edited prompt that is looked at,
  /// at the donor's own position; a loss is of the prompt's own text, which a donor does not have.
  init?(_ call: Invocation, _ set: PromptSet, _ metric: Metric, _ readings: Readings) throws {
    guard let (spec, donors) = set.patch, metric != .loss else { return nil }
    self.spec = spec
    self.metric = metric
    let positions = try placing(at: readings.span) {
      try donors.prompts.map { donor in
        try readings.kind.map(donor.positions) ?? [donor.last]
      }
    }
    try placing(at: readings.span) {
      for (index, prompt) in set.prompts.enumerated() {
        try readings.check(
          prompt, pairsWith: positions[positions.count == 1 ? 0 : index].count)
      }
    }
    let tokens = set.prompts.indices.map { index in
      readings[ofPrompt: index].flatMap { metric.tokens(of: $0.prompt) }
    }
    let asked = (donors.prompts.count == 1 ? [tokens.flatMap(\.self)] : tokens).map {
      Array(Set($0)).sorted()
    }
    runs = try placing(at: spec.span, in: spec.source) {
      try call.session.values(
        of: donors, sites: { try spec.sites(read: $0) },
        logits: { donor in
          let positions = positions[donor.index]
          return metric.needsVocabulary
            ? .all(positions)
            : .chosen(positions.map { .init(tokens: asked[donor.index], position: $0) })
        })
    }
    self.asked = asked
  }

  /// What the donor of a prompt says, in the order in which the prompt's own runs do.
  func logits(for index: Int, _ reading: Reading) -> [Float] {
    let donor = runs.count == 1 ? 0 : index
    let logits = runs[donor].logits[reading.index]
    if metric.needsVocabulary { return logits }
    return metric.tokens(of: reading.prompt).map { token in
      asked[donor].firstIndex(of: token).map { logits[$0] } ?? .nan
    }
  }
}

/// metric, base, edited, effect, and recovered where there are donors.
private struct EffectRows {
  private let metric: Metric
  private let isMean: Bool
  private var rows = TableBuilder()
  private let run: CaseColumns
  private let name: TableBuilder.Key<String>
  private let (base, edited, effect): (MetricColumn, MetricColumn, MetricColumn)
  private let recovered: TableBuilder.Key<Double>?

  init(_ set: PromptSet, _ metric: Metric, _ readings: Readings, hasDonors: Bool) {
    self.metric = metric
    // The loss of a whole text is one number.
    isMean = metric == .loss && readings.kind == nil
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
    rows[name] = metric.rawValue
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

/// A column of a metric. Logits are single precision, and print so; differences and probabilities
/// are computed in double.
private enum MetricColumn {
  case singles(TableBuilder.Key<Float>)
  case doubles(TableBuilder.Key<Double>)
  case integers(TableBuilder.Key<Int>)

  init(_ name: String, of metric: Metric, in table: inout TableBuilder) {
    switch metric {
    case .logit: self = .singles(table.singles(name))
    case .logitDiff, .prob, .logprob, .loss, .kl: self = .doubles(table.doubles(name))
    case .rank: self = .integers(table.integers(name))
    }
  }

  func set(_ value: Double, in table: inout TableBuilder) {
    switch self {
    case .singles(let key): table[key] = Float(value)
    case .doubles(let key): table[key] = value
    case .integers(let key): table[key] = value.isNaN ? nil : Int(value)
    }
  }
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
  fileprivate var asVariant: Case {
    guard variant == nil else { return self }
    var copy = self
    copy.baseEdits = []
    return copy
  }
}
