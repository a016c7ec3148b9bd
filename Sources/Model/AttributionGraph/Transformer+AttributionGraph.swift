extension Transformer {
  /// The attribution graph of a run.
  ///
  /// Features come into it some at a time, by their influence on the logits in the graph so far.
  ///
  /// - Parameters:
  ///   - run: of the request's tokens, without edits, that kept the request's captures and its logits before
  ///     any soft cap.
  ///   - memory: bytes that it may take.
  ///   - progress: told how many of all targets are done.
  /// - Throws: `ModelError` for a run with numbers that are none, and a budget that cannot hold the graph;
  ///   `Interruption.Stopped`.
  public func attributionGraph(
    _ request: AttributionGraphRequest, of run: RunResult, memory: Int = .max,
    progress: ((_ done: Int, _ of: Int) -> Void)? = nil
  ) throws -> AttributionGraph {
    let logits = try graphLogits(request, run)
    let held = HeldRun(self, request, run)
    let writers = try GraphWriters(held, request, logits: logits.count, memory: memory)
    let reverse = HeldReverse(held, writers)
    var graph = GrowingGraph(writers, logits)
    let most = min(request.mostFeatures, writers.features.count)
    func rows(of seeds: [GraphSeed]) throws -> [GraphRow] {
      var found: [GraphRow] = []
      for start in stride(from: 0, to: seeds.count, by: reverse.atOnce) {
        let some = seeds[start..<min(seeds.count, start + reverse.atOnce)]
        found += try reverse.rows(of: Array(some))
        progress?(graph.rowCount + found.count, most + logits.count)
      }
      return found
    }
    graph.add(try rows(of: logits.map { try held.seed(logit: $0.token) }))
    while graph.features.count < most {
      let next = graph.next(min(GrowingGraph.atOnce, most - graph.features.count))
      if next.isEmpty { break }
      graph.add(try rows(of: next.map { try held.seed($0.feature) }), of: next.map(\.column))
    }
    return graph.finished()
  }

  /// Plans what `attributionGraph` does besides the run: transcoders encode its rows, and targets go backwards. There are
  /// as many targets as can be; what each active feature gives to them is not counted, since only a run tells how many
  /// there are.
  public func planAttributionGraph(_ request: AttributionGraphRequest, speed: Speed) -> RunPlan {
    let tokens = request.tokens.count
    let features = request.transcoders.values.reduce(0) { $0 + $1.dictionary.features }
    let targets = request.mostLogits + min(request.mostFeatures, features * tokens)
    let atOnce = min(targets, HeldReverse.atOnce(tokens: tokens))
    var plan = RunPlan()
    plan.batches = (targets + atOnce - 1) / atOnce
    plan.rowLayers = targets * tokens * layers.count
    plan.rowLayersUnshared = plan.rowLayers
    plan.bytes = atOnce * tokens * HeldReverse.floatsPerRow(of: self) * MemoryLayout<Float>.size
    for (number, layer) in layers.enumerated() {
      let dictionary = request.transcoders[number]?.dictionary
      let skip = dictionary?.skip.map { 2 * Double($0.rows * $0.columns) } ?? 0
      let products = layer.o.flopsPerRow + layer.v.flopsPerRow + skip
      // Of the two products of attention the one with the values.
      let patterns = Double(targets) * attentionFlops(sources: tokens * (tokens + 1) / 2) / 2
      plan.flops += Double(targets * tokens) * products + patterns
      plan.seconds += Double(plan.batches) * speed.seconds(flops: products, rows: atOnce * tokens)
      plan.seconds += patterns * speed.attention
      guard let dictionary else { continue }
      let encoding = dictionary.encodingFlops(of: dictionary.features)
      plan.flops += Double(tokens) * encoding
      plan.seconds += speed.seconds(flops: encoding, rows: tokens)
    }
    return plan
  }

  /// The likeliest tokens at the last position, until they have 95 % of the probability.
  private func graphLogits(_ request: AttributionGraphRequest, _ run: RunResult) throws
    -> [GraphLogit]
  {
    guard let logits = run.logits.first, logits.isFinite else {
      throw ModelError(
        .request, "the logits have numbers that are infinite or NaN",
        help: "see where the run first has such numbers")
    }
    var capped = logits
    if let cap = configuration.logitCap {
      capped.withUnsafeMutableBufferPointer { logits in
        if let base = logits.baseAddress {
          Kernels.current.softCap(base, count: logits.count, cap: cap)
        }
      }
    }
    let distribution = Distribution(capped)
    let mean = logits.reduce(0.0) { $0 + Double($1) } / Double(logits.count)
    var (found, sum): ([GraphLogit], Double) = ([], 0)
    for token in distribution.largest(min(request.mostLogits, logits.count)) where sum < 0.95 {
      let probability = distribution.probability(token)
      sum += probability
      found.append(
        GraphLogit(
          token: token, position: request.tokens.count - 1, value: Double(logits[token]) - mean,
          probability: probability))
    }
    return found
  }
}

/// A logit as a target.
struct GraphLogit {
  var token, position: Int
  /// Less the mean over the vocabulary.
  var value: Double
  var probability: Double
}
