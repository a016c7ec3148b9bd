import Lang
import Model

extension Command {
  static let composition = Command(
    name: "composition", group: .weights,
    summary: "Score how much of what earlier heads write later ones read.",
    details: """
      ‖A B‖ / (‖A‖ ‖B‖) of Frobenius norms (Elhage et al. 2021): A is the earlier head's OV; B is the later \
      head's QK for q, its transpose for k, and its OV for v. `baseline` is the mean of the same over pairs of \
      heads of random numbers, and `excess` what is above it. The gains of the norms are part of the weights.
      """,
    input: .none,
    parameters: [
      .positional("heads", .selector, list: true, "an earlier head and a later one: L4H2 -> L9H*"),
      .keyword("samples", .number, "pairs of random heads for the baseline; default: 16"),
      .keyword("seed", .number, "the seed of their numbers; default: 0"),
    ],
    examples: ["composition L2H* -> L3H1 | top 3"]
  ) { call in
    let (samples, seed) = (try call.integer("samples") ?? 16, try call.seed())
    let (earlier, later) = try pair(call)
    guard (1...1000).contains(samples) else {
      throw Failure("`samples` is from 1 to 1,000, not \(samples)", span: call.span(of: "samples"))
    }
    guard let first = earlier.heads.first, !later.after(layer: first.layer).heads.isEmpty else {
      throw Failure(
        "none of these heads comes before the other", help: "composition EARLIER -> LATER",
        span: call.span(of: "heads"))
    }
    try call.reserve(rows: earlier.heads.count, later.heads.count, 3, bytes: 2 * 8 * 16)
    let (d, width) = (
      earlier.model.configuration.width, earlier.model.configuration.headWidth
    )
    let baseline = try call.statement.runner.compute {
      try randomComposition(width: width, model: d, samples: samples, seed: seed)
    }
    var rows = CompositionRows(baseline: baseline)
    try earlier.eachPair(with: later, call.statement.runner) { rows.add($0, $1, $2) }
    return .table(TableValue(rows.table.table(measure: "excess"), origins: [earlier.origin]))
  }

  private static func pair(_ call: Invocation) throws -> (HeadSelection, HeadSelection) {
    let model = try placing(at: call.span) { try call.session.requireModel() }
    let given = call.expressions("heads")
    guard let expression = given.first, given.count == 1, case .path(let nodes) = expression.kind,
      nodes.count == 2
    else {
      throw Failure(
        "`composition` takes an earlier and a later head", help: "composition L4H2 -> L9H*",
        span: call.span(of: "heads"))
    }
    func heads(_ node: Lang.Expression) throws -> HeadSelection {
      try HeadSelection(of: model, call.session.selectors(node).map { ($0, node.span) })
    }
    return (try heads(nodes[0]), try heads(nodes[1]))
  }

  /// The mean over pairs of heads of independent normal numbers.
  private static func randomComposition(width: Int, model: Int, samples: Int, seed: Int) throws -> (
    q: Double, k: Double, v: Double
  ) {
    var sums = (q: 0.0, k: 0.0, v: 0.0)
    for sample in 0..<samples {
      try Interruption.check()
      var numbers = NormalNumbers(SplitMix64(seed: seed, stream: sample))
      let (a, b) = (
        try ComposedHead(HeadWeights(heads: width, model: model) { numbers.next() }),
        try ComposedHead(HeadWeights(heads: width, model: model) { numbers.next() })
      )
      let found = a.composition(with: b)
      sums = (sums.q + found.q, sums.k + found.k, sums.v + found.v)
    }
    let count = Double(samples)
    return (sums.q / count, sums.k / count, sums.v / count)
  }
}

extension HeadSelection {
  /// The composition of every pair whose second head is in a later layer, in the order of these heads and the
  /// others; nil where nothing is computed.
  fileprivate func eachPair(
    with later: HeadSelection, _ runner: some Runner,
    _ body: (Head, Head, (q: Double, k: Double, v: Double)?) throws -> Void
  ) throws {
    try eachLayer { writers in
      let readers = later.after(layer: writers[0].head.layer)
      var found = writers.map { _ in [(q: Double, k: Double, v: Double)]() }
      _ = try runner.compute {
        let composed = try writers.map { try ComposedHead($0.weights) }
        try readers.eachHead { _, weights in
          let reader = try ComposedHead(weights)
          for index in composed.indices {
            found[index].append(composed[index].composition(with: reader))
          }
        }
      }
      for (writer, found) in zip(writers, found) {
        for (place, reader) in readers.heads.enumerated() {
          try body(writer.head, reader, found.isEmpty ? nil : found[place])
        }
      }
    }
  }
}

/// The rows of `composition`: three for each pair of heads.
private struct CompositionRows {
  var table = TableBuilder()
  private let baseline: (q: Double, k: Double, v: Double)?
  private let (writer, reader, by): (Text, Text, Text)
  private let (score, expected, excess): (Number, Number, Number)

  private typealias Text = TableBuilder.Key<String>
  private typealias Number = TableBuilder.Key<Double>

  init(baseline: (q: Double, k: Double, v: Double)?) {
    self.baseline = baseline
    (writer, reader) = (table.texts("writer"), table.texts("reader"))
    by = table.texts("by")
    (score, expected) = (table.doubles("score"), table.doubles("baseline"))
    excess = table.doubles("excess")
  }

  mutating func add(
    _ a: HeadSelection.Head, _ b: HeadSelection.Head, _ found: (q: Double, k: Double, v: Double)?
  ) {
    let rows = [
      ("q", found?.q, baseline?.q), ("k", found?.k, baseline?.k), ("v", found?.v, baseline?.v),
    ]
    for (name, value, random) in rows {
      table.addRow()
      (table[writer], table[reader], table[by]) = (a.label, b.label, name)
      (table[score], table[expected]) = (value, random)
      if let value, let random { table[excess] = value - random }
    }
  }
}
