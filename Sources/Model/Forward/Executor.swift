/// Runs one batch from the embedding to the logits, layer by layer, all its rows together.
///
/// Arithmetic is the kernels' alone; what stands here is which rows meet which weights, and where
/// edits and captures fall.
struct Executor {
  private let model: Transformer
  private let batch: Batch
  private let kernels = Kernels.current
  private let products: Products
  private var taps: Taps
  private let rope: RotaryTable
  private let buffers: Buffers

  init(_ model: Transformer, batch: Batch) {
    self.model = model
    self.batch = batch
    products = Products(pool: model.pool)
    taps = Taps(batch, configuration: model.configuration)
    rope = RotaryTable(model.configuration, positions: (batch.positions.max() ?? 0) + 1)
    buffers = Buffers(model, rows: batch.rowCount)
  }

  /// Calls `consume` once for each member, with what it asked for.
  ///
  /// - Parameter advanced: told after each layer how many rows went through it.
  mutating func run(
    advanced: (Int) -> Void, consume: (Int, RunResult) throws -> Void
  ) throws {
    embed()
    for layer in model.layers.indices {
      try Interruption.check()
      copyForks(at: layer)
      runLayer(layer, rows: batch.alive[layer])
      advanced(batch.alive[layer])
    }
    try finish(consume: consume)
  }

  // MARK: - Layers

  private var width: Int { model.configuration.width }

  private mutating func embed() {
    for row in 0..<batch.alive[0] {
      let embedding = model.embedding.row(batch.tokens[row])
      (buffers.stream.pointer + row * width).update(from: embedding, count: width)
    }
    visit(.embed, 0, buffers.stream, stride: width)
  }

  /// Runs that fork at this layer begin with their base's stream, before any edit at the layer.
  private func copyForks(at layer: Int) {
    guard layer > 0 else { return }
    let stream = buffers.stream.pointer
    for (own, base) in batch.forks(at: layer) {
      (stream + own * width).update(from: stream + base * width, count: width)
    }
  }

  private mutating func runLayer(_ l: Int, rows: Int) {
    let layer = model.layers[l]
    let b = buffers
    visit(.residPre, l, b.stream, stride: width)

    normalise(b.stream, weight: layer.ln1, scale: .ln1Scale, l, rows: rows)
    products.multiply(
      b.normed.pointer, rows: rows, stride: width,
      [
        ProductTarget(matrix: layer.q, out: b.q.pointer),
        ProductTarget(matrix: layer.k, out: b.k.pointer),
        ProductTarget(matrix: layer.v, out: b.v.pointer),
      ])
    visit(.q, l, b.q, stride: layer.q.stride)
    visit(.k, l, b.k, stride: layer.k.stride)
    visit(.v, l, b.v, stride: layer.v.stride)
    rotate(b.q, stride: layer.q.stride, heads: model.configuration.heads, rows: rows)
    rotate(b.k, stride: layer.k.stride, heads: model.configuration.keyValueHeads, rows: rows)
    attend(l, rows: rows)
    visit(.z, l, b.z, stride: layer.q.stride)

    products.multiply(
      b.z.pointer, rows: rows, stride: layer.q.stride,
      [ProductTarget(matrix: layer.o, out: b.added.pointer)])
    visitResult(l, rows: rows)
    visit(.attnOut, l, b.added, stride: layer.o.stride)
    addToStream(stride: layer.o.stride, rows: rows)
    visit(.residMid, l, b.stream, stride: width)

    normalise(b.stream, weight: layer.ln2, scale: .ln2Scale, l, rows: rows)
    products.multiply(
      b.normed.pointer, rows: rows, stride: width,
      [
        ProductTarget(matrix: layer.gate, out: b.gate.pointer),
        ProductTarget(matrix: layer.up, out: b.up.pointer),
      ])
    let neurons = model.configuration.neurons
    visit(.mlpPre, l, b.gate, stride: layer.gate.stride)
    forEachRow(rows) { row in
      let offset = row * layer.gate.stride
      kernels.gatedSiLU(
        b.gate.pointer + offset, b.up.pointer + offset, neurons, b.gate.pointer + offset)
    }
    visit(.mlpPost, l, b.gate, stride: layer.gate.stride)
    products.multiply(
      b.gate.pointer, rows: rows, stride: layer.gate.stride,
      [ProductTarget(matrix: layer.down, out: b.added.pointer)])
    visit(.mlpOut, l, b.added, stride: layer.down.stride)
    addToStream(stride: layer.down.stride, rows: rows)
    visit(.residPost, l, b.stream, stride: width)
  }

