/// The members of a batch whose results are still to be handed over, in their order.
struct PendingResults {
  /// Members, and the rows whose whole vocabulary they ask for or have read, each once.
  fileprivate var groups: ArraySlice<(members: Range<Int>, rows: [Int])> = []
  /// Of the group at hand.
  fileprivate var members = 0..<0
  /// The whole vocabulary for each row of the group at hand that is asked for.
  fileprivate var logits: [Int: [Float]] = [:]
  /// What was read of the vocabulary for the members of the group at hand.
  fileprivate var summaries: [Int: [LogitSummary?]] = [:]
}

/// A query of a member of a batch, and the row that it reads.
private struct BoundQuery {
  var member: Int
  /// Its place among the member's.
  var index: Int
  var row: Int
  var query: LogitQuery
  /// The soft cap that comes first, where there is one.
  var cap: Float?
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
      (pending.logits, pending.summaries) = ([:], [:])
      guard let group = pending.groups.popFirst() else { return nil }
      try Interruption.check()
      try computeLogits(of: group.rows, for: group.members)
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
    case .chosen(let chosen):
      result.logits = chosen.map { chosen in
        let row = batch.row(of: i, at: chosen.position)
        let outputs = work.products.outputs(
          chosen.tokens, of: buffers.normed.pointer + row * width, by: model.unembedding)
        let biased = model.unembeddingBias.map { bias in
          zip(outputs, chosen.tokens).map { $0 + bias[$1] }
        }
        return capped(biased ?? outputs, of: request)
      }
    case .summaries: result.summaries = (pending.summaries[i] ?? []).compactMap(\.self)
    }
    return result
  }

  /// The soft cap of a request's logits; nil where it has none.
  private func cap(of request: RunRequest) -> Float? {
    request.isUncapped ? nil : model.configuration.logitCap
  }

  private func capped(_ logits: [Float], of request: RunRequest) -> [Float] {
    guard let cap = cap(of: request) else { return logits }
    var logits = logits
    work.kernels.softCap(&logits, count: logits.count, cap: cap)
    return logits
  }

  // MARK: - The whole vocabulary

  private func vocabularyGroups() -> [(members: Range<Int>, rows: [Int])] {
    var groups: [(members: Range<Int>, rows: [Int])] = []
    var start = 0
    var rows: [Int] = []
    var seen: Set<Int> = []
    for (i, member) in batch.members.enumerated() {
      let positions = member.request.logits.positionsOfVocabularies
      rows += positions.map { batch.row(of: i, at: $0) }.filter { seen.insert($0).inserted }
      if rows.count >= Self.vocabularyRowsAtOnce || i + 1 == batch.members.count {
        groups.append((start..<i + 1, rows))
        (start, rows, seen) = (i + 1, [], [])
      }
    }
    return groups
  }

  /// Computes the whole vocabulary for some rows, and of it keeps what their members ask for.
  private mutating func computeLogits(of rows: [Int], for members: Range<Int>) throws {
    let queries = boundQueries(of: members)
    for member in members {
      guard case .summaries(let asked) = batch.members[member].request.logits else { continue }
      pending.summaries[member] = [LogitSummary?](repeating: nil, count: asked.count)
    }
    let kept = Set(
      members.flatMap { i -> [Int] in
        guard case .all(let positions) = batch.members[i].request.logits else { return [] }
        return positions.map { batch.row(of: i, at: $0) }
      })
    let (stride, vocabulary) = (model.unembedding.stride, model.configuration.vocabulary)
    let atOnce = min(rows.count, Self.vocabularyRowsAtOnce)
    let x = FloatBuffer(atOnce * width)
    let out = FloatBuffer(atOnce * stride)
    for start in Swift.stride(from: 0, to: rows.count, by: Self.vocabularyRowsAtOnce) {
      try Interruption.check()
      let some = rows[start..<min(rows.count, start + Self.vocabularyRowsAtOnce)]
      multiply(some, by: x, into: out)
      var read: [BoundQuery] = []
      for (i, row) in some.enumerated() {
        let logits = UnsafePointer(out.pointer + i * stride)
        if kept.contains(row) {
          pending.logits[row] = Array(UnsafeBufferPointer(start: logits, count: vocabulary))
        }
        read += (queries[row] ?? []).map { query in
          var query = query
          query.row = i
          return query
        }
      }
      read.summarise(out, stride: stride, model: model) { query, summary in
        pending.summaries[query.member]?[query.index] = summary
      }
    }
  }

  /// By the row that they read.
  private func boundQueries(of members: Range<Int>) -> [Int: [BoundQuery]] {
    var queries: [Int: [BoundQuery]] = [:]
    for member in members {
      let request = batch.members[member].request
      guard case .summaries(let asked) = request.logits else { continue }
      for (index, query) in asked.enumerated() {
        let row = batch.row(of: member, at: query.position)
        queries[row, default: []].append(
          BoundQuery(member: member, index: index, row: row, query: query, cap: cap(of: request)))
      }
    }
    return queries
  }

  /// The logits of some rows before any cap, into `out`, `[rows][stride]`. `x` has room for the rows.
  func multiply(_ rows: ArraySlice<Int>, by x: FloatBuffer, into out: FloatBuffer) {
    for (i, row) in rows.enumerated() {
      (x.pointer + i * width).update(from: buffers.normed.pointer + row * width, count: width)
    }
    work.products.multiply(
      UnsafePointer(x.pointer), rows: rows.count, stride: width,
      [ProductTarget(matrix: model.unembedding, out: out.pointer)])
    guard let bias = model.unembeddingBias else { return }
    let (kernels, stride) = (work.kernels, model.unembedding.stride)
    work.forEach(rows.count) { row in
      kernels.add(bias, to: out.pointer + row * stride, count: bias.count)
    }
  }
}

extension [BoundQuery] {
  /// Reads rows of logits, `[rows][stride]`, each on some thread.
  fileprivate func summarise(
    _ logits: FloatBuffer, stride: Int, model: Transformer,
    _ body: (BoundQuery, LogitSummary) -> Void
  ) {
    guard !isEmpty else { return }
    let vocabulary = model.configuration.vocabulary
    let scratch =
      contains { $0.cap != nil } ? (0..<model.pool.width).map { _ in FloatBuffer(vocabulary) } : []
    let summaries = model.pool.map(self) { query, _, worker in
      var row = UnsafePointer(logits.pointer + query.row * stride)
      if let cap = query.cap {
        let copy = scratch[worker].pointer
        copy.update(from: row, count: vocabulary)
        Kernels.current.softCap(copy, count: vocabulary, cap: cap)
        row = UnsafePointer(copy)
      }
      return LogitSummary(LogitRow(row, count: vocabulary), query.query)
    }
    for (query, summary) in zip(self, summaries) { body(query, summary) }
  }
}

extension WorkerPool {
  /// What `body(item, index, worker)` gives for each item, in their order.
  func map<Item, Found>(
    _ items: [Item], _ body: (Item, _ index: Int, _ worker: Int) -> Found
  ) -> [Found] {
    [Found](unsafeUninitializedCapacity: items.count) { buffer, count in
      if let base = buffer.baseAddress {
        run(items.count) { item, worker in
          (base + item).initialize(to: body(items[item], item, worker))
        }
      }
      count = items.count
    }
  }
}
