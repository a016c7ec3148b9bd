#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Runs one batch from the embedding to the logits, layer by layer, all its rows together.
///
/// Arithmetic is the kernels' alone; what stands here is which rows meet which weights, and where
/// edits and captures fall.
struct Executor {
  let model: Transformer
  /// The rows at the layer at hand.
  var batch: Batch
  let kernels = Kernels.current
  let products: Products
  var taps: Taps
  let rope: RotaryTable
  let buffers: Buffers
  /// Where keys and values stay, if they are to; else those of one layer make room for the next's.
  private let cache: KeyValueCache?

  init(_ model: Transformer, batch: Batch) {
    self.init(
      model, batch: batch,
      rope: RotaryTable(
        model.configuration, positions: batch.members.map(\.request.tokens.count).max() ?? 0),
      cache: nil)
  }

  /// - Parameter cache: holds the positions of the batch's one run that have no row in it, and takes
  ///   the others.
  init(_ model: Transformer, batch: Batch, rope: RotaryTable, cache: KeyValueCache?) {
    self.model = model
    self.batch = batch
    self.rope = rope
    self.cache = cache
    products = Products(pool: model.pool)
    taps = Taps(batch, configuration: model.configuration)
    buffers = Buffers(model, rows: batch.schedule.rowsAtMost)
  }

  /// Calls `consume` once for each member, with what it asked for.
  ///
  /// - Parameter advanced: told after each layer how many rows went through it, and how many
  ///   row-layers, from this one on, turned out to be their bases' own.
  mutating func run(
    advanced: (_ rows: Int, _ spared: Int) -> Void, consume: (Int, RunResult) throws -> Void
  ) throws {
    embed()
    for layer in model.layers.indices {
      try Interruption.check()
      if layer > 0 { copyForks(at: layer) }
      visit(.residPre, layer, buffers.stream, stride: width)
      let spared = rejoin(at: layer)
      runLayer(layer)
      try model.checkWeights()
      advanced(batch.rows.count, spared)
    }
    try finish(consume: consume)
  }

  // MARK: - Layers

  var width: Int { model.configuration.width }

  private mutating func embed() {
    for row in batch.rows.indices {
      let embedding = model.embedding.row(batch.token(of: row))
      (buffers.stream.pointer + row * width).update(from: embedding, count: width)
    }
    visit(.embed, 0, buffers.stream, stride: width)
  }

  /// Rows that nothing reads any more are gone; those that fork at this layer begin with their base's
  /// stream, before any edit at the layer.
  mutating func copyForks(at layer: Int) {
    close(buffers.stream, around: batch.drop(before: 2 * layer))
    let stream = buffers.stream.pointer
    for (own, base) in batch.enter(layer) {
      (stream + own * width).update(from: stream + base * width, count: width)
    }
  }

  /// Rows that no longer differ from their bases' are dropped.
  private mutating func rejoin(at layer: Int) -> Int {
    let (stream, width) = (buffers.stream.pointer, width)
    let found = batch.rejoin(at: layer) { own, base in
      memcmp(stream + own * width, stream + base * width, width * MemoryLayout<Float>.size) == 0
    }
    guard let (kept, spared) = found else { return 0 }
    close(buffers.stream, around: kept)
    return spared
  }

  /// Moves the rows that stay to the front.
  private func close(_ x: FloatBuffer, around kept: [Int]) {
    for (new, old) in kept.enumerated() where new != old {
      (x.pointer + new * width).update(from: x.pointer + old * width, count: width)
    }
  }

