extension LayerForward {
  /// One item a block of rows and key/value head: scores, pattern and z of all its heads.
  ///
  /// - Parameters:
  ///   - sources: for each member where the keys and values of its positions stand.
  ///   - own: the keys and values that heads have by themselves.
  func weighValues(
    _ batch: Batch, _ taps: inout Taps, sources: AttentionSources, own: OwnKeysAndValues
  ) {
    let c = model.configuration
    let plan = work.attention.plan(of: batch, sources)
    let attention = AttentionTaps(
      taps, layer: number, rows: batch, longest: plan.longest, heads: c.heads)
    let group = c.heads / c.keyValueHeads
    let blocks = plan.blocks(
      batch, atOnce: max(1, Self.queriesAtOnce / group),
      window: attention.isIdle ? c.attention[number] : nil)
    let scratch = work.attention.scratch(
      queries: max(group, Self.queriesAtOnce), sources: blocks.longest, threads: model.pool.width)
    let work = AttentionWork(self, rows: batch.rows, sources: plan.sources, taps: attention)
    // Heads that read the same keys go to one thread where there is enough for all.
    let apart = blocks.blocks.count * c.keyValueHeads < 4 * model.pool.width ? group : 1
    let items = c.keyValueHeads * apart
    model.pool.run(blocks.blocks.count * items) { item, worker in
      // The last rows of a prompt have the most to do: they come first, or a thread would be left
      // with them.
      let block = blocks.blocks[blocks.blocks.count - 1 - item / items]
      let keyValueHead = item % items / apart
      let heads = c.heads(reading: keyValueHead)
      work.attend(
        block, rows: blocks.rows[block.rows],
        heads: apart == 1
          ? heads : heads.lowerBound + item % apart..<heads.lowerBound + item % apart + 1,
        of: keyValueHead, scratch[worker])
    }
    attendToOwn(own, batch, work, sources.rows)
    for (activation, kept) in attention.kept {
      taps.capture(
        site(activation), in: kept.pointer, stride: c.heads * plan.longest, rows: batch)
    }
  }

  /// Enough queries to make reading a key worth its while; few enough for their scores to stay in
  /// the cache.
  private static let queriesAtOnce = 12

  /// A head's own output is z · W_O with every other head's z at 0. It is computed only where it is
  /// edited or kept; an edit adds (edited − original) to what attention adds to the stream, so that
  /// one which changes nothing changes no bit.
  ///
  /// - Returns: what was computed, `[rows][heads][d_model]`.
  func visitResult(_ batch: Batch, _ taps: inout Taps) -> FloatBuffer? {
    let site = site(.result)
    guard taps.touches(site) else { return nil }
    let rows = batch.rows.count
    let c = model.configuration
    let results = FloatBuffer(rows * c.heads * c.width)
    for head in 0..<c.heads {
      let out = result(of: head, rows: Array(0..<rows))
      for row in 0..<rows {
        (results.pointer + (row * c.heads + head) * c.width).update(
          from: out.pointer + row * weights.o.matrix.stride, count: c.width)
      }
    }
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
    return results
  }

  /// What one head gives in some rows: [row of these][stride of W_O].
  func result(of head: Int, rows: [Int]) -> FloatBuffer {
    let width = model.configuration.headWidth
    let (stride, matrix) = (weights.q.stride, weights.o.matrix)
    let columns = head * width..<(head + 1) * width
    if matrix.hasWholeBlocks(columns) {
      let own = FloatBuffer(rows.count * width)
      let out = FloatBuffer(rows.count * matrix.stride)
      for (index, row) in rows.enumerated() {
        (own.pointer + index * width).update(
          from: buffers.z.pointer + row * stride + head * width, count: width)
      }
      work.products.multiply(
        own.pointer, rows: rows.count, stride: width,
        MatrixPart(matrix: matrix, columns: columns, panels: 0..<matrix.panelCount),
        into: out.pointer)
      return out
    }
    let masked = FloatBuffer(rows.count * stride, zeroed: true)
    let out = FloatBuffer(rows.count * matrix.stride)
    for (index, row) in rows.enumerated() {
      (masked.pointer + index * stride + head * width).update(
        from: buffers.z.pointer + row * stride + head * width, count: width)
    }
    work.products.multiply(
      masked.pointer, rows: rows.count, stride: stride,
      [ProductTarget(matrix: matrix, out: out.pointer)])
    return out
  }
}
