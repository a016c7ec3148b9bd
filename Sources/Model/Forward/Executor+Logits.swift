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
  /// The row of the run that the member varies, where the two are compared and it is another.
  var base: Int?

  /// What it is compared with, as it is read.
  var baseRow: BaseRow? { base.map { BaseRow(row: $0, cap: cap) } }
}

private struct BaseRow: Hashable {
  var row: Int
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
    shiftLogits()
    work.normalise(
      buffers.stream, stride: width, rows: batch.rows.count, model.finalNorm, into: buffers.normed
    ) { taps.visit(.lnFinalScale, 0, $0, stride: 1, rows: batch) }
    pending.groups = vocabularyGroups()[...]
  }

  /// The stream as the final norm reads it, where it has a copy of its own.
  private func shiftLogits() {
    let shifts = taps.shifts(at: Edge.Reader.logits.site, rows: batch)
    guard !shifts.isEmpty else { return }
    let copies = FloatBuffer(shifts.count * width)
    for (index, shift) in shifts.enumerated() {
      (copies.pointer + index * width).update(
        from: taps.outside.start(shift, stream: buffers.stream.pointer + shift.row * width),
        count: width)
    }
    taps.outside.addSums(shifts, to: copies, work)
    for (index, shift) in shifts.enumerated() {
      let x = copies.pointer + index * width
      shift.apply(to: x, on: model, taps.outside)
      (buffers.stream.pointer + shift.row * width).update(from: x, count: width)
    }
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
      let isLast = i + 1 == batch.members.count
      // The rows that the next is compared with need not be computed again.
      let isCompared =
        !isLast && batch.members[i + 1].base == i
        && !batch.members[i + 1].request.comparedPositions.isEmpty
      if isLast || rows.count >= Self.vocabularyRowsAtOnce && !isCompared {
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
    let parts = VocabularyPart.parts(
      of: rows, comparedWith: queries.mapValues { $0.compactMap(\.base) })
    let atOnce = parts.map(\.rows.count).max() ?? 0
    let x = FloatBuffer(atOnce * width)
    let out = FloatBuffer(atOnce * stride)
    for part in parts {
      try Interruption.check()
      multiply(part.rows[...], by: x, into: out)
      let places = Dictionary(uniqueKeysWithValues: part.rows.enumerated().map { ($1, $0) })
      var read: [BoundQuery] = []
      for (i, row) in part.rows.prefix(part.own).enumerated() {
        if kept.contains(row) {
          let logits = UnsafePointer(out.pointer + i * stride)
          pending.logits[row] = Array(UnsafeBufferPointer(start: logits, count: vocabulary))
        }
        read += (queries[row] ?? []).map { query in
          var query = query
          (query.row, query.base) = (i, query.base.flatMap { places[$0] })
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
        // Without a base of its own a member shares rows with a prompt that begins alike.
        let isCompared = !query.comparisons.isEmpty && request.base != nil
        let base = isCompared ? batch.members[member].base : nil
        queries[row, default: []].append(
          BoundQuery(
            member: member, index: index, row: row, query: query, cap: cap(of: request),
            base: base.map { batch.row(of: $0, at: query.position) }.flatMap {
              $0 == row ? nil : $0
            }))
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
    work.forEach(rows.count, floats: stride) { row in
      kernels.add(bias, to: out.pointer + row * stride, count: bias.count)
    }
  }
}

/// Rows whose vocabularies are computed together: those that are read, and after them those that they are
/// compared with.
private struct VocabularyPart {
  var rows: [Int] = []
  /// How many of them are read.
  var own = 0

  /// Divides rows into parts of equal size, or where some are compared into parts as large as may be.
  static func parts(of rows: [Int], comparedWith bases: [Int: [Int]]) -> [VocabularyPart] {
    let most = Executor.vocabularyRowsAtOnce
    let count = max(1, (rows.count + most - 1) / most)
    let isCompared = bases.values.contains { !$0.isEmpty }
    let size = isCompared ? most : (rows.count + count - 1) / count
    var parts: [VocabularyPart] = []
    var (own, others): ([Int], Set<Int>) = ([], [])
    func close() {
      guard !own.isEmpty else { return }
      let known = Set(own)
      parts.append(
        VocabularyPart(rows: own + others.filter { !known.contains($0) }.sorted(), own: own.count))
      (own, others) = ([], [])
    }
    for row in rows {
      let compared = bases[row] ?? []
      if own.count + others.union(compared).count >= size { close() }
      own.append(row)
      others.formUnion(compared)
    }
    close()
    return parts
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
    /// A row with its soft cap, in `copy`.
    func row(_ number: Int, cap: Float?, in copy: FloatBuffer?) -> LogitRow {
      let row = UnsafePointer(logits.pointer + number * stride)
      guard let cap, let copy else { return LogitRow(row, count: vocabulary) }
      copy.pointer.update(from: row, count: vocabulary)
      Kernels.current.softCap(copy.pointer, count: vocabulary, cap: cap)
      return LogitRow(copy.pointer, count: vocabulary)
    }
    var comparisons: [BaseRow: Set<LogitComparison>] = [:]
    for query in self {
      if let base = query.baseRow {
        comparisons[base, default: []].formUnion(query.query.comparisons)
      }
    }
    let bases = comparisons.map { base, comparisons in
      let copy = base.cap == nil ? nil : FloatBuffer(vocabulary)
      return (base, copy, ComparedRow(row(base.row, cap: base.cap, in: copy), for: comparisons))
    }
    let compared = Dictionary(uniqueKeysWithValues: bases.map { ($0.0, $0.2) })
    let summaries = withExtendedLifetime(bases) {
      model.pool.map(self) { query, _, worker in
        LogitSummary(
          row(query.row, cap: query.cap, in: query.cap == nil ? nil : scratch[worker]), query.query,
          base: query.baseRow.flatMap { compared[$0] })
      }
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
