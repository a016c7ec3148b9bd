extension Executor {
  /// Rows of logits at a time: enough to make reading the unembedding cheap, few enough to stay
  /// small in memory.
  static let vocabularyRowsAtOnce = 48

  /// The final norm, the logits that each member asked for, and the members handed over.
  mutating func finish(consume: (Int, RunResult) throws -> Void) throws {
    let l = model.layers.count
    try Interruption.check()
    copyForks(at: l)
    normalise(buffers.stream, weight: model.finalNorm, scale: .lnFinalScale, 0)
    for group in vocabularyGroups() {
      try Interruption.check()
      let logits = Dictionary(
        uniqueKeysWithValues: zip(group.rows, logits(of: group.rows)))
      for i in group.members {
        let member = batch.members[i]
        var result = taps.results[i]
        switch member.request.logits {
        case .none: break
        case .all(let positions):
          result.logits = positions.compactMap { logits[batch.row(of: i, at: $0)] }
        case .tokens(let tokens, let position):
          let row = batch.row(of: i, at: position)
          result.logits = [
            products.outputs(
              tokens, of: buffers.normed.pointer + row * width, by: model.unembedding)
          ]
        }
        try model.checkWeights()
        try consume(member.index, result)
      }
    }
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

  /// The whole vocabulary for some rows.
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
      products.multiply(
        UnsafePointer(x.pointer), rows: some.count, stride: width,
        [ProductTarget(matrix: model.unembedding, out: out.pointer)])
      logits += some.indices.map { i in
        Array(
          UnsafeBufferPointer(
            start: out.pointer + (i - start) * stride, count: model.configuration.vocabulary))
      }
    }
    return logits
  }
}
