/// An attribution graph to which features are added by their influence.
struct GrowingGraph {
  /// How many features are added before influences are found again: a graph must not depend on memory.
  static let atOnce = 32

  private let writers: GraphWriters
  private let logits: [GraphLogit]
  private var ofLogits: [GraphRow] = []
  /// By column.
  private(set) var features: [Int: GraphRow] = [:]

  var rowCount: Int { ofLogits.count + features.count }

  init(_ writers: GraphWriters, _ logits: [GraphLogit]) {
    (self.writers, self.logits) = (writers, logits)
  }

  mutating func add(_ rows: [GraphRow]) { ofLogits = rows }

  mutating func add(_ rows: [GraphRow], of columns: [Int]) {
    for (column, row) in zip(columns, rows) { features[column] = row }
  }

  /// Of each column, Σ p · (A + A² + …): all effects lead from later layers to earlier ones.
  private func influences() -> [Double] {
    var influences = [Double](repeating: 0, count: writers.nodes.count)
    func pass(_ influence: Double, _ row: GraphRow) {
      let sum = row.weights.reduce(0.0) { $0 + Double(abs($1)) }
      guard sum > 0, influence > 0 else { return }
      for (column, weight) in row.weights.enumerated() where weight != 0 {
        influences[column] += influence * Double(abs(weight)) / sum
      }
    }
    for (logit, row) in zip(logits, ofLogits) { pass(logit.probability, row) }
    // Columns go up with the layer, and no feature reads one of its own layer.
    for (column, row) in features.sorted(by: { $0.key > $1.key }) {
      pass(influences[column], row)
    }
    return influences
  }

  /// The features with the most influence that are not in the graph yet; of equal ones the first.
  func next(_ count: Int) -> [(column: Int, feature: GraphWriters.Feature)] {
    let influences = influences()
    return writers.features.filter { features[$0.key] == nil && influences[$0.key] > 0 }
      .sorted { (-influences[$0.key], $0.key) < (-influences[$1.key], $1.key) }
      .prefix(count).map { ($0.key, $0.value) }
  }

  func finished() -> AttributionGraph {
    let influences = influences()
    let columns = writers.nodes.indices.filter {
      writers.features[$0] == nil || features[$0] != nil
    }
    let others = writers.features.keys.filter { features[$0] == nil }.sorted()
    var sources = columns.map {
      AttributionGraph.Source(
        node: writers.nodes[$0], activation: writers.features[$0]?.activation,
        influence: influences[$0])
    }
    sources.append(AttributionGraph.Source(node: .bias))
    sources.append(
      AttributionGraph.Source(
        node: .rest, influence: others.reduce(0) { $0 + influences[$1] }))
    func weights(_ row: GraphRow) -> [Double] {
      columns.map { Double(row.weights[$0]) } + [
        row.bias, others.reduce(0.0) { $0 + Double(row.weights[$1]) },
      ]
    }
    var targets = zip(logits, ofLogits).map { logit, row in
      AttributionGraph.Target(
        node: .logit(token: logit.token, position: logit.position), value: logit.value,
        probability: logit.probability, weights: weights(row))
    }
    for (column, row) in features.sorted(by: { $0.key < $1.key }) {
      targets.append(
        AttributionGraph.Target(
          node: writers.nodes[column], value: Double(writers.features[column]?.activation ?? .nan),
          weights: weights(row)))
    }
    return AttributionGraph(
      sources: sources, targets: targets, activeFeatures: writers.features.count)
  }
}