  private mutating func normalise(
    _ x: FloatBuffer, weight: [Float], scale: Activation, _ l: Int, rows: Int
  ) {
    let (kernels, width, b) = (kernels, width, buffers)
    let epsilon = model.configuration.epsilon
    forEachRow(rows) { row in
      b.scales.pointer[row] = kernels.rootMeanSquare(x.pointer + row * width, width, epsilon)
    }
    visit(scale, l, b.scales, stride: 1)
    weight.withUnsafeBufferPointer { weight in
      guard let weight = weight.baseAddress else { return }
      forEachRow(rows) { row in
        kernels.normalise(
          x.pointer + row * width, b.scales.pointer[row], weight, width,
          b.normed.pointer + row * width)
      }
    }
  }

  private func rotate(_ x: FloatBuffer, stride: Int, heads: Int, rows: Int) {
    let headWidth = model.configuration.headWidth
    forEachRow(rows) { row in
      rope.withAngles(at: batch.positions[row]) { cosines, sines in
        for head in 0..<heads {
          kernels.rotate(
            x.pointer + row * stride + head * headWidth, headWidth / 2, cosines, sines)
        }
      }
    }
  }

  private func addToStream(stride: Int, rows: Int) {
    forEachRow(rows) { row in
      kernels.add(
        buffers.added.pointer + row * stride, buffers.stream.pointer + row * width, width)
    }
  }

  // MARK: - Attention

  /// One item a row: every head's scores, pattern and z.
  private mutating func attend(_ l: Int, rows: Int) {
    let c = model.configuration
    let layer = model.layers[l]
    let (kernels, b, batch) = (kernels, buffers, batch)
    let longest = (batch.positions.max() ?? 0) + 1
    let attention = AttentionTaps(
      taps, layer: l, rows: rows, longest: longest, heads: c.heads)
    let scale = 1 / Float(c.headWidth).squareRoot()
    let scratch = (0..<model.pool.width).map { _ in FloatBuffer(longest) }
    model.pool.run(rows) { row, worker in
      let scores = scratch[worker].pointer
      let sources = batch.positions[row] + 1
      batch.members[batch.owners[row]].rows.withUnsafeBufferPointer { places in
        guard let places = places.baseAddress else { return }
        for head in 0..<c.heads {
          let column = c.keyValueHead(of: head) * c.headWidth
          kernels.attentionScores(
            b.q.pointer + row * layer.q.stride + head * c.headWidth, b.k.pointer + column,
            layer.k.stride, places, sources, c.headWidth, scale, scores)
          attention.visit(.attnScores, row: row, head: head, scores, sources: sources)
          kernels.softmax(scores, sources)
          attention.visit(.pattern, row: row, head: head, scores, sources: sources)
          kernels.weightedValues(
            scores, b.v.pointer + column, layer.v.stride, places, sources, c.headWidth,
            b.z.pointer + row * layer.q.stride + head * c.headWidth)
        }
      }
    }
    for (activation, kept) in attention.kept {
      taps.capture(Site(activation, layer: l), in: kept.pointer, stride: c.heads * longest)
    }
  }

  /// A head's own output is z · W_O with every other head's z at 0. It is computed only where it is
  /// edited or kept; an edit adds (edited − original) to what attention adds to the stream, so that
  /// one which changes nothing changes no bit.
  private mutating func visitResult(_ l: Int, rows: Int) {
    let site = Site(.result, layer: l)
    guard taps.touches(site) else { return }
    let c = model.configuration
    let results = FloatBuffer(rows * c.heads * c.width)
    for head in 0..<c.heads { computeResult(of: head, l, rows: rows, into: results) }
    let original = FloatBuffer(results.count)
    original.pointer.update(from: results.pointer, count: results.count)
    let stride = c.heads * c.width
    taps.visit(site, in: results.pointer, stride: stride)
    for (row, head) in taps.editedUnits(at: site) {
      let offset = row * stride + head * c.width
      let added = buffers.added.pointer + row * model.layers[l].o.stride
      for i in 0..<c.width {
        let difference = results.pointer[offset + i] - original.pointer[offset + i]
        // Adding 0 would turn −0 into 0.
        if difference != 0 { added[i] += difference }
      }
    }
  }

