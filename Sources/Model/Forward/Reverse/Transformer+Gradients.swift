extension Transformer {
  /// Derivatives of numbers that are made of logits, each by the activations of its own run: one pass
  /// forwards and one backwards for all that a run was asked for, none backwards for a number alone. Prompts
  /// go in batches that fit the budget.
  ///
  /// What layers computed is kept for the way back where there is room, else computed again. None of this
  /// moves a bit of any result.
  ///
  /// - Parameters:
  ///   - memory: bytes that activations and results on their way may take.
  ///   - progress: told how many of all the rows, counted once a layer and direction, are done.
  /// - Throws: `ModelError` for tokens, places or edits that cannot be, or a run that the budget cannot
  ///   hold; `Interruption.Stopped`.
  public func gradients(
    of requests: [GradientRequest], memory: Int = .max,
    progress: ((_ done: Int, _ of: Int) -> Void)? = nil
  ) throws -> GradientResults {
    GradientResults(
      self, requests, batches: try batches(of: requests, memory: memory), memory: memory,
      progress: progress)
  }

  /// Plans what `gradients` would do, with the same code, and computes none of it. Rows count once for
  /// each way through a layer.
  ///
  /// - Throws: as `gradients` does.
  public func planGradients(
    of requests: [GradientRequest], memory: Int = .max, speed: Speed
  ) throws -> RunPlan {
    var plan = RunPlan()
    plan.runs = requests.count
    let sizes = ReverseSizes(requests)
    for gradients in try batches(of: requests, memory: memory) {
      let batch = gradients.batch
      let rows = batch.rows.count
      let keeps = canKeepLayers(of: batch, sizes, memory: memory)
      plan.batches += 1
      plan.rowLayers += gradients.ways * rows * layers.count
      plan.bytes = max(plan.bytes, bytes(of: batch, sizes, keepsLayers: keeps))
      // The products once forwards and once backwards, and forwards again where nothing was kept.
      let passes = gradients.isForwardOnly ? 1.0 : keeps ? 2.0 : 3.0
      // Backwards attention has five products to the two of its way forwards.
      let readings = gradients.isForwardOnly ? 1.0 : passes + 1.5
      for layer in layers.indices {
        let products = layers[layer].keyValueFlopsPerRow + layers[layer].furtherFlopsPerRow
        let attention = attentionFlops(
          sources: batch.sources(in: layer, window: configuration.attention[layer].window))
        plan.flops += passes * Double(rows) * products + readings * attention
        plan.seconds += passes * speed.seconds(flops: products, rows: rows)
        plan.seconds += readings * attention * speed.attention
      }
      let read = gradients.indices.reduce(0) { sum, index in
        sum + Set(requests[index].terms.map(\.position)).count
      }
      let flops = 2 * Double(unembedding.rows * unembedding.columns)
      plan.flops += 2 * Double(read) * flops
      plan.seconds += 2 * speed.seconds(flops: flops, rows: read)
    }
    plan.rowLayersUnshared = plan.rowLayers
    return plan
  }

  /// First those whose number alone is asked: they need no way back.
  private func batches(of requests: [GradientRequest], memory: Int) throws -> [GradientBatch] {
    for (index, request) in requests.enumerated() {
      try request.check(in: configuration, after: index > 0 ? requests[index - 1] : nil)
    }
    let sizes = ReverseSizes(requests)
    let planner = RunPlanner(
      self, memory: memory, apart: true, bytesPerRow: bytesPerReversedRow(sizes),
      copies: sizes.copies)
    return try [true, false].flatMap { isForwardOnly in
      let chosen = requests.indices.filter { requests[$0].isForwardOnly == isForwardOnly }
      return try planner.batches(chosen.map { requests[$0].run }).map { batch in
        GradientBatch(
          batch: batch, indices: batch.members.map { chosen[$0.index] },
          isForwardOnly: isForwardOnly)
      }
    }
  }

  /// For one row: what a pass forwards takes, the slopes, and what enters each layer.
  private func bytesPerReversedRow(_ sizes: ReverseSizes) -> Int {
    bytesPerSharedRow + bytesPerKeptRow + Slopes.bytesPerRow(self)
      + layers.count * configuration.width * MemoryLayout<Float>.size
      + (sizes.scoresEdges ? EdgeRoom.bytesPerRow(self) : 0)
  }

  /// Whether all layers' activations fit.
  fileprivate func canKeepLayers(of batch: Batch, _ sizes: ReverseSizes, memory: Int) -> Bool {
    let rows = batch.rows.count
    let more = rows.multipliedReportingOverflow(by: bytesPerKeptRow * layers.count)
    let all = bytes(of: batch, sizes, keepsLayers: false)
    return !more.overflow && more.partialValue <= memory - min(memory, all)
  }

  private func bytes(of batch: Batch, _ sizes: ReverseSizes, keepsLayers: Bool) -> Int {
    let rows = batch.rows.count
    return rows * bytesPerReversedRow(sizes)
      + (keepsLayers ? rows * bytesPerKeptRow * layers.count : 0)
      + batch.members.reduce(0) {
        $0 + sizes.copies * $1.request.needs(in: configuration).bytes
      }
  }
}

