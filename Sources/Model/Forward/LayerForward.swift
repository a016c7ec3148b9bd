/// One layer's computation, in parts that are called in their order: it reads and writes `Buffers`,
/// and visits the taps. Which rows there are is the executor's, which may drop some between the
/// parts.
struct LayerForward {
  let number: Int
  let weights: Transformer.Layer
  let work: RowWork
  /// Nil where this layer rotates nothing.
  let rotary: RotaryTables.Layer?
  let cache: KeyValueCache?

  var model: Transformer { work.model }
  var buffers: Buffers { work.buffers }
  private var width: Int { model.configuration.width }

  // MARK: - Attention

  /// Norms the stream into `normed`, and computes keys and values of all rows, with the queries
  /// where every row goes on.
  ///
  /// - Returns: the keys and values that heads have by themselves.
  func readKeysAndValues(_ rows: Batch, _ taps: inout Taps, withQueries: Bool) -> OwnKeysAndValues {
    keep(buffers.stream, in: buffers.entered)
    normalise(weights.ln1, .ln1Scale, into: buffers.normed, rows, &taps)
    let (k, v) = (newKeys, newValues)
    let queries = withQueries ? [(weights.q, buffers.q.pointer)] : []
    work.multiply(
      buffers.normed, stride: width, rows: rows.rows.count,
      [(weights.k, k), (weights.v, v)] + queries)
    taps.visit(site(.k), in: k, stride: weights.k.stride, rows: rows)
    taps.visit(site(.v), in: v, stride: weights.v.stride, rows: rows)
    keep(keys, in: buffers.unturnedKeys)
    turn(
      k, stride: weights.k.stride, heads: model.configuration.keyValueHeads, norm: weights.kNorm,
      rows)
    return readOwnKeysAndValues(rows, taps)
  }

  /// The queries of the rows that go on, where some did not.
  func readQueries(_ rows: Batch) {
    work.multiply(
      buffers.normed, stride: width, rows: rows.rows.count, [(weights.q, buffers.q.pointer)])
  }

  /// Leaves in `attentionOut` what attention adds to the stream.
  ///
  /// - Parameters:
  ///   - sources: for each member where the keys and values of its positions stand.
  ///   - own: the keys and values that heads have by themselves.
  func attend(
    _ rows: Batch, _ taps: inout Taps, sources: AttentionSources,
    own: OwnKeysAndValues = OwnKeysAndValues()
  ) {
    let b = buffers
    let stride = weights.q.stride
    readOwnQueries(rows, taps)
    taps.visit(.q, number, b.q, stride: stride, rows: rows)
    if b.turnedQueries !== b.q { b.turnedQueries.copy(from: b.q) }
    turn(
      b.turnedQueries.pointer, stride: stride, heads: model.configuration.heads,
      norm: weights.qNorm, rows)
    weighValues(rows, &taps, sources: sources, own: own)
    taps.visit(.z, number, b.z, stride: stride, rows: rows)
    work.multiply(
      b.z, stride: stride, rows: rows.rows.count, [(weights.o, b.attentionOut.pointer)])
    let results = visitResult(rows, &taps)
    noteHeads(rows, &taps, results: results)
    keep(b.attentionOut, in: b.attentionBeforeNorm)
    normaliseAdded(
      weights.ln1Post, .ln1PostScale, b.attentionOut, stride: weights.o.stride, rows, &taps)
    taps.visit(.attnOut, number, b.attentionOut, stride: weights.o.stride, rows: rows)
  }

  // MARK: - MLP

  /// Adds attention's part to the stream, then the MLP's: the model says which of the two streams
  /// the MLP reads.
  func runMLP(_ rows: Batch, _ taps: inout Taps) {
    let input: FloatBuffer
    switch model.configuration.residual {
    case .sequential:
      addAttention(rows, taps)
      taps.visit(.residMid, number, buffers.stream, stride: width, rows: rows)
      keep(buffers.stream, in: buffers.between)
      input = readForMLP(rows, &taps)
    case .parallel:
      input = readForMLP(rows, &taps)
      addAttention(rows, taps)
    case .parallelSharedNorm:
      input = readForMLP(rows, &taps)
      addAttention(rows, taps)
    }
    switch weights.mlp {
    case .dense(let mlp): run(mlp, on: input, rows, &taps)
    }
    let stride = weights.mlp.outputStride
    keep(buffers.mlpOut, in: buffers.mlpBeforeNorm)
    normaliseAdded(weights.ln2Post, .ln2PostScale, buffers.mlpOut, stride: stride, rows, &taps)
    taps.visit(.mlpOut, number, buffers.mlpOut, stride: stride, rows: rows) { row in
      MLPInputs(stream: self.row(row, of: buffers.stream), normed: self.row(row, of: input))
    }
    taps.edges.note(.mlp(layer: number), rows: rows) { row in
      Array(UnsafeBufferPointer(start: buffers.mlpOut.pointer + row * stride, count: width))
    }
    taps.outside.note(.mlp(layer: number), rows: rows) { row in
      UnsafePointer(buffers.mlpOut.pointer + row * stride)
    }
    work.addToStream(buffers.mlpOut, stride: stride, rows: rows.rows.count)
    taps.visit(.residPost, number, buffers.stream, stride: width, rows: rows)
  }

