extension Transformer {
  /// Derivatives of numbers that are made of logits, each by the activations of its own run: one pass
  /// forwards and one backwards for all that a run was asked for. Prompts go in batches that fit the budget.
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
    for request in requests { try request.check(in: configuration) }
    let batches = try RunPlanner(
      self, memory: memory, apart: true, bytesPerRow: bytesPerReversedRow
    )
    .batches(requests.map(\.run))
    return GradientResults(
      self, requests, batches: batches, memory: memory, progress: progress)
  }

  /// For one row: what a pass forwards takes, the slopes, and what enters each layer.
  private var bytesPerReversedRow: Int {
    bytesPerKeptRow + Slopes.bytesPerRow(self)
      + layers.count * configuration.width * MemoryLayout<Float>.size
  }

  /// What one layer leaves for its way back.
  fileprivate var bytesPerKeptRow: Int { 2 * bytesPerRow }

  /// Whether all layers' activations fit.
  fileprivate func canKeepLayers(of batch: Batch, memory: Int) -> Bool {
    let rows = batch.rows.count
    let more = rows.multipliedReportingOverflow(by: bytesPerKeptRow * layers.count)
    let all =
      rows * bytesPerReversedRow
      + batch.members.reduce(0) {
        $0 + $1.request.needs(in: configuration).bytes
      }
    return !more.overflow && more.partialValue <= memory - min(memory, all)
  }
}

/// The derivatives that requests asked for, in their order. A batch is computed when the first of its
/// results is asked for.
public struct GradientResults {
  private let model: Transformer
  private let requests: [GradientRequest]
  private let memory: Int
  private var batches: ArraySlice<Batch>
  private var found: ArraySlice<(index: Int, result: GradientResult)> = []
  private let progress: ((_ done: Int, _ of: Int) -> Void)?
  private let total: Int
  private var done = 0

  fileprivate init(
    _ model: Transformer, _ requests: [GradientRequest], batches: [Batch], memory: Int,
    progress: ((_ done: Int, _ of: Int) -> Void)?
  ) {
    self.model = model
    self.requests = requests
    self.memory = memory
    self.batches = batches[...]
    self.progress = progress
    total = 2 * model.layers.count * batches.reduce(0) { $0 + $1.rows.count }
  }

  /// The next request and its derivatives; nil after the last.
  ///
  /// - Throws: `Interruption.Stopped`, and `ModelError` where weights cannot be read.
  public mutating func next() throws -> (index: Int, result: GradientResult)? {
    if let first = found.popFirst() { return first }
    guard let batch = batches.popFirst() else { return nil }
    let indices = batch.members.map(\.index)
    var run = try ReverseRun(
      model, batch: batch, requests: indices.map { requests[$0] },
      keepsLayers: model.canKeepLayers(of: batch, memory: memory))
    var (done, total, progress) = (done, total, progress)
    let results = try run.run { rows in
      done += rows
      progress?(done, total)
    }
    self.done = done
    found = zip(indices, results).map { ($0, $1) }[...]
    return found.popFirst()
  }
}
