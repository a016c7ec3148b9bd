import Model

/// metric, base, estimate: a row for each prompt and variant, or for each variant the means over prompts.
struct EstimateRows {
  private let metric: ChosenMetric
  private let isMean: Bool
  private let targets: EditTargets
  private var rows = TableBuilder()
  private let run: CaseColumns
  private let name: TableBuilder.Key<String>
  private let base: MetricColumn
  private let estimate: TableBuilder.Key<Double>

  /// Of means: what each row is of, and its sums so far.
  private var sums: [(place: Place, base: Double, estimate: Double, count: Int)] = []
  /// The next row of the prompt at hand.
  private var next = 0
  /// Of means of edges.
  private var edgeSums: EdgeSums?
  /// By target, where they are edges.
  private var names = EdgeCells()
  /// Whether there are estimates, each of them 0.
  private(set) var areAllZero = false
  private var isFirst = true

  init(_ set: PromptSet, _ metric: DifferentiatedMetric, isMean: Bool) {
    self.metric = metric.metric
    self.isMean = isMean
    targets = set.sweep?.targets ?? EditTargets([])
    let isOne = isMean || metric.metric.isMean(at: metric.readings)
    run = CaseColumns(set, isOne ? nil : metric.readings, isMean: isMean, in: &rows)
    name = rows.texts("metric")
    base = MetricColumn("base", of: metric.metric, in: &rows)
    estimate = rows.doubles("estimate")
  }

  private mutating func note(areZero: Bool) {
    areAllZero = (areAllZero || isFirst) && areZero
    isFirst = false
  }

  mutating func append(_ item: Case, _ reading: Reading?, base: Double, estimate: Double) {
    note(areZero: estimate == 0)
    if isMean, let variant = item.variant {
      return add(variant.place, base: base, estimate: estimate)
    }
    rows.addRow()
    run.set(item, reading, in: &rows)
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

  // MARK: - Edges

  /// One number of a prompt, and what the variants of its edges would change of it.
  struct EdgeNumber {
    var reading: Reading?
    var base: Double
    var estimates: [Double]
  }

  /// All edges of a prompt: there are too many for a row at a time.
  mutating func append(_ swept: SweptPrompt, _ numbers: [EdgeNumber]) {
    let count = swept.edges.places.count
    guard count > 0, !numbers.isEmpty else { return }
    for number in numbers { note(areZero: number.estimates.allSatisfy { $0 == 0 }) }
    if isMean { return addMeans(swept.edges, numbers[0]) }
    // Of each edge all numbers, one after the other.
    let n = numbers.count
    func ofEach<Cell>(_ cells: [Cell]) -> [Cell] {
      n == 1 ? cells : cells.flatMap { repeatElement($0, count: n) }
    }
    func byTurns<Cell>(_ cells: [Cell]) -> [Cell] {
      n == 1
        ? [Cell](repeating: cells[0], count: count)
        : (0..<count).flatMap { _ in cells }
    }
    rows.addRows(count * n)
    var cells = cells(of: swept.edges)
    cells.components = ofEach(cells.components)
    cells.writers = ofEach(cells.writers)
    cells.readers = ofEach(cells.readers)
    cells.positions = ofEach(cells.positions)
    run.fill(
      swept.prompt, cells, byTurns(numbers.map(\.reading)), units: ofEach(swept.edges.units),
      in: &rows)
    let estimates =
      n == 1
      ? numbers[0].estimates
      : (0..<count).flatMap { edge in numbers.map { $0.estimates[edge] } }
    fill(bases: byTurns(numbers.map(\.base)), estimates, in: &rows)
  }

  private mutating func addMeans(_ edges: EdgeVariants, _ number: EdgeNumber) {
    var sums = edgeSums ?? EdgeSums(edges)
    edgeSums = nil
    sums.add(number)
    edgeSums = sums
  }

  /// What all prompts have together of each edge. Their base is the same for all.
  private struct EdgeSums {
    let edges: EdgeVariants
    private(set) var base = 0.0
    private(set) var estimates: [Double]
    private(set) var count = 0.0

    init(_ edges: EdgeVariants) {
      self.edges = edges
      estimates = [Double](repeating: 0, count: edges.places.count)
    }

    mutating func add(_ number: EdgeNumber) {
      base += number.base
      count += 1
      for i in estimates.indices { estimates[i] += number.estimates[i] }
    }
  }

  private func fill(bases: [Double], _ estimates: [Double], in rows: inout TableBuilder) {
    rows.fill(name, metric.name, count: bases.count)
    base.fill(bases, in: &rows)
    rows.fill(estimate, estimates.map { $0.isFinite ? $0 : .nan })
  }

  /// The name of each target is made once for all prompts.
  private mutating func cells(of edges: EdgeVariants) -> EdgeCells {
    if names.components.isEmpty {
      names.components.reserveCapacity(targets.count)
      names.writers.reserveCapacity(targets.count)
      names.readers.reserveCapacity(targets.count)
      for index in targets.indices {
        let own = targets.edgeNames(of: index)
        names.components.append(own.edge)
        names.writers.append(own.writer)
        names.readers.append(own.reader)
      }
    }
    // Each once, and without positions.
    if edges.places.count == targets.count, targets.areDistinct, targets.kinds.isEmpty {
      return names
    }
    return EdgeCells(
      components: edges.places.map { names.components[$0.target] },
      writers: edges.places.map { names.writers[$0.target] },
      readers: edges.places.map { names.readers[$0.target] },
      positions: edges.places.map(\.position))
  }

  // MARK: -

  var table: Table {
    var all = self
    for sum in sums {
      all.rows.addRow()
      all.run.set(sum.place, nil, unit: nil, in: &all.rows)
      let count = Double(sum.count)
      all.set(base: sum.base / count, estimate: sum.estimate / count)
    }
    if let sums = edgeSums {
      let bases = [Double](repeating: sums.base / sums.count, count: sums.estimates.count)
      all.rows.addRows(bases.count)
      all.run.fill(all.cells(of: sums.edges), in: &all.rows)
      all.fill(bases: bases, sums.estimates.map { $0 / sums.count }, in: &all.rows)
    }
    return all.rows.table(measure: "estimate")
  }
}
