extension Executor {
  /// Rows of logits at a time: enough to make reading the unembedding cheap, few enough to stay
  /// small in memory.
  static let vocabularyRowsAtOnce = 48

  /// The final norm, the logits that each member asked for, and the members handed over.
  mutating func finish(consume: (Int, RunResult) throws -> Void) throws {
    let l = model.layers.count
    try Interruption.check()
    copyForks(at: l)
    work.normalise(
      buffers.stream, stride: width, rows: batch.rows.count, model.finalNorm, into: buffers.normed
    ) { taps.visit(.lnFinalScale, 0, $0, stride: 1, rows: batch) }
    for group in vocabularyGroups() {
      try Interruption.check()
      let logits = Dictionary(
        uniqueKeysWithValues: zip(group.rows, logits(of: group.rows)))
      try Interruption.check()
      for i in group.members {
        let member = batch.members[i]
        var result = taps.results[i]
        switch member.request.logits {
        case .none: break
        case .all(let positions):
          result.logits = positions.compactMap { logits[batch.row(of: i, at: $0)] }
            .map { capped($0, of: member.request) }
        case .tokens(let tokens, let position):
          let row = batch.row(of: i, at: position)
          let outputs = work.products.outputs(
            tokens, of: buffers.normed.pointer + row * width, by: model.unembedding)
          let biased = model.unembeddingBias.map { bias in
            zip(outputs, tokens).map { $0 + bias[$1] }
          }
          result.logits = [capped(biased ?? outputs, of: member.request)]
        }
        try model.checkWeights()
        try consume(member.index, result)
      }
    }
  }

  private func capped(_ logits: [Float], of request: RunRequest) -> [Float] {
    guard let cap = model.configuration.logitCap, !request.isUncapped else { return logits }
    var logits = logits
    work.kernels.softCap(&logits, logits.count, cap)
    return logits
  }

  /// Members in order, and the rows whose whole vocabulary they ask for, each once.
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
        if let bias = model.unembeddingBias { work.kernels.add(bias, row, bias.count) }
        return Array(UnsafeBufferPointer(start: row, count: model.configuration.vocabulary))
      }
    }
    return logits
  }
}
