import CSIMD

extension LayerReverse {
  /// From what attention adds, in `added`, to what it reads, in `normed`.
  ///
  /// - Parameter continues: whether `normed` has a part already.
  func reverseAttention(_ rows: Batch, _ taps: inout Taps, continues: Bool) {
    let (s, count, stride) = (slopes, rows.rows.count, weights.q.stride)
    taps.visitReverse(.attnOut, number, s.added, stride: s.width, rows: rows)
    passNormOfAdded(
      weights.ln1Post, .ln1PostScale, of: kept.attentionBeforeNorm, weights.o.stride, rows, &taps)
    captureResult(rows, &taps)
    products.multiply(
      [TransposedFactor(matrix: weights.o.matrix, x: s.added.pointer)], rows: count,
      into: s.z.pointer, stride: stride)
    let headWidth = model.configuration.headWidth
    for (row, head, factor) in taps.resultFactors(number, rows: rows) {
      let z = s.z.pointer + row * stride + head * headWidth
      for i in 0..<headWidth { z[i] *= factor }
    }
    taps.visitReverse(.z, number, s.z, stride: stride, rows: rows)
    reverseHeads(rows, &taps)
    gatherKeysAndValues(count)
    turnBack(s.q, kept.q, stride: stride, heads: model.configuration.heads, weights.qNorm, rows)
    turnBack(
      s.k, kept.unturnedKeys, stride: weights.k.stride, heads: model.configuration.keyValueHeads,
      weights.kNorm, rows)
    taps.visitReverse(.q, number, s.q, stride: stride, rows: rows)
    taps.visitReverse(.k, number, s.k, stride: weights.k.stride, rows: rows)
    taps.visitReverse(.v, number, s.v, stride: weights.v.stride, rows: rows)
    products.multiply(
      [(weights.q, s.q), (weights.k, s.k), (weights.v, s.v)].map {
        TransposedFactor(matrix: $0.0.matrix, x: $0.1.pointer)
      }, rows: count, into: s.normed.pointer, stride: s.width, continues: continues)
  }

  /// Every head's own output goes into the sum unchanged: they share its derivative.
  private func captureResult(_ rows: Batch, _ taps: inout Taps) {
    let site = Site(.result, layer: number)
    guard taps.captures(site) else { return }
    let c = model.configuration
    let results = FloatBuffer(rows.rows.count * c.heads * c.width)
    for row in rows.rows.indices {
      for head in 0..<c.heads {
        (results.pointer + (row * c.heads + head) * c.width)
          .update(from: slopes.added.pointer + row * slopes.width, count: c.width)
      }
    }
    taps.capture(site, in: results.pointer, stride: c.heads * c.width, rows: rows)
  }

  // MARK: - Heads

  /// From z to turned queries, and to each head's own turned keys and values. One item a prompt and head.
  private func reverseHeads(_ rows: Batch, _ taps: inout Taps) {
    let c = model.configuration
    let longest = (rows.rows.map(\.position).max() ?? 0) + 1
    let attention = AttentionTaps(
      taps, layer: number, rows: rows, longest: longest, heads: c.heads)
    let scratch = (0..<model.pool.width).map { _ in HeadScratch(longest: longest) }
    model.pool.run(rows.members.count * c.heads) { item, worker in
      if Interruption.requested.load(ordering: .relaxed) { return }
      rows.rowNumbers[item / c.heads].withUnsafeBufferPointer { sources in
        guard let sources = sources.baseAddress else { return }
        reverse(
          head: item % c.heads, of: rows.rowNumbers[item / c.heads].count, at: sources,
          scratch[worker], attention)
      }
    }
    for (activation, kept) in attention.kept {
      taps.capture(
        Site(activation, layer: number), in: kept.pointer, stride: c.heads * longest, rows: rows)
    }
  }

  /// One head of one prompt. `rows` says in which row each of its positions stands.
  private func reverse(
    head: Int, of count: Int, at rows: UnsafePointer<Int32>, _ scratch: HeadScratch,
    _ attention: AttentionTaps
  ) {
    let (c, kernels, s, kept) = (model.configuration, work.kernels, slopes, kept)
    let (headWidth, stride) = (c.headWidth, weights.q.stride)
    let column = head * headWidth
    let shared = c.keyValueHead(of: head) * headWidth
    for query in 0..<count {
      let (row, seen) = (Int(rows[query]), query + 1)
      let keys = SummandSources(rows: rows, count: seen, stride: weights.k.stride)
      weigh(row: row, head: head, query: query, keys, scratch, attention)
      // By the pattern, then by the scores before their cap.
      let g = scratch.slope
      kernels.attentionScores(
        of: s.z.pointer + row * stride + column, keys: kept.v.pointer + shared,
        at: SummandSources(rows: rows, count: seen, stride: weights.v.stride), width: headWidth,
        scale: 1, into: g)
      attention.visitReverse(.pattern, row: row, head: head, g, sources: seen)
      kernels.slopeSoftmax(scratch.softmax, g, count: seen, into: g)
      attention.visitReverse(.attnScores, row: row, head: head, g, sources: seen)
      if let cap = c.scoreCap { kernels.slopeSoftCap(scratch.scores, g, count: seen, cap: cap) }
      for j in 0..<seen { g[j] *= c.attentionScale }
      kernels.weightedValues(
        pattern: g, values: kept.k.pointer + shared, at: keys, width: headWidth,
        into: s.q.pointer + row * stride + column)
      for j in 0..<seen {
        scratch.patterns[j * scratch.longest + query] = scratch.pattern[j]
        scratch.slopes[j * scratch.longest + query] = g[j]
      }
    }
    // Each source is read by the queries from its own position on.
    for source in 0..<count {
      let queries = SummandSources(rows: rows + source, count: count - source, stride: stride)
      let (first, row) = (source * scratch.longest + source, Int(rows[source]))
      kernels.weightedValues(
        pattern: scratch.patterns + first, values: s.z.pointer + column, at: queries,
        width: headWidth, into: s.valuesOfHeads.pointer + row * stride + column)
      kernels.weightedValues(
        pattern: scratch.slopes + first, values: kept.turnedQueries.pointer + column, at: queries,
        width: headWidth, into: s.keysOfHeads.pointer + row * stride + column)
    }
  }