  /// Writes one head's result into `results`, `[rows][heads][d_model]`.
  private func computeResult(of head: Int, _ l: Int, rows: Int, into results: FloatBuffer) {
    let c = model.configuration
    let (qStride, matrix) = (model.layers[l].q.stride, model.layers[l].o)
    let masked = FloatBuffer(rows * qStride, zeroed: true)
    let out = FloatBuffer(rows * matrix.stride)
    for row in 0..<rows {
      let offset = row * qStride + head * c.headWidth
      (masked.pointer + offset).update(from: buffers.z.pointer + offset, count: c.headWidth)
    }
    products.multiply(
      masked.pointer, rows: rows, stride: qStride,
      [ProductTarget(matrix: matrix, out: out.pointer)])
    for row in 0..<rows {
      (results.pointer + (row * c.heads + head) * c.width).update(
        from: out.pointer + row * matrix.stride, count: c.width)
    }
  }

  // MARK: - Logits

  private mutating func finish(consume: (Int, RunResult) throws -> Void) throws {
    let l = model.layers.count
    try Interruption.check()
    copyForks(at: l)
    normalise(
      buffers.stream, weight: model.finalNorm, scale: .lnFinalScale, 0, rows: batch.alive[l])
    for (i, member) in batch.members.enumerated() {
      var result = taps.results[i]
      let rows = batch.rows(of: i, at: l)
      switch member.request.logits {
      case .none: break
      case .all(let positions): result.logits = logits(of: positions.map { Int(rows[$0]) })
      case .tokens(let tokens, let position):
        let row = buffers.normed.pointer + Int(rows[position]) * width
        result.logits = [products.outputs(tokens, of: row, by: model.unembedding)]
      }
      try consume(member.index, result)
    }
  }

  /// The whole vocabulary for some rows.
  private func logits(of rows: [Int]) -> [[Float]] {
    let stride = model.unembedding.stride
    let x = FloatBuffer(rows.count * width)
    for (i, row) in rows.enumerated() {
      (x.pointer + i * width).update(from: buffers.normed.pointer + row * width, count: width)
    }
    let out = FloatBuffer(rows.count * stride)
    products.multiply(
      x.pointer, rows: rows.count, stride: width,
      [ProductTarget(matrix: model.unembedding, out: out.pointer)])
    return rows.indices.map {
      Array(
        UnsafeBufferPointer(
          start: out.pointer + $0 * stride, count: model.configuration.vocabulary))
    }
  }

  // MARK: - Helpers

  /// Edits, then captures: what is kept is what the rest of the model sees.
  private mutating func visit(_ activation: Activation, _ l: Int, _ x: FloatBuffer, stride: Int) {
    taps.visit(Site(activation, layer: l), in: x.pointer, stride: stride)
  }

  private func forEachRow(_ rows: Int, _ body: (Int) -> Void) {
    let perItem = 8
    model.pool.run((rows + perItem - 1) / perItem) { item, _ in
      for row in item * perItem..<min(rows, (item + 1) * perItem) { body(row) }
    }
  }
}

/// The activations of the layer at hand, `[rows][stride]` each.
private final class Buffers {
  /// The residual stream.
  let stream: FloatBuffer
  let normed, scales, q, k, v, z, gate, up: FloatBuffer
  /// What attention, then the MLP, adds to the stream.
  let added: FloatBuffer

  init(_ model: Transformer, rows: Int) {
    func buffer(_ matrix: (Transformer.Layer) -> PackedMatrix) -> FloatBuffer {
      // Zeroed: the columns that fill a row up to whole panels are read by no one, but must not be
      // signalling values.
      FloatBuffer(rows * (model.layers.first.map { matrix($0).stride } ?? 0), zeroed: true)
    }
    let width = model.configuration.width
    stream = FloatBuffer(rows * width)
    normed = FloatBuffer(rows * width)
    scales = FloatBuffer(rows)
    q = buffer(\.q)
    k = buffer(\.k)
    v = buffer(\.v)
    z = buffer(\.q)
    gate = buffer(\.gate)
    up = buffer(\.up)
    added = buffer(\.o)
  }
}
