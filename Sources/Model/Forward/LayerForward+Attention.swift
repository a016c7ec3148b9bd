extension LayerForward {
  /// One item a block of rows and key/value head: scores, pattern and z of all its heads.
  ///
  /// - Parameter sources: for each member where the keys and values of its positions stand.
  func weighValues(_ batch: Batch, _ taps: inout Taps, sources: [[Int32]]) {
    let c = model.configuration
    let longest = (batch.rows.map(\.position).max() ?? 0) + 1
    let attention = AttentionTaps(
      taps, layer: number, rows: batch, longest: longest, heads: c.heads)
    let group = c.heads / c.keyValueHeads
    let blocks = AttentionBlocks(
      batch, sources: sources, atOnce: max(1, Self.queriesAtOnce / group),
      window: attention.isIdle ? c.attention[number] : nil)
    let work = AttentionWork(
      self, rows: batch.rows, sources: SourceRows(sources), taps: attention)
    let scratch = (0..<model.pool.width).map { _ in
      AttentionWork.Scratch(queries: max(group, Self.queriesAtOnce), sources: blocks.longest)
    }
    model.pool.run(blocks.blocks.count * c.keyValueHeads) { item, worker in
      // The last rows of a prompt have the most to do: they come first, or a thread would be left
      // with them.
      let block = blocks.blocks[blocks.blocks.count - 1 - item / c.keyValueHeads]
      work.attend(
        block, rows: blocks.rows[block.rows], keyValueHead: item % c.keyValueHeads, scratch[worker])
    }
    for (activation, kept) in attention.kept {
      taps.capture(
        site(activation), in: kept.pointer, stride: c.heads * longest, rows: batch)
    }
  }

  /// Enough queries to make reading a key worth its while; few enough for their scores to stay in
  /// the cache.
  private static let queriesAtOnce = 12

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
