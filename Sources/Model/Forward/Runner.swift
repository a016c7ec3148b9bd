extension Transformer {
  /// Runs prompts, each with its edits; what each asked for is handed over as it is pulled.
  ///
  /// Runs that vary another share with it whatever their further edits cannot change, and prompts that
  /// begin alike share their beginning. Rows go through the model in chunks that fit the budget. None of
  /// this moves a bit of any result.
  ///
  /// - Parameters:
  ///   - memory: bytes that activations and results on their way may take.
  ///   - progress: told how many of all the rows, counted once a layer, are done. The whole shrinks
  ///     where runs turn out to be what the run that they vary is.
  /// - Throws: `ModelError` for tokens, places or edits that cannot be, or a run that the budget
  ///   cannot hold; `Interruption.Stopped`.
  public func results(
    of requests: [RunRequest], memory: Int = .max,
    progress: ((_ done: Int, _ of: Int) -> Void)? = nil
  ) throws -> RunResults {
    try checkMemory()
    let batches = try RunPlanner(self, memory: memory).batches(requests)
    return RunResults(self, batches: batches, runs: requests.count, progress: progress)
  }

  /// The same, with every result handed to `consume`.
  ///
  /// - Returns: what was computed.
  @discardableResult
  public func run(
    _ requests: [RunRequest], memory: Int = .max,
    progress: ((_ done: Int, _ of: Int) -> Void)? = nil,
    consume: (_ index: Int, _ result: RunResult) throws -> Void
  ) throws -> RunRecord {
    var results = try results(of: requests, memory: memory, progress: progress)
    while let (index, result) = try results.next() { try consume(index, result) }
    return results.record
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

/// The results of requests, in their order. A batch is computed when the first of its results is
/// asked for.
public struct RunResults {
  private let model: Transformer
  private var batches: ArraySlice<Batch>
  /// Of the batch at hand.
  private var executor: Executor?
  private let meter = FloatBuffer.Meter()
  /// Of the batch at hand, and what waited when it began.
  private var resultBytes = 0
  private var queue = ResultQueue()
  /// Rows of all batches, counted once a layer.
  private var total: Int
  private let progress: ((_ done: Int, _ of: Int) -> Void)?
  /// What was computed so far.
  public private(set) var record: RunRecord

  init(
    _ model: Transformer, batches: [Batch], runs: Int,
    progress: ((_ done: Int, _ of: Int) -> Void)?
  ) {
    self.model = model
    self.batches = batches[...]
    self.progress = progress
    total = batches.reduce(0) { $0 + $1.schedule.rowLayers }
    record = RunRecord(runs: runs, batches: batches.count)
  }

  /// The next request and what it asked for; nil after the last.
  ///
  /// - Throws: `Interruption.Stopped`, and `ModelError` where weights cannot be read.
  public mutating func next() throws -> (index: Int, result: RunResult)? {
    let meter = meter
    return try FloatBuffer.$meter.withValue(meter) { try advance() }
  }

  private mutating func advance() throws -> (index: Int, result: RunResult)? {
    while true {
      if let found = queue.popNext() { return found }
      if let found = try executor?.nextResult() {
        resultBytes += found.result.byteCount
        // A base that only serves its variants here has no place among the requests.
        if found.index >= 0 { queue.add(found) }
      } else {
        closeBatch()
        guard let batch = batches.popFirst() else { return nil }
        try run(batch)
      }
    }
  }

  private mutating func run(_ batch: Batch) throws {
    var executor = try Executor(model, batch: batch)
    try executor.run { rows, spared in
      record.rowLayers += rows
      total -= spared
      progress?(record.rowLayers, total)
    }
    self.executor = executor
  }

  /// Its buffers go before the next batch makes its own.
  private mutating func closeBatch() {
    guard executor != nil else { return }
    record.bytes = max(record.bytes, meter.most + resultBytes)
    resultBytes = queue.bytes
    executor = nil
  }
}

/// Results that wait for those of earlier requests.
private struct ResultQueue {
  private var waiting: [Int: RunResult] = [:]
  private var next = 0
  /// What those that wait take.
  private(set) var bytes = 0

  mutating func add(_ found: (index: Int, result: RunResult)) {
    waiting[found.index] = found.result
    bytes += found.result.byteCount
  }

  mutating func popNext() -> (index: Int, result: RunResult)? {
    guard let result = waiting.removeValue(forKey: next) else { return nil }
    next += 1
    bytes -= result.byteCount
    return (next - 1, result)
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
  public var byteCount: Int {
    let kept = activations.values.reduce(0) { $0 + $1.rows.reduce(0) { $0 + $1.count } }
    let read = summaries.reduce(0) { $0 + $1.floats }
    return (kept + read + logits.reduce(0) { $0 + $1.count }) * MemoryLayout<Float>.size
  }
}
