import Lang
import Model

/// Runs prompts with circuits kept, and with all of the model: what a metric comes to each time.
struct CircuitRuns {
  private let call: Invocation
  /// The prompts, with an edit outside of a circuit as their last.
  let set: PromptSet
  let metric: ChosenMetric

  /// - Parameter set: without that edit.
  /// - Throws: `Failure` for prompts that cannot be measured so.
  init(_ call: Invocation, _ set: PromptSet) throws {
    self.call = call
    let prompts = try placing(at: call.span) { try set.withoutSweep(for: call.command.name) }
    let given = try call.metric("of", Metric.self) { ChosenMetric($0) }
    metric = given ?? ChosenMetric.usual(for: prompts)
    switch metric.question {
    case .following:
      throw Failure(
        "a circuit is measured at the last position, and `loss` is of a whole text",
        help: "take logprob, or a metric of your own", span: call.span(of: "of"))
    case .answer: try placing(at: call.span) { try prompts.requireAnswers(for: call.command.name) }
    case .everything: break
    }
    guard prompts.shard == nil else {
      throw call.failure(
        "a ratio of means cannot be put together from shards", help: "omit `shard`")
    }
    self.set = try call.keeping(
      Circuit(EdgeGraph(set.model.configuration)), in: prompts)
  }

  /// What the metric comes to for each prompt.
  struct Found {
    var full: [Double] = []
    /// Of each circuit.
    var circuits: [[Double]]
  }

  /// - Returns: of the prompts in their order.
  func measure(_ circuits: [Circuit]) throws -> Found {
    var found = Found(circuits: circuits.map { _ in [] })
    // Made once: the runs of all prompts share them.
    let outsides = try circuits.mapChecked(\.outside)
    let promptsAtOnce = promptsAtOnce(circuits.count)
    var left = Array(set.prompts.indices)[...]
    while !left.isEmpty {
      let chunk = Array(left.prefix(promptsAtOnce))
      left = left.dropFirst(chunk.count)
      var part = set
      part.keep(chunk)
      try measure(outsides, on: part, into: &found)
    }
    return found
  }

  /// How many prompts may have in memory what all their writers give at all positions, and the edits of each
  /// circuit.
  private func promptsAtOnce(_ circuits: Int) -> Int {
    let configuration = set.model.configuration
    let graph = EdgeGraph(configuration)
    let longest = set.prompts.map(\.tokens.count).max() ?? 1
    let given = (graph.writerCount * configuration.width)
      .multipliedReportingOverflow(by: 4 * longest)
    let edits = (graph.readerCount * MemoryLayout<Edit>.stride)
      .multipliedReportingOverflow(by: circuits)
    let bytes = given.partialValue.addingReportingOverflow(edits.partialValue)
    guard !given.overflow, !edits.overflow, !bytes.overflow else { return 1 }
    return max(1, call.session.memory / 8 / max(1, bytes.partialValue))
  }

  private func measure(_ circuits: [Circuit.Outside], on part: PromptSet, into found: inout Found)
    throws
  {
    let readings = Readings(lastOf: part)
    let measured = try placing(at: call.has("of") ? call.span(of: "of") : call.span) {
      try MeasuredMetrics(part, readings) { _ in [metric] }
    }
    let session = call.session
    let whole = measured.completed.set
    var binder = EditBinder(whole, in: session)
    var (cases, numbers): ([Case], [Int]) = ([], [])
    for (index, prompt) in whole.prompts.enumerated() {
      let acting = try ActingEdits(whole, onPrompt: index)
      let others = try whole.edits.dropLast().map { try binder.edits($0, at: index) }
      for (number, circuit) in circuits.enumerated() {
        try Interruption.check()
        let edits =
          others + [
            try binder.edits(whole.edits[whole.edits.count - 1], outside: circuit, at: index)
          ]
        cases.append(
          Case(
            prompt: prompt, index: index, edits: edits.flatMap(\.self),
            acting: acting.of(edits).flatMap(\.self), baseEdits: others.flatMap(\.self)))
        numbers.append(number)
      }
    }
    var gatherer = measured.gatherer
    var place = 0
    var results = try session.results(
      of: cases, on: part.model, label: call.command.name, withBases: true
    ) { measured.measurement(of: $0) }
    while let (item, parts) = try results.next() {
      defer { if !item.isBase { place += 1 } }
      guard let runs = gatherer.add(item, parts) else { continue }
      for read in measured.found(item, runs) {
        let value = read.metrics.values(read.parts)[0]
        if item.isBase {
          found.full.append(value)
        } else {
          found.circuits[numbers[place]].append(value)
        }
      }
    }
  }
}

extension [Double] {
  var mean: Double { reduce(0, +) / Double(count) }
}

/// How much of what the whole model does more than an empty circuit a circuit does: a ratio of means over
/// prompts.
struct Faithfulness {
  let full, empty: [Double]

  /// (m(C) − m(∅)) / (m(M) − m(∅)); NaN where there is nothing to do.
  func value(of circuit: [Double]) -> Double {
    (circuit.mean - empty.mean) / (full.mean - empty.mean) + 0
  }

  /// Its interval, over prompts drawn with replacement; nil for a single one.
  func interval(of circuit: [Double], _ bootstrap: Bootstrap) throws -> (low: Double, high: Double)?
  {
    try bootstrap.interval(
      of: circuit.indices.map { i in
        Bootstrap.Unit(sum: circuit[i] - empty[i], count: full[i] - empty[i])
      })
  }
}
