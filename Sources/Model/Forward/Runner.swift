extension Transformer {
  /// Runs prompts, each with its edits, and hands over what each asked for.
  ///
  /// Runs that vary another share with it whatever their further edits cannot change. Rows go
  /// through the model in chunks that fit the budget. None of this moves a bit of any result.
  ///
  /// - Parameters:
  ///   - memory: bytes that activations and results on their way may take.
  ///   - progress: told how many of all the rows, counted once a layer, are done. The whole shrinks
  ///     where runs turn out to be what the run that they vary is.
  ///   - consume: called once for each request, in no particular order.
  /// - Returns: what was computed.
  /// - Throws: `ModelError` for tokens, places or edits that cannot be, or a run that the budget
  ///   cannot hold; `Interruption.Stopped`.
  @discardableResult
  public func run(
    _ requests: [RunRequest], memory: Int = .max,
    progress: ((_ done: Int, _ of: Int) -> Void)? = nil,
    consume: (_ index: Int, _ result: RunResult) throws -> Void
  ) throws -> RunRecord {
    try checkMemory()
    let batches = try RunPlanner(self, memory: memory).batches(requests)
    var total = batches.reduce(0) { $0 + $1.schedule.rowLayers }
    var record = RunRecord(runs: requests.count, batches: batches.count)
    FloatBuffer.forgetMost()
    for batch in batches {
      var executor = Executor(self, batch: batch)
      var resultBytes = 0
      try executor.run(
        advanced: { rows, spared in
          record.rowLayers += rows
          total -= spared
          progress?(record.rowLayers, total)
        },
        consume: { index, result in
          resultBytes += result.byteCount
          if index >= 0 { try consume(index, result) }
        })
      record.bytes = max(record.bytes, FloatBuffer.most + resultBytes)
    }
    return record
  }

  /// Weights are read into memory as runs need them, where nothing can fail any more.
  private func checkMemory() throws {
    let unread = unreadWeightBytes
    guard unread > 1 << 20, unread > Memory.freePages else { return }
    throw ModelError(
      .request,
      "the model's weights need \(unread >> 20) MiB of memory, and \(Memory.freePages >> 20) MiB are "
        + "free", help: "a model that is quantized to fewer bits is smaller")
  }

  /// The results in the order of the requests.
  public func run(_ requests: [RunRequest]) throws -> [RunResult] {
    var results = [RunResult](repeating: RunResult(), count: requests.count)
    try run(requests) { results[$0] = $1 }
    return results
  }
}

/// What runs did cost: to be held against their `RunPlan`.
public struct RunRecord: Sendable {
  public var runs = 0
  /// Rows times the layers that each went through.
  public var rowLayers = 0
  public var batches = 0
  /// The most that activations and results on their way took at a time.
  public var bytes = 0

  public init(runs: Int = 0, batches: Int = 0) {
    self.runs = runs
    self.batches = batches
  }

  /// One after the other.
  public static func + (a: RunRecord, b: RunRecord) -> RunRecord {
    var sum = a
    sum.runs += b.runs
    sum.rowLayers += b.rowLayers
    sum.batches += b.batches
    sum.bytes = max(a.bytes, b.bytes)
    return sum
  }
}

extension RunResult {
  /// What its numbers take.
  fileprivate var byteCount: Int {
    let kept = activations.values.reduce(0) { $0 + $1.rows.reduce(0) { $0 + $1.count } }
    return (kept + logits.reduce(0) { $0 + $1.count }) * MemoryLayout<Float>.size
  }
}
