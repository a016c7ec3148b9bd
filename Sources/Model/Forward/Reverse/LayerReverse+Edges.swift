// Derivatives by what each reader reads by itself, before the norm of its copy of the stream.
extension LayerReverse {
  /// Of the MLP, from what its norm gives.
  func scoreMLP(_ rows: Batch, _ taps: Taps) {
    guard let edges, edges.wants(.mlp(layer: number)) else { return }
    let norm = weights.ln2 ?? weights.ln1
    let isAfterAttention = model.configuration.residual == .sequential
    let copy = (
      norm, weights.ln2 == nil ? Activation.ln1Scale : .ln2Scale,
      isAfterAttention ? kept.between : kept.entered
    )
    score(.mlp(layer: number), slopes.normed, through: copy, rows, taps)
  }

  /// Of the queries, keys and values of every query head: `q` and what each head has of shared keys and
  /// values are taken back to what the norm gives.
  func scoreHeads(_ rows: Batch, _ taps: Taps) {
    guard let edges else { return }
    let c = model.configuration
    let heads = Edge.Input.allCases.flatMap { input in
      (0..<c.heads).map { (input: input, head: $0) }
    }.filter { edges.wants(.head($0.input, layer: number, head: $0.head)) }
    guard !heads.isEmpty else { return }
    turnKeysOfHeadsBack(rows)
    reverseSharedEdits(.k, slopes.keysOfHeads, rows, taps)
    reverseSharedEdits(.v, slopes.valuesOfHeads, rows, taps)
    let (normed, alone) = (edges.room.normed, edges.room.alone)
    for (input, head) in heads {
      let (linear, shared, parts) =
        switch input {
        case .q: (weights.q, head, slopes.q)
        case .k: (weights.k, c.keyValueHead(of: head), slopes.keysOfHeads)
        case .v: (weights.v, c.keyValueHead(of: head), slopes.valuesOfHeads)
        }
      let part = shared * c.headWidth..<(shared + 1) * c.headWidth
      for row in rows.rows.indices {
        let row = (to: row * linear.stride, from: row * weights.q.stride + head * c.headWidth)
        (alone.pointer + row.to).update(repeating: 0, count: linear.stride)
        (alone.pointer + row.to + part.lowerBound).update(
          from: parts.pointer + row.from, count: c.headWidth)
      }
      products.multiply(
        [TransposedFactor(matrix: linear.matrix, x: alone.pointer, only: part)],
        rows: rows.rows.count, into: normed.pointer, stride: slopes.width)
      score(
        .head(input, layer: number, head: head), normed,
        through: (weights.ln1, .ln1Scale, kept.entered), rows, taps)
    }
  }

  /// The norm of a reader's copy, the site of its scale, and what it is of.
  private typealias CopyNorm = (norm: Transformer.Norm, scale: Activation, x: FloatBuffer)

  private func score(
    _ reader: Edge.Reader, _ normed: FloatBuffer, through copy: CopyNorm, _ rows: Batch,
    _ taps: Taps
  ) {
    guard let edges else { return }
    let g = edges.copy(for: reader, rows: rows)
    g.update(from: normed.pointer, count: rows.rows.count * slopes.width)
    // What is kept of the scale is of the stream itself.
    var taps = taps
    NormReverse(
      norm: copy.norm, site: Site(copy.scale, layer: number), work: work, slopes: slopes
    ).run(of: copy.x, stride: model.configuration.width, g, rows, &taps)
  }

  /// Each head's part of the derivatives by its key: rotated back, and through the norm of the shared key.
  private func turnKeysOfHeadsBack(_ rows: Batch) {
    let (c, kernels) = (model.configuration, work.kernels)
    let (rotary, norm, slopes, kept) = (rotary, weights.kNorm, slopes, kept)
    let (stride, keyStride) = (weights.q.stride, weights.k.stride)
    work.forEach(rows.rows.count) { row in
      let (owner, position) = (rows.rows[row].owner, rows.rows[row].position)
      let g = slopes.keysOfHeads.pointer + row * stride
      rotary?.table(tokens: rows.members[owner].request.tokens.count)
        .rotateBack(g, heads: c.heads, width: c.headWidth, at: position, kernels)
      guard let norm else { return }
      for head in 0..<c.heads {
        let key =
          kept.unturnedKeys.pointer + row * keyStride + c.keyValueHead(of: head) * c.headWidth
        norm.reverse(key, g + head * c.headWidth, c.headWidth, c.epsilon, kernels)
      }
    }
  }

  /// Edits of a shared key or value hold for each head's copy.
  private func reverseSharedEdits(
    _ activation: Activation, _ parts: FloatBuffer, _ rows: Batch, _ taps: Taps
  ) {
    let c = model.configuration
    let edits = taps.rowEdits(at: Site(activation, layer: number), rows: rows)
    for (row, edit) in edits.reversed() {
      for head in 0..<c.heads where edit.units.contains(c.keyValueHead(of: head)) {
        edit.change.reverse(
          parts.pointer + row * weights.q.stride + head * c.headWidth, width: c.headWidth)
      }
    }
  }
}
