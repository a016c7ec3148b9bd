/// The members of a batch whose results are still to be handed over, in their order.
struct PendingResults {
  /// Members, and the rows whose whole vocabulary they ask for, each once.
  fileprivate var groups: ArraySlice<(members: Range<Int>, rows: [Int])> = []
  /// Of the group at hand.
  fileprivate var members = 0..<0
  /// The whole vocabulary for each row of the group at hand.
  fileprivate var logits: [Int: [Float]] = [:]
}

extension Executor {
  /// Rows of logits at a time: enough to make reading the unembedding cheap, few enough to stay
  /// small in memory.
  static let vocabularyRowsAtOnce = 48

  /// The final norm.
  mutating func runFinalNorm() throws {
    let l = model.layers.count
    try Interruption.check()
    copyForks(at: l)
    work.normalise(
      buffers.stream, stride: width, rows: batch.rows.count, model.finalNorm, into: buffers.normed
    ) { taps.visit(.lnFinalScale, 0, $0, stride: 1, rows: batch) }
    pending.groups = vocabularyGroups()[...]
  }

  /// What the next member asked for, after `run`; nil after the last. Logits are computed for a few
  /// members at a time, when the first of them is asked for.
  mutating func nextResult() throws -> (index: Int, result: RunResult)? {
    while pending.members.isEmpty {
      pending.logits = [:]
      guard let group = pending.groups.popFirst() else { return nil }
      try Interruption.check()
      pending.logits = Dictionary(
        uniqueKeysWithValues: zip(group.rows, logits(of: group.rows)))
      try Interruption.check()
      pending.members = group.members
    }
    let i = pending.members.removeFirst()
    let result = result(of: i)
    try model.checkWeights()
    return (batch.members[i].index, result)
  }

  private func result(of i: Int) -> RunResult {
    let request = batch.members[i].request
    var result = taps.results[i]
    switch request.logits {
    case .none: break
    case .all(let positions):
      result.logits = positions.compactMap { pending.logits[batch.row(of: i, at: $0)] }
        .map { capped($0, of: request) }
    case .tokens(let tokens, let position):
      let row = batch.row(of: i, at: position)
      let outputs = work.products.outputs(
        tokens, of: buffers.normed.pointer + row * width, by: model.unembedding)
      let biased = model.unembeddingBias.map { bias in
        zip(outputs, tokens).map { $0 + bias[$1] }
      }
      result.logits = [capped(biased ?? outputs, of: request)]
    }
    return result
  }

  private func capped(_ logits: [Float], of request: RunRequest) -> [Float] {
    guard let cap = model.configuration.logitCap, !request.isUncapped else { return logits }
    var logits = logits
    work.kernels.softCap(&logits, count: logits.count, cap: cap)
    return logits
  }

  private func vocabularyGroups() -> [(members: Range<Int>, rows: [Int])] {
    var groups: [(members: Range<Int>, rows: [Int])] = []
    var start = 0
    var rows: [Int] = []
    var seen: Set<Int> = []
    for (i, member) in batch.members.enumerated() {
      if case .all(let positions) = member.request.logits {
        rows += positions.map { batch.row(of: i, at: $0) }.filter { seen.insert($0).inserted }
      }
      if rows.count >= Self.vocabularyRowsAtOnce || i + 1 == batch.members.count {
        groups.append((start..<i + 1, rows))
        (start, rows, seen) = (i + 1, [], [])
      }
    }
    return groups
  }

  /// The whole vocabulary for some rows, before any cap.
  private func logits(of rows: [Int]) -> [[Float]] {
    let stride = model.unembedding.stride
    let atOnce = min(rows.count, Self.vocabularyRowsAtOnce)
    let x = FloatBuffer(atOnce * width)
    let out = FloatBuffer(atOnce * stride)
    var logits: [[Float]] = []
    for start in Swift.stride(from: 0, to: rows.count, by: Self.vocabularyRowsAtOnce) {
      let some = rows[start..<min(rows.count, start + Self.vocabularyRowsAtOnce)]
      for (i, row) in some.enumerated() {
        (x.pointer + i * width).update(from: buffers.normed.pointer + row * width, count: width)
      }
      work.products.multiply(
        UnsafePointer(x.pointer), rows: some.count, stride: width,
        [ProductTarget(matrix: model.unembedding, out: out.pointer)])
      logits += some.indices.map { i in
        let row = out.pointer + (i - start) * stride
        if let bias = model.unembeddingBias { work.kernels.add(bias, to: row, count: bias.count) }
        return Array(UnsafeBufferPointer(start: row, count: model.configuration.vocabulary))
      }
    }
    return logits
  }
}
