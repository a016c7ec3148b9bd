import Model

/// Gathers attributions into the rows of a table.
struct AttributionRows {
  private let division: AttributionDivision
  private var rows = TableBuilder()
  private let prompt: PromptColumns
  private let reading: ReadingColumns
  private let columns: AttributionColumns
  /// One a target.
  private let values: [TableBuilder.Key<Float>]
  private let measure: String?
  /// Of what the rows of parts were last: most prompts have the same.
  private var last = (parts: [AttributionCells.Part](), cells: AttributionCells())

  init(
    _ set: PromptSet, _ readings: Readings, division: AttributionDivision, columns: [String]
  ) {
    self.division = division
    measure = columns.first
    prompt = PromptColumns(set, in: &rows)
    reading = ReadingColumns(readings, in: &rows)
    self.columns = AttributionColumns(division, in: &rows)
    var values: [TableBuilder.Key<Float>] = []
    for name in columns { values.append(rows.singles(name)) }
    self.values = values
  }

  /// An upper bound of what the rows of one prompt take, for each position that is read.
  static func bytes(
    of prompt: Prompt, _ division: AttributionDivision, columns: Int, _ model: Configuration
  ) -> Int {
    let heads = model.layers * model.heads
    let rows =
      switch division {
      // A few hundred features are active of each dictionary.
      case .feature: heads + 3 * model.layers + 4 + 1024
      case .component: heads + 3 * model.layers + 4
      case .layer: model.layers
      case .head: heads
      case .neuron: model.mlp.reduce(0) { $0 + $1.neurons + 1 }
      case .source: heads * prompt.tokens.count
      case .headAndSpan: heads * prompt.groups.count
      case .span: prompt.groups.count
      }
    // They are there in pieces when the table is put together.
    return rows * 2 * (7 * 16 + columns * MemoryLayout<Float>.size)
  }

  /// - Parameter attributions: one a target, nil where the prompt has no such target; all have the
  ///   same parts. A prompt without any has no rows.
  mutating func append(_ reading: Reading, _ attributions: [Attribution?]) {
    guard let first = attributions.lazy.compactMap(\.self).first else { return }
    let block =
      switch division {
      case .component, .feature: parts(first, attributions) { _ in true }
      case .head: parts(first, attributions, \.isHead)
      case .neuron: parts(first, attributions, \.isOfMLP)
      case .layer: AttributionBlock(layersOf: first, attributions)
      case .source: AttributionBlock(sourcesOf: first, attributions, reading)
      case .headAndSpan: AttributionBlock(spansOf: first, attributions, reading)
      case .span: AttributionBlock(spanTotalsOf: attributions, reading)
      }
    add(block, reading)
  }

  /// - Parameter isShown: whether a component has rows.
  private mutating func parts(
    _ first: Attribution, _ attributions: [Attribution?],
    _ isShown: (Attribution.Component) -> Bool
  ) -> AttributionBlock {
    let parts = first.parts.filter { isShown($0.component) }.map(AttributionCells.Part.init)
    if last.parts != parts { last = (parts, AttributionCells(parts)) }
    return AttributionBlock(
      cells: last.cells,
      values: attributions.map { attribution in
        var values: [Float] = []
        values.reserveCapacity(last.cells.count)
        for part in attribution?.parts ?? [] where isShown(part.component) {
          if part.neurons.isEmpty { values.append(part.value) } else { values += part.neurons }
        }
        return attribution == nil ? [Float](repeating: .nan, count: last.cells.count) : values
      })
  }

  private mutating func add(_ block: AttributionBlock, _ reading: Reading) {
    let count = block.cells.count
    rows.addRows(count)
    prompt.fill(reading.prompt, count, in: &rows)
    if let unit = reading.prompt.unit { rows.setUnits([Int](repeating: unit, count: count)) }
    self.reading.fill(reading, count, in: &rows)
    columns.fill(block.cells, in: &rows)
    for (key, values) in zip(values, block.values) {
      rows.fill(key, values.map { $0.isFinite ? $0 : .nan })
    }
  }

  /// - Parameter pool: what puts the columns together.
  func table(on pool: WorkerPool) -> Table { rows.table(measure: measure, on: pool) }
}
