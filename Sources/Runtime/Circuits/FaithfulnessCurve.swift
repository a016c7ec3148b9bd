import Lang
import Model

/// Circuits of growing size, or one, next to random ones.
struct FaithfulnessCurve {
  private struct Point {
    /// The share of all edges that was asked for; nil for a circuit that is given.
    var size: Double?
    var circuit: Circuit
    var random: [Circuit] = []
  }

  private let call: Invocation
  private let runs: CircuitRuns
  private let bootstrap: Bootstrap
  private var points: [Point]

  init(
    _ call: Invocation, _ runs: CircuitRuns, _ scores: CircuitScores, _ options: FaithfulnessOptions
  ) throws {
    (self.call, self.runs, bootstrap) = (call, runs, options.bootstrap)
    let usual = options.sizes == nil
    points = []
    for size in options.sizes ?? FaithfulnessOptions.usualSizes {
      // MIB: int(share · edges), before pruning.
      let count = Int(size * Double(scores.graph.count))
      guard count > 0 else {
        if usual { continue }
        throw Failure(
          "this model has \(thousands(scores.graph.count)) edges: less than one is nothing",
          help: "take a larger share", span: call.span(of: "sizes"))
      }
      let circuit = try placing(at: call.span(of: "circuit")) {
        try CircuitChooser(scores, options.selection, .count(count), isOfNodes: false)
      }.circuit(call.session).circuit
      points.append(Point(size: size, circuit: circuit))
    }
    try addRandom(options.random)
  }

  init(
    _ call: Invocation, _ runs: CircuitRuns, _ circuit: Circuit, _ options: FaithfulnessOptions
  ) throws {
    (self.call, self.runs, bootstrap) = (call, runs, options.bootstrap)
    points = [Point(size: nil, circuit: circuit)]
    try addRandom(options.random)
  }

  private mutating func addRandom(_ count: Int) throws {
    for index in points.indices {
      var generator = SplitMix64(seed: bootstrap.seed, stream: index + 1)
      let circuit = points[index].circuit
      points[index].random = try (0..<count).map { _ in
        try Interruption.check()
        return Circuit.random(circuit.count, of: circuit.graph, using: &generator)
      }
    }
  }

  func table() throws -> Table {
    let graph = EdgeGraph(runs.set.model.configuration)
    let circuits = [Circuit(graph)] + points.flatMap { [$0.circuit] + $0.random }
    let found = try runs.measure(circuits)
    let measure = Faithfulness(full: found.full, empty: found.circuits[0])
    let hasSizes = points.contains { $0.size != nil }
    let hasRandom = points.contains { !$0.random.isEmpty }
    var rows = TableBuilder()
    let size = hasSizes ? rows.doubles("size") : nil
    let (edges, nodes) = (rows.integers("edges"), rows.integers("nodes"))
    let metric = rows.texts("metric")
    let (full, empty, kept) = (rows.doubles("full"), rows.doubles("empty"), rows.doubles("circuit"))
    let value = rows.doubles("faithfulness")
    let (low, high) = (rows.doubles("low"), rows.doubles("high"))
    let random = hasRandom ? rows.doubles("random") : nil
    let cpr = hasSizes ? rows.doubles("cpr") : nil
    let cmd = hasSizes ? rows.doubles("cmd") : nil
    var area = MIBArea()
    var place = 1
    for point in points {
      try Interruption.check()
      let own = found.circuits[place]
      let others = found.circuits[(place + 1)..<(place + 1 + point.random.count)]
      place += 1 + point.random.count
      rows.addRow()
      rows[size] = point.size
      (rows[edges], rows[nodes]) = (point.circuit.count, point.circuit.nodes.count)
      rows[metric] = runs.metric.name
      (rows[full], rows[empty], rows[kept]) = (measure.full.mean, measure.empty.mean, own.mean)
      let faithfulness = measure.value(of: own)
      rows[value] = finite(faithfulness)
      if let interval = try measure.interval(of: own, bootstrap) {
        (rows[low], rows[high]) = (finite(interval.low), finite(interval.high))
      }
      if !others.isEmpty { rows[random] = finite(others.map(measure.value(of:)).mean) }
      if let share = point.size { area.add(faithfulness, at: share) }
      (rows[cpr], rows[cmd]) = (finite(area.cpr), finite(area.cmd))
    }
    report(measure, area, hasSizes)
    return rows.table(measure: "faithfulness")
  }

  private func finite(_ x: Double) -> Double? { x.isFinite ? x : nil }

  private func report(_ measure: Faithfulness, _ area: MIBArea, _ hasSizes: Bool) {
    guard call.statement.runner.isHeard else { return }
    if measure.full.mean == measure.empty.mean {
      call.warn(
        "an empty circuit has the same \(runs.metric.name) as the model: there is nothing to be faithful to",
        help: "take donors that differ, or another metric")
    }
    guard hasSizes, points.count > 1, area.cpr.isFinite, area.cmd.isFinite else { return }
    call.session.note(
      "faithfulness: CPR \(SumCheck.fixed(area.cpr)), CMD \(SumCheck.fixed(area.cmd)) over shares "
        + "of \(Self.percent(points[0].size ?? 0)) to \(Self.percent(points.last?.size ?? 0)); MIB takes "
        + "CPR of signed scores and CMD of absolute ones")
  }

  private static func percent(_ share: Double) -> String {
    shortNumbers([100 * share])[0] + "%"
  }
}

/// MIB's areas: under the curve of faithfulness over the share of edges, and between it and 1.
struct MIBArea {
  private var last: (share: Double, value: Double)?
  private(set) var cpr = 0.0
  private(set) var cmd = 0.0

  /// Trapezoids; shares come in ascending order.
  mutating func add(_ value: Double, at share: Double) {
    if let last {
      cpr += (share - last.share) * (last.value + value) / 2
      cmd += (share - last.share) * (abs(1 - last.value) + abs(1 - value)) / 2
    }
    last = (share, value)
  }
}