  /// Leaves in the scratch one query's scores before their edits, its softmax, and its pattern.
  private func weigh(
    row: Int, head: Int, query: Int, _ sources: SummandSources, _ scratch: HeadScratch,
    _ attention: AttentionTaps
  ) {
    let (c, kernels, count) = (model.configuration, work.kernels, query + 1)
    let (scores, softmax, pattern) = (scratch.scores, scratch.softmax, scratch.pattern)
    kernels.attentionScores(
      of: kept.turnedQueries.pointer + row * weights.q.stride + head * c.headWidth,
      keys: kept.k.pointer + c.keyValueHead(of: head) * c.headWidth, at: sources,
      width: c.headWidth, scale: c.attentionScale, into: scores)
    if let cap = c.scoreCap { kernels.softCap(scores, count: count, cap: cap) }
    softmax.update(from: scores, count: count)
    attention.edit(
      .attnScores, row: row, head: head, softmax, sources: count,
      unseen: c.attention[number].firstSource(of: query))
    kernels.softmax(softmax, count: count)
    pattern.update(from: softmax, count: count)
    attention.edit(.pattern, row: row, head: head, pattern, sources: count)
  }

  // MARK: - Keys, values and queries

  /// What heads share is read by all of them: the sums over them, in their order.
  private func gatherKeysAndValues(_ rows: Int) {
    let (c, kernels, s, weights) = (model.configuration, work.kernels, slopes, weights)
    work.forEach(rows) { row in
      for (parts, sum, stride) in [
        (s.keysOfHeads, s.k, weights.k.stride), (s.valuesOfHeads, s.v, weights.v.stride),
      ] {
        let sum = sum.pointer + row * stride
        sum.update(repeating: 0, count: c.keyWidth)
        for head in 0..<c.heads {
          kernels.add(
            parts.pointer + row * weights.q.stride + head * c.headWidth,
            to: sum + c.keyValueHead(of: head) * c.headWidth, count: c.headWidth)
        }
      }
    }
  }

  /// Turns the slopes of each head's vector back, and takes them through its norm.
  private func turnBack(
    _ g: FloatBuffer, _ x: FloatBuffer, stride: Int, heads: Int, _ norm: Transformer.Norm?,
    _ rows: Batch
  ) {
    if norm == nil && rotary == nil { return }
    let (kernels, width) = (work.kernels, model.configuration.headWidth)
    let (epsilon, rotary) = (model.configuration.epsilon, rotary)
    work.forEach(rows.rows.count) { row in
      let (owner, position) = (rows.rows[row].owner, rows.rows[row].position)
      let g = g.pointer + row * stride
      rotary?.table(tokens: rows.members[owner].request.tokens.count)
        .rotateBack(g, heads: heads, width: width, at: position, kernels)
      guard let norm else { return }
      for head in 0..<heads {
        norm.reverse(
          x.pointer + row * stride + head * width, g + head * width, width, epsilon, kernels)
      }
    }
  }
}

/// One thread's room for one head of one prompt.
private final class HeadScratch: @unchecked Sendable {
  let longest: Int
  private let rows: FloatBuffer
  private let squares: FloatBuffer

  init(longest: Int) {
    self.longest = longest
    rows = FloatBuffer(4 * longest)
    squares = FloatBuffer(2 * longest * longest)
  }

  /// Of one query, by source: scores before edits, their softmax after edits, the pattern after its own.
  var scores: UnsafeMutablePointer<Float> { rows.pointer }
  var softmax: UnsafeMutablePointer<Float> { rows.pointer + longest }
  var pattern: UnsafeMutablePointer<Float> { rows.pointer + 2 * longest }
  var slope: UnsafeMutablePointer<Float> { rows.pointer + 3 * longest }
  /// `[sources][queries]`
  var patterns: UnsafeMutablePointer<Float> { squares.pointer }
  var slopes: UnsafeMutablePointer<Float> { squares.pointer + longest * longest }
}