  private mutating func runLayer(_ l: Int) {
    let layer = model.layers[l]
    let b = buffers
    normalise(b.stream, weight: layer.ln1, scale: .ln1Scale, l)
    let queries = ProductTarget(matrix: layer.q, out: b.q.pointer)
    let hasEnds = batch.hasEnds(before: 2 * l + 1)
    multiplyNormed(
      [
        ProductTarget(matrix: layer.k, out: newKeys(l)),
        ProductTarget(matrix: layer.v, out: newValues(l)),
      ] + (hasEnds ? [] : [queries]))
    taps.visit(Site(.k, layer: l), in: newKeys(l), stride: layer.k.stride, rows: batch)
    taps.visit(Site(.v, layer: l), in: newValues(l), stride: layer.v.stride, rows: batch)
    rotate(newKeys(l), stride: layer.k.stride, heads: model.configuration.keyValueHeads)
    let sources = sources
    if hasEnds {
      let kept = batch.drop(before: 2 * l + 1)
      close(b.stream, around: kept)
      close(b.normed, around: kept)
      multiplyNormed([queries])
    }
    let rows = batch.rows.count
    visit(.q, l, b.q, stride: layer.q.stride)
    rotate(b.q.pointer, stride: layer.q.stride, heads: model.configuration.heads)
    attend(l, sources: sources)
    visit(.z, l, b.z, stride: layer.q.stride)

    products.multiply(
      b.z.pointer, rows: rows, stride: layer.q.stride,
      [ProductTarget(matrix: layer.o, out: b.added.pointer)])
    visitResult(l, rows: rows)
    visit(.attnOut, l, b.added, stride: layer.o.stride)
    addToStream(stride: layer.o.stride)
    visit(.residMid, l, b.stream, stride: width)

    normalise(b.stream, weight: layer.ln2, scale: .ln2Scale, l)
    multiplyNormed([
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
    addToStream(stride: layer.down.stride)
    visit(.residPost, l, b.stream, stride: width)
  }

  private func multiplyNormed(_ targets: [ProductTarget]) {
    products.multiply(buffers.normed.pointer, rows: batch.rows.count, stride: width, targets)
  }

  mutating func normalise(_ x: FloatBuffer, weight: [Float], scale: Activation, _ l: Int) {
    let (kernels, width, b, rows) = (kernels, width, buffers, batch.rows.count)
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

  /// For each member where the keys and values of its positions stand.
  private var sources: [[Int32]] {
    cache == nil
      ? batch.places : batch.members.map { $0.request.tokens.indices.map(Int32.init) }
  }

  /// `[rows][stride]`, `sources` counting from the start.
  func keys(_ l: Int) -> FloatBuffer { cache?.keys[l] ?? buffers.k }
  func values(_ l: Int) -> FloatBuffer { cache?.values[l] ?? buffers.v }

  /// Where those of the batch's own rows begin.
  private func newKeys(_ l: Int) -> UnsafeMutablePointer<Float> {
    keys(l).pointer + (cache?.count ?? 0) * model.layers[l].k.stride
  }

  private func newValues(_ l: Int) -> UnsafeMutablePointer<Float> {
    values(l).pointer + (cache?.count ?? 0) * model.layers[l].v.stride
  }

  private func rotate(_ x: UnsafeMutablePointer<Float>, stride: Int, heads: Int) {
    let headWidth = model.configuration.headWidth
    forEachRow(batch.rows.count) { row in
      rope.withAngles(at: batch.rows[row].position) { cosines, sines in
        for head in 0..<heads {
          kernels.rotate(
            x + row * stride + head * headWidth, headWidth / 2, cosines, sines)
        }
      }
    }
  }

  private func addToStream(stride: Int) {
    forEachRow(batch.rows.count) { row in
      kernels.add(
        buffers.added.pointer + row * stride, buffers.stream.pointer + row * width, width)
    }
  }

  // MARK: - Helpers

  /// Edits, then captures: what is kept is what the rest of the model sees.
  mutating func visit(_ activation: Activation, _ l: Int, _ x: FloatBuffer, stride: Int) {
    taps.visit(Site(activation, layer: l), in: x.pointer, stride: stride, rows: batch)
  }

  private func forEachRow(_ rows: Int, _ body: (Int) -> Void) {
    let perItem = 8
    model.pool.run((rows + perItem - 1) / perItem) { item, _ in
      for row in item * perItem..<min(rows, (item + 1) * perItem) { body(row) }
    }
  }
}

/// The activations of the layer at hand, `[rows][stride]` each.
final class Buffers {
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
