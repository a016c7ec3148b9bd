import CSIMD

extension LayerForward {
  /// One item a row: every head's scores, pattern and z.
  ///
  /// - Parameter sources: for each member where the keys and values of its positions stand.
  func weighValues(_ batch: Batch, _ taps: inout Taps, sources sourceRows: [[Int32]]) {
    let c = model.configuration
    let (kernels, b, rows, layer) = (work.kernels, buffers, batch.rows, weights)
    let (keys, values) = (keys.pointer, values.pointer)
    let window = c.attention[number]
    let longest = (rows.map(\.position).max() ?? 0) + 1
    let attention = AttentionTaps(
      taps, layer: number, rows: batch, longest: longest, heads: c.heads)
    let scratch = (0..<model.pool.width).map { _ in FloatBuffer(longest) }
    model.pool.run(rows.count) { row, worker in
      let scores = scratch[worker].pointer
      let sources = rows[row].position + 1
      let unseen = window.firstSource(of: rows[row].position)
      sourceRows[rows[row].owner].withUnsafeBufferPointer { sourceRows in
        guard let sourceRows = sourceRows.baseAddress else { return }
        for head in 0..<c.heads {
          let column = c.keyValueHead(of: head) * c.headWidth
          kernels.attentionScores(
            of: b.turnedQueries.pointer + row * layer.q.stride + head * c.headWidth,
            keys: keys + column,
            at: SummandSources(rows: sourceRows, count: sources, stride: layer.k.stride),
            width: c.headWidth, scale: c.attentionScale, into: scores)
          if let cap = c.scoreCap { kernels.softCap(scores, count: sources, cap: cap) }
          attention.visit(
            .attnScores, row: row, head: head, scores, sources: sources, unseen: unseen)
          kernels.softmax(scores, count: sources)
          attention.visit(.pattern, row: row, head: head, scores, sources: sources)
          kernels.weightedValues(
            pattern: scores, values: values + column,
            at: SummandSources(rows: sourceRows, count: sources, stride: layer.v.stride),
            width: c.headWidth, into: b.z.pointer + row * layer.q.stride + head * c.headWidth)
        }
      }
    }
    for (activation, kept) in attention.kept {
      taps.capture(
        site(activation), in: kept.pointer, stride: c.heads * longest, rows: batch)
    }
  }

  /// A head's own output is z · W_O with every other head's z at 0. It is computed only where it is
  /// edited or kept; an edit adds (edited − original) to what attention adds to the stream, so that
  /// one which changes nothing changes no bit.
  func visitResult(_ batch: Batch, _ taps: inout Taps) {
    let site = site(.result)
    guard taps.touches(site) else { return }
    let rows = batch.rows.count
    let c = model.configuration
    let results = FloatBuffer(rows * c.heads * c.width)
    for head in 0..<c.heads { computeResult(of: head, rows: rows, into: results) }
    let original = FloatBuffer(results.count)
    original.pointer.update(from: results.pointer, count: results.count)
    let stride = c.heads * c.width
    taps.visit(site, in: results.pointer, stride: stride, rows: batch)
    for (row, head) in taps.editedUnits(at: site, rows: batch) {
      let offset = row * stride + head * c.width
      let added = buffers.attentionOut.pointer + row * weights.o.stride
      for i in 0..<c.width {
        let difference = results.pointer[offset + i] - original.pointer[offset + i]
        // Adding 0 would turn −0 into 0.
        if difference != 0 { added[i] += difference }
      }
    }
  }

  /// Writes one head's result into `results`, `[rows][heads][d_model]`.
  private func computeResult(of head: Int, rows: Int, into results: FloatBuffer) {
    let c = model.configuration
    let (qStride, matrix) = (weights.q.stride, weights.o.matrix)
    let masked = FloatBuffer(rows * qStride, zeroed: true)
    let out = FloatBuffer(rows * matrix.stride)
    for row in 0..<rows {
      let offset = row * qStride + head * c.headWidth
      (masked.pointer + offset).update(from: buffers.z.pointer + offset, count: c.headWidth)
    }
    work.products.multiply(
      masked.pointer, rows: rows, stride: qStride,
      [ProductTarget(matrix: matrix, out: out.pointer)])
    for row in 0..<rows {
      (results.pointer + (row * c.heads + head) * c.width).update(
        from: out.pointer + row * matrix.stride, count: c.width)
    }
  }
}
