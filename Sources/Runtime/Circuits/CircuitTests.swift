import Lang
import Model

/// What Wang et al. (2022) ask of a circuit besides faithfulness.
struct CircuitTests {
  private let call: Invocation
  private let runs: CircuitRuns
  private let circuit: Circuit
  private let options: FaithfulnessOptions
  private let graph: EdgeGraph
  private let nodes: [Edge.Writer]

  init(
    _ call: Invocation, _ runs: CircuitRuns, _ circuit: Circuit, _ options: FaithfulnessOptions
  ) throws {
    (self.call, self.runs, self.circuit, self.options) = (call, runs, circuit, options)
    (graph, nodes) = (circuit.graph, circuit.nodes)
    guard !nodes.isEmpty else {
      throw Failure(
        "this circuit has no heads and no MLPs to take out", span: call.span(of: "circuit"))
    }
  }

  /// Sets of the circuit's components, each taken with probability ½; the empty one first.
  private func subsets(_ count: Int) -> [[Edge.Writer]] {
    var generator = SplitMix64(seed: options.bootstrap.seed)
    return [[]] + (0..<count).map { _ in nodes.filter { _ in generator.next() >> 63 == 1 } }
  }

  private func without(_ nodes: [Edge.Writer], _ circuit: Circuit) -> Circuit {
    circuit.removing(Set(nodes.map(graph.index)))
  }

  /// |F(C \ K) − F(M \ K)| for sets K: what the circuit lacks shows once other parts are gone.
  func completeness() throws -> Table {
    let sets = subsets(options.subsets ?? 10)
    let whole = Circuit(graph, isWhole: true)
    let found = try runs.measure(sets.flatMap { [without($0, circuit), without($0, whole)] })
    var rows = TableBuilder()
    let (number, size) = (rows.integers("set"), rows.integers("removed"))
    let (metric, removed) = (rows.texts("metric"), rows.texts("components"))
    let (kept, model, gap) = (rows.doubles("circuit"), rows.doubles("model"), rows.doubles("gap"))
    let (low, high) = (rows.doubles("low"), rows.doubles("high"))
    for (index, set) in sets.enumerated() {
      let (own, other) = (found.circuits[2 * index], found.circuits[2 * index + 1])
      rows.addRow()
      (rows[number], rows[size], rows[metric]) = (index, set.count, runs.metric.name)
      rows[removed] = set.map(\.description).joined(separator: ", ")
      (rows[kept], rows[model], rows[gap]) = (own.mean, other.mean, abs(own.mean - other.mean))
      let units = zip(own, other).map { Bootstrap.Unit(sum: $0 - $1, count: 1) }
      if let interval = try options.bootstrap.interval(of: units) {
        (rows[low], rows[high]) = (interval.low, interval.high)
      }
    }
    return rows.table(measure: "gap")
  }

  /// F(C \ K) − F(C \ (K ∪ v)) for every component v, of the set K at which it is largest.
  func minimality() throws -> Table {
    let sets = subsets(options.subsets ?? 0)
    let found = try runs.measure(
      sets.map { without($0, circuit) }
        + nodes.flatMap { node in sets.map { without($0 + [node], circuit) } })
    var rows = TableBuilder()
    let (component, layer, head) = (
      rows.texts("component"), rows.integers("layer"), rows.integers("head")
    )
    let (metric, size) = (rows.texts("metric"), rows.integers("removed"))
    let (kept, less, drop) = (
      rows.doubles("circuit"), rows.doubles("without"), rows.doubles("drop")
    )
    let (low, high) = (rows.doubles("low"), rows.doubles("high"))
    for (index, node) in nodes.enumerated() {
      let drops = sets.indices.map { set -> (set: Int, own: [Double], less: [Double]) in
        (set, found.circuits[set], found.circuits[sets.count * (index + 1) + set])
      }
      guard let best = drops.max(by: { Self.drop($0) < Self.drop($1) }) else { continue }
      rows.addRow()
      (rows[component], rows[layer], rows[head]) = (node.description, node.layer, node.head)
      (rows[metric], rows[size]) = (runs.metric.name, sets[best.set].count)
      (rows[kept], rows[less]) = (best.own.mean, best.less.mean)
      rows[drop] = best.own.mean - best.less.mean
      let units = zip(best.own, best.less).map { Bootstrap.Unit(sum: $0 - $1, count: 1) }
      if let interval = try options.bootstrap.interval(of: units) {
        (rows[low], rows[high]) = (interval.low, interval.high)
      }
    }
    return rows.table(measure: "drop")
  }

  private static func drop(_ found: (set: Int, own: [Double], less: [Double])) -> Double {
    abs(found.own.mean - found.less.mean)
  }
}
