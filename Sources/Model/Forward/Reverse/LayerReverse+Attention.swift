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
    edges?.addWriters(s.added, stride: s.width, rows: rows) {
      $0.head != nil && $0.layer == number
    }
    products.multiply(
      [TransposedFactor(matrix: weights.o.matrix, x: s.added.pointer)], rows: count,
      into: s.z.pointer, stride: stride)
    let headWidth = model.configuration.headWidth
    for (row, head, factor) in taps.resultFactors(number, rows: rows) {
      let z = s.z.pointer + row * stride + head * headWidth
      for i in 0..<headWidth { z[i] *= factor }
    }
    reverseResultsChangedAlong(rows, taps)
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
    scoreHeads(rows, taps)
    products.multiply(
      [(weights.q, s.q), (weights.k, s.k), (weights.v, s.v)].map {
        TransposedFactor(matrix: $0.0.matrix, x: $0.1.pointer)
      }, rows: count, into: s.normed.pointer, stride: s.width, continues: continues)
  }

  /// z of heads whose own output is changed along a direction: W_O takes their own derivatives back.
  private func reverseResultsChangedAlong(_ rows: Batch, _ taps: Taps) {
    let (c, stride, matrix) = (model.configuration, weights.q.stride, weights.o.matrix)
    let changed = taps.resultsChangedAlong(
      number, slopes.added, stride: slopes.width, width: c.width, rows: rows)
    guard !changed.isEmpty else { return }
    let g = FloatBuffer(changed.count * slopes.width, zeroed: true)
    let z = FloatBuffer(changed.count * stride)
    for (i, one) in changed.enumerated() {
      (g.pointer + i * slopes.width).update(from: one.g, count: c.width)
    }
    products.multiply(
      [TransposedFactor(matrix: matrix, x: g.pointer)], rows: changed.count, into: z.pointer,
      stride: stride)
    for (i, one) in changed.enumerated() {
      let place = one.head * c.headWidth
      (slopes.z.pointer + one.row * stride + place)
        .update(from: z.pointer + i * stride + place, count: c.headWidth)
    }
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
    let (c, s, kept) = (model.configuration, slopes, kept)
    let (stride, column) = (weights.q.stride, head * c.headWidth)
    let atOnce = HeadScratch.queriesAtOnce
    for start in Swift.stride(from: 0, to: count, by: atOnce) {
      let queries = start..<min(start + atOnce, count)
      reverse(queries, of: head, at: rows, scratch, attention)
    }
    // Each source is read by the queries from its own position on.
    let outputs = [
      (scratch.patterns, s.z.pointer + column, s.valuesOfHeads),
      (scratch.slopes, kept.turnedQueries.pointer + column, s.keysOfHeads),
    ]
    for start in Swift.stride(from: 0, to: count, by: atOnce) {
      let sources = start..<min(start + atOnce, count)
      for (weights, values, out) in outputs {
        for (i, source) in sources.enumerated() {
          scratch.queries[i] = SummandQuery(
            q: values, rows: rows, first: source, count: count,
            scores: weights + source * scratch.stride,
            z: out.pointer + Int(rows[source]) * stride + column)
        }
        work.kernels.weightedValues(
          of: SummandQueries(queries: scratch.queries, count: sources.count, shared: count),
          values: SummandHead(base: values, stride: stride, width: c.headWidth))
      }
    }
  }

  /// Some queries of it: from their z to their turned queries, and what their sources need.
  private func reverse(
    _ queries: Range<Int>, of head: Int, at rows: UnsafePointer<Int32>, _ scratch: HeadScratch,
    _ attention: AttentionTaps
  ) {
    let (c, kernels, s, kept) = (model.configuration, work.kernels, slopes, kept)
    let (stride, column) = (weights.q.stride, head * c.headWidth)
    let shared = c.keyValueHead(of: head) * c.headWidth
    let keys = SummandHead(
      base: kept.k.pointer + shared, stride: weights.k.stride, width: c.headWidth)
    let values = SummandHead(
      base: kept.v.pointer + shared, stride: weights.v.stride, width: c.headWidth)
    func block(_ q: FloatBuffer, _ scores: (Int) -> UnsafeMutablePointer<Float>) -> SummandQueries {
      for (i, query) in queries.enumerated() {
        let offset = Int(rows[query]) * stride + column
        scratch.queries[i] = SummandQuery(
          q: q.pointer + offset, rows: rows, first: 0, count: query + 1, scores: scores(i),
          z: s.q.pointer + offset)
      }
      return SummandQueries(
        queries: scratch.queries, count: queries.count, shared: queries.upperBound)
    }
    kernels.attentionScores(
      of: block(kept.turnedQueries, scratch.scores), keys: keys, scale: c.attentionScale)
    for (i, query) in queries.enumerated() {
      weigh(i, row: Int(rows[query]), head: head, query: query, scratch, attention)
    }
    let slopes = block(s.z, scratch.slope)
    kernels.attentionScores(of: slopes, keys: values, scale: 1)
    for (i, query) in queries.enumerated() {
      reverse(i, row: Int(rows[query]), head: head, query: query, scratch, attention)
    }
    kernels.weightedValues(of: slopes, values: keys)
  }

  /// Leaves in the scratch one query's scores before their edits, its softmax, and its pattern.
  private func weigh(
    _ i: Int, row: Int, head: Int, query: Int, _ scratch: HeadScratch, _ attention: AttentionTaps
  ) {
    let (c, kernels, count) = (model.configuration, work.kernels, query + 1)
    let (scores, softmax, pattern) = (scratch.scores(i), scratch.softmax(i), scratch.pattern(i))
    if let cap = c.scoreCap { kernels.softCap(scores, count: count, cap: cap) }
    softmax.update(from: scores, count: count)
    attention.edit(
      .attnScores, row: row, head: head, softmax, sources: count,
      unseen: c.attention[number].firstSource(of: query))
    kernels.softmax(softmax, count: count)
    pattern.update(from: softmax, count: count)
    attention.edit(.pattern, row: row, head: head, pattern, sources: count)
  }

  /// Takes one query's slopes by its pattern to those by its scores before scale and cap.
  private func reverse(
    _ i: Int, row: Int, head: Int, query: Int, _ scratch: HeadScratch, _ attention: AttentionTaps
  ) {
    let (c, kernels, count) = (model.configuration, work.kernels, query + 1)
    let (g, pattern) = (scratch.slope(i), scratch.pattern(i))
    attention.visitReverse(.pattern, row: row, head: head, g, sources: count)
    kernels.slopeSoftmax(scratch.softmax(i), g, count: count, into: g)
    attention.visitReverse(.attnScores, row: row, head: head, g, sources: count)
    if let cap = c.scoreCap { kernels.slopeSoftCap(scratch.scores(i), g, count: count, cap: cap) }
    for source in 0..<count {
      g[source] *= c.attentionScale
      scratch.patterns[source * scratch.stride + query] = pattern[source]
      scratch.slopes[source * scratch.stride + query] = g[source]
    }
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
  /// As many as the kernels take together.
  static let queriesAtOnce = 12

  let queries: UnsafeMutablePointer<SummandQuery>
  /// The kernels write up to 16 numbers beyond the last source.
  let stride: Int
  private let rows: FloatBuffer
  private let squares: FloatBuffer

  init(longest: Int) {
    stride = (longest + 31) & ~15
    queries = .allocate(capacity: Self.queriesAtOnce)
    rows = FloatBuffer(4 * Self.queriesAtOnce * stride)
    squares = FloatBuffer(2 * longest * stride)
  }

  deinit { queries.deallocate() }

  private func row(_ kind: Int, _ query: Int) -> UnsafeMutablePointer<Float> {
    rows.pointer + (kind * Self.queriesAtOnce + query) * stride
  }

  /// Of the i-th query at hand, by source: scores before edits, their softmax after edits, the pattern after
  /// its own, and slopes.
  func scores(_ i: Int) -> UnsafeMutablePointer<Float> { row(0, i) }
  func softmax(_ i: Int) -> UnsafeMutablePointer<Float> { row(1, i) }
  func pattern(_ i: Int) -> UnsafeMutablePointer<Float> { row(2, i) }
  func slope(_ i: Int) -> UnsafeMutablePointer<Float> { row(3, i) }
  /// `[sources][queries]`
  var patterns: UnsafeMutablePointer<Float> { squares.pointer }
  var slopes: UnsafeMutablePointer<Float> { squares.pointer + squares.count / 2 }
}