  private func row(_ row: Int, of x: FloatBuffer) -> [Float] {
    Array(UnsafeBufferPointer(start: x.pointer + row * width, count: width))
  }

  /// What a later step writes over, where it is to be kept.
  private func keep(_ x: FloatBuffer, in kept: FloatBuffer) {
    if kept.count > 0 { kept.copy(from: x) }
  }

  private func addAttention(_ rows: Batch, _ taps: Taps) {
    work.addToStream(buffers.attentionOut, stride: weights.o.stride, rows: rows.rows.count)
    guard weights.ln1Post == nil, let bias = weights.o.bias else { return }
    bias.withUnsafeBufferPointer { bias in
      if let bias = bias.baseAddress { taps.outside.noteRest(rows: rows) { _ in bias } }
    }
  }

  private func readForMLP(_ rows: Batch, _ taps: inout Taps) -> FloatBuffer {
    let input = weights.ln2 == nil ? buffers.normed : buffers.normedForMLP
    if let norm = weights.ln2 { normalise(norm, .ln2Scale, into: input, rows, &taps) }
    readOwnForMLP(input, rows, taps)
    return input
  }

  /// Leaves in `mlpOut` what the MLP gives.
  private func run(
    _ mlp: DenseMLP, on input: FloatBuffer, _ rows: Batch, _ taps: inout Taps
  ) {
    let (b, count) = (buffers, rows.rows.count)
    work.multiply(
      input, stride: width, rows: count,
      [(mlp.gate, b.hidden.pointer)] + (mlp.up.map { [($0, b.up.pointer)] } ?? []))
    let stride = mlp.gate.stride
    taps.visit(.mlpPre, number, b.hidden, stride: stride, rows: rows)
    let (kernels, shape) = (work.kernels, model.configuration.mlp[number])
    // An exponential takes as long as reading a few numbers.
    work.forEach(count, floats: 6 * mlp.neurons) { row in
      let up = mlp.up.map { UnsafePointer(b.up.pointer + row * $0.stride) }
      kernels.activate(
        shape.nonlinearity, b.hidden.pointer + row * stride, up: up, count: mlp.neurons,
        into: b.activated.pointer + row * stride)
    }
    taps.visit(.mlpPost, number, b.activated, stride: stride, rows: rows)
    work.multiply(b.activated, stride: stride, rows: count, [(mlp.down, b.mlpOut.pointer)])
  }

  // MARK: - Norms

  /// Writes the normed rows of the stream into `out`.
  private func normalise(
    _ norm: Transformer.Norm, _ scale: Activation, into out: FloatBuffer, _ rows: Batch,
    _ taps: inout Taps
  ) {
    guard taps.touches(site(scale)) else {
      return work.normalise(
        buffers.stream, stride: width, rows: rows.rows.count, norm, into: out)
    }
    work.normalise(
      buffers.stream, stride: width, rows: rows.rows.count, norm, into: out
    ) { taps.visit(scale, number, $0, stride: 1, rows: rows) }
  }

  /// Norms what is on its way into the stream, in place, where there is such a norm.
  private func normaliseAdded(
    _ norm: Transformer.Norm?, _ scale: Activation, _ x: FloatBuffer, stride: Int, _ rows: Batch,
    _ taps: inout Taps
  ) {
    guard let norm else { return }
    let count = rows.rows.count
    guard taps.touches(site(scale)) else {
      return work.normalise(x, stride: stride, rows: count, norm, into: x)
    }
    work.normalise(x, stride: stride, rows: count, norm, into: x) {
      taps.visit(scale, number, $0, stride: 1, rows: rows)
    }
  }

  // MARK: - Keys and queries

  /// Norms each head's vector, where heads have a norm, and rotates it.
  private func turn(
    _ x: UnsafeMutablePointer<Float>, stride: Int, heads: Int, norm: Transformer.Norm?,
    _ rows: Batch
  ) {
    if norm == nil && rotary == nil { return }
    let (kernels, width) = (work.kernels, model.configuration.headWidth)
    let (epsilon, rotary) = (model.configuration.epsilon, rotary)
    work.forEach(rows.rows.count) { row in
      let x = x + row * stride
      if let norm {
        for head in 0..<heads {
          let x = x + head * width
          let scale = norm.scale(of: x, width, epsilon, kernels)
          norm.apply(to: x, scale: scale, width, kernels, into: x)
        }
      }
      let (owner, position) = (rows.rows[row].owner, rows.rows[row].position)
      rotary?.table(tokens: rows.members[owner].request.tokens.count)
        .rotate(x, heads: heads, width: width, at: position, kernels)
    }
  }

  /// `[rows][stride]`, `sources` counting from the start.
  var keys: FloatBuffer { cache?.keys[number] ?? buffers.k }
  var values: FloatBuffer { cache?.values[number] ?? buffers.v }

  /// Where those of the rows at hand begin.
  private var newKeys: UnsafeMutablePointer<Float> {
    keys.pointer + (cache?.count ?? 0) * weights.k.stride
  }

  private var newValues: UnsafeMutablePointer<Float> {
    values.pointer + (cache?.count ?? 0) * weights.v.stride
  }

  func site(_ activation: Activation) -> Site { Site(activation, layer: number) }
}
