import Model

/// metric, base, estimate: a row for each prompt and variant, or for each variant the means over prompts.
struct EstimateRows {
  private let metric: ChosenMetric
  private let isMean: Bool
  private var rows = TableBuilder()
  private let run: CaseColumns
  private let name: TableBuilder.Key<String>
  private let base: MetricColumn
  private let estimate: TableBuilder.Key<Double>

  /// Of means: what each row is of, and its sums so far.
  private var sums: [(place: Place, base: Double, estimate: Double, count: Int)] = []
  /// The next row of the prompt at hand.
  private var next = 0
  /// Whether there are estimates, each of them 0.
  private(set) var areAllZero = false
  private var isFirst = true

  init(_ set: PromptSet, _ metric: DifferentiatedMetric, isMean: Bool) {
    self.metric = metric.metric
    self.isMean = isMean
    let isOne = isMean || metric.metric.isMean(at: metric.readings)
    run = CaseColumns(set, isOne ? nil : metric.readings, isMean: isMean, in: &rows)
    name = rows.texts("metric")
    base = MetricColumn("base", of: metric.metric, in: &rows)
    estimate = rows.doubles("estimate")
  }

  private mutating func note(_ estimate: Double) {
    areAllZero = (areAllZero || isFirst) && estimate == 0
    isFirst = false
  }

  mutating func append(_ item: Case, _ reading: Reading?, base: Double, estimate: Double) {
    note(estimate)
    if isMean, let variant = item.variant {
      return add(variant.place, base: base, estimate: estimate)
    }
    rows.addRow()
    run.set(item, reading, in: &rows)
    set(base: base, estimate: estimate)
  }

  mutating func append(
    _ prompt: Prompt, _ place: Place, _ variant: EdgeVariant, _ reading: Reading?, base: Double,
    estimate: Double
  ) {
    note(estimate)
    if isMean { return add(place, base: base, estimate: estimate) }
    rows.addRow()
    run.set(prompt, reading, in: &rows)
    run.set(place, variant.place.position, unit: variant.unit, in: &rows)
    set(base: base, estimate: estimate)
  }

  /// Without positions all prompts have the same variants, in the same order.
  private mutating func add(_ place: Place, base: Double, estimate: Double) {
    if next == sums.count { sums.append((place, 0, 0, 0)) }
    sums[next].base += base
    sums[next].estimate += estimate
    sums[next].count += 1
    next += 1
  }

  mutating func finishPrompt() { next = 0 }

  private mutating func set(base: Double, estimate: Double) {
    rows[name] = metric.name
    self.base.set(base, in: &rows)
    rows[self.estimate] = estimate.isFinite ? estimate : nil
  }

  var table: Table {
    var all = self
    for sum in sums {
      all.rows.addRow()
      all.run.set(sum.place, nil, unit: nil, in: &all.rows)
      let count = Double(sum.count)
      all.set(base: sum.base / count, estimate: sum.estimate / count)
    }
    return all.rows.table(measure: "estimate")
  }
}