/// Requests that are computed together.
private struct GradientBatch {
  var batch: Batch
  /// Of its members, among all requests.
  var indices: [Int]
  var isForwardOnly: Bool

  /// Through each layer.
  var ways: Int { isForwardOnly ? 1 : 2 }
}

/// What requests take besides the rows of their runs.
private struct ReverseSizes {
  /// How many numbers are kept for each that is wanted.
  let copies: Int
  let scoresEdges: Bool

  init(_ requests: [GradientRequest]) {
    copies = requests.contains(where: \.keepsActivations) ? 2 : 1
    scoresEdges = requests.contains(where: \.asksForEdges)
  }
}

/// The derivatives that requests asked for, in their order. A batch is computed when the first of its
/// results is asked for; those of numbers alone, which are small, before all others.
public struct GradientResults {
  private let model: Transformer
  private let requests: [GradientRequest]
  private let sizes: ReverseSizes
  private let memory: Int
  private var batches: ArraySlice<GradientBatch>
  /// Those that wait for their turn.
  private var found: [Int: GradientResult] = [:]
  private var turn = 0
  private let progress: ((_ done: Int, _ of: Int) -> Void)?
  private let total: Int
  private let meter = FloatBuffer.Meter()
  /// Of the batch before.
  private var room: ReverseRoom?
  /// What was computed so far: rows count once for each way through a layer.
  public private(set) var record: RunRecord

  fileprivate init(
    _ model: Transformer, _ requests: [GradientRequest], batches: [GradientBatch], memory: Int,
    progress: ((_ done: Int, _ of: Int) -> Void)?
  ) {
    self.model = model
    self.requests = requests
    sizes = ReverseSizes(requests)
    self.memory = memory
    self.batches = batches[...]
    self.progress = progress
    total = model.layers.count * batches.reduce(0) { $0 + $1.ways * $1.batch.rows.count }
    record = RunRecord(runs: requests.count, batches: batches.count)
  }

  /// The next request and its derivatives; nil after the last.
  ///
  /// - Throws: `Interruption.Stopped`, and `ModelError` where weights cannot be read.
  public mutating func next() throws -> (index: Int, result: GradientResult)? {
    while found[turn] == nil, let batch = batches.popFirst() { try compute(batch) }
    guard let result = found.removeValue(forKey: turn) else { return nil }
    defer { turn += 1 }
    return (turn, result)
  }

  private mutating func compute(_ gradients: GradientBatch) throws {
    let (batch, indices) = (gradients.batch, gradients.indices)
    var (done, total, progress) = (record.rowLayers, total, progress)
    let keeps = model.canKeepLayers(of: batch, sizes, memory: memory)
    let rows = batch.rows.count
    if !(room?.serves(rows, keepsLayers: keeps) ?? false) {
      // It goes before the next is made.
      room = nil
      room = FloatBuffer.$meter.withValue(meter) {
        ReverseRoom(model, rows: rows, keepsLayers: keeps, scoresEdges: sizes.scoresEdges)
      }
    }
    guard let room else { return }
    let results = try FloatBuffer.$meter.withValue(meter) {
      var run = try ReverseRun(
        model, batch: batch, requests: indices.map { requests[$0] }, room: room)
      return try run.run(isForwardOnly: gradients.isForwardOnly) { rows in
        done += rows
        progress?(done, total)
      }
    }
    record.rowLayers = done
    let bytes = indices.reduce(0) { $0 + requests[$1].resultBytes(in: model.configuration) }
    record.bytes = max(record.bytes, meter.most + bytes)
    for (index, result) in zip(indices, results) { found[index] = result }
  }
}
