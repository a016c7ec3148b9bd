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
  let rope: RotaryTables
  let buffers: Buffers
  /// Where keys and values stay, if they are to; else those of one layer make room for the next's.
  private let cache: KeyValueCache?

  init(_ model: Transformer, batch: Batch) {
    self.init(
      model, batch: batch,
      rope: RotaryTables(
        model.configuration, tokens: batch.members.map(\.request.tokens.count).max() ?? 0),
      cache: nil)
  }

  /// - Parameter cache: holds the positions of the batch's one run that have no row in it, and takes
  ///   the others.
  init(_ model: Transformer, batch: Batch, rope: RotaryTables, cache: KeyValueCache?) {
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
    let scale = model.configuration.embeddingScale
    for row in batch.rows.indices {
      let embedding = model.embedding.row(batch.token(of: row))
      let x = buffers.stream.pointer + row * width
      for i in 0..<width { x[i] = scale.map { embedding[i] * $0 } ?? embedding[i] }
    }
    visit(.embed, 0, buffers.stream, stride: width)
    guard let positions = model.positionEmbedding else { return }
    for row in batch.rows.indices {
      let embedding = positions.row(batch.rows[row].position)
      (buffers.added.pointer + row * width).update(from: embedding, count: width)
    }
    visit(.posEmbed, 0, buffers.added, stride: width)
    addToStream(stride: width)
  }

  /// Rows that nothing reads any more are gone; those that fork at this layer begin with their base's
  /// stream, before any edit at the layer.
  mutating func copyForks(at layer: Int) {
    close(buffers.stream, around: batch.drop(before: .keysAndValues(of: layer)))
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
    runAttention(l, layer)
    // Which is when the MLP reads the stream.
    switch model.configuration.residual {
    case .sequential:
      addToStream(stride: layer.o.stride)
      visit(.residMid, l, buffers.stream, stride: width)
      if let ln2 = layer.ln2 { normalise(ln2, scale: .ln2Scale, l) }
    case .parallel:
      if let ln2 = layer.ln2 { normalise(ln2, scale: .ln2Scale, l) }
      addToStream(stride: layer.o.stride)
    case .parallelSharedNorm:
      // What attention read is still there.
      addToStream(stride: layer.o.stride)
    }
    runMLP(l, layer)
    addToStream(stride: layer.down.stride)
    visit(.residPost, l, buffers.stream, stride: width)
  }

  /// Leaves in `added` what attention adds to the stream, in `normed` what it has read.
  private mutating func runAttention(_ l: Int, _ layer: Transformer.Layer) {
    let b = buffers
    normalise(layer.ln1, scale: .ln1Scale, l)
    let hasEnds = batch.hasEnds(before: .through(l))
    multiplyNormed(
      [(layer.k, newKeys(l)), (layer.v, newValues(l))] + (hasEnds ? [] : [(layer.q, b.q.pointer)]))
    taps.visit(Site(.k, layer: l), in: newKeys(l), stride: layer.k.stride, rows: batch)
    taps.visit(Site(.v, layer: l), in: newValues(l), stride: layer.v.stride, rows: batch)
    turn(newKeys(l), stride: layer.k.stride, heads: keyValueHeads, norm: layer.kNorm, l)
    let sources = sources
    if hasEnds {
      let kept = batch.drop(before: .through(l))
      close(b.stream, around: kept)
      close(b.normed, around: kept)
      multiplyNormed([(layer.q, b.q.pointer)])
    }
    visit(.q, l, b.q, stride: layer.q.stride)
    turn(b.q.pointer, stride: layer.q.stride, heads: heads, norm: layer.qNorm, l)
    attend(l, sources: sources)
    visit(.z, l, b.z, stride: layer.q.stride)
    multiply(b.z.pointer, stride: layer.q.stride, [(layer.o, b.added.pointer)])
    visitResult(l)
    if let norm = layer.ln1Post {
      normaliseAdded(norm, scale: .ln1PostScale, l, stride: layer.o.stride)
    }
    visit(.attnOut, l, b.added, stride: layer.o.stride)
  }

  /// Leaves in `added` what the MLP adds to the stream.
  private mutating func runMLP(_ l: Int, _ layer: Transformer.Layer) {
    let b = buffers
    multiplyNormed(
      [(layer.gate, b.gate.pointer)] + (layer.up.map { [($0, b.up.pointer)] } ?? []))
    visit(.mlpPre, l, b.gate, stride: layer.gate.stride)
    let neurons = model.configuration.neurons
    let activate = kernels.activate(model.configuration.mlp.nonlinearity)
    forEachRow { row in
      let gate = b.gate.pointer + row * layer.gate.stride
      let up = layer.up.map { UnsafePointer(b.up.pointer + row * $0.stride) }
      activate(gate, up, neurons, gate)
    }
    visit(.mlpPost, l, b.gate, stride: layer.gate.stride)
    multiply(b.gate.pointer, stride: layer.gate.stride, [(layer.down, b.added.pointer)])
    if let norm = layer.ln2Post {
      normaliseAdded(norm, scale: .ln2PostScale, l, stride: layer.down.stride)
    }
    visit(.mlpOut, l, b.added, stride: layer.down.stride)
  }

  // MARK: - Products

  typealias Output = (linear: Transformer.Linear, out: UnsafeMutablePointer<Float>)

  private func multiplyNormed(_ outputs: [Output]) {
    multiply(buffers.normed.pointer, stride: width, outputs)
  }

  /// Products, then biases.
  private func multiply(_ x: UnsafePointer<Float>, stride: Int, _ outputs: [Output]) {
    products.multiply(
      x, rows: batch.rows.count, stride: stride,
      outputs.map { ProductTarget(matrix: $0.linear.matrix, out: $0.out) })
    for (linear, out) in outputs {
      guard let bias = linear.bias else { continue }
      let kernels = kernels
      forEachRow { row in kernels.add(bias, out + row * linear.stride, bias.count) }
    }
  }

  // MARK: - Norms

  /// Writes the normed rows of the stream into `normed`.
  mutating func normalise(_ norm: Transformer.Norm, scale: Activation, _ l: Int) {
    normalise(buffers.stream, stride: width, norm, scale: scale, l, into: buffers.normed)
  }

  /// Norms what is on its way into the stream, in place.
  private mutating func normaliseAdded(
    _ norm: Transformer.Norm, scale: Activation, _ l: Int, stride: Int
  ) {
    normalise(buffers.added, stride: stride, norm, scale: scale, l, into: buffers.added)
  }

  /// `x` and `out` are `[rows][stride]`.
  private mutating func normalise(
    _ x: FloatBuffer, stride: Int, _ norm: Transformer.Norm, scale: Activation, _ l: Int,
    into out: FloatBuffer
  ) {
    let (kernels, width, scales) = (kernels, width, buffers.scales)
    let epsilon = model.configuration.epsilon
    forEachRow { row in
      scales.pointer[row] = norm.scale(of: x.pointer + row * stride, width, epsilon, kernels)
    }
    visit(scale, l, scales, stride: 1)
    forEachRow { row in
      norm.apply(
        to: x.pointer + row * stride, scale: scales.pointer[row], width, kernels,
        into: out.pointer + row * stride)
    }
  }

  // MARK: - Keys and queries

  private var heads: Int { model.configuration.heads }
  private var keyValueHeads: Int { model.configuration.keyValueHeads }

  /// Norms each head's vector, where heads have a norm, and rotates it.
  private func turn(
    _ x: UnsafeMutablePointer<Float>, stride: Int, heads: Int, norm: Transformer.Norm?, _ l: Int
  ) {
    let (kernels, width) = (kernels, model.configuration.headWidth)
    let epsilon = model.configuration.epsilon
    let rotary = rope[l]
    if norm == nil && rotary == nil { return }
    forEachRow { row in
      let x = x + row * stride
      if let norm {
        for head in 0..<heads {
          let x = x + head * width
          let scale = norm.scale(of: x, width, epsilon, kernels)
          norm.apply(to: x, scale: scale, width, kernels, into: x)
        }
      }
      let place = batch.rows[row]
      rotary?.table(tokens: batch.members[place.owner].request.tokens.count)
        .rotate(x, heads: heads, width: width, at: place.position, kernels)
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

  private func addToStream(stride: Int) {
    forEachRow { row in
      kernels.add(
        buffers.added.pointer + row * stride, buffers.stream.pointer + row * width, width)
    }
  }

  // MARK: - Helpers

  /// Edits, then captures: what is kept is what the rest of the model sees.
  mutating func visit(_ activation: Activation, _ l: Int, _ x: FloatBuffer, stride: Int) {
    taps.visit(Site(activation, layer: l), in: x.pointer, stride: stride, rows: batch)
  }

  private func forEachRow(_ body: (Int) -> Void) {
    let (rows, perItem) = (batch.rows.count, 8)
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
    func buffer(_ linear: (Transformer.Layer) -> Transformer.Linear?) -> FloatBuffer {
      // Zeroed: the columns that fill a row up to whole panels are read by no one, but must not be
      // signalling values.
      FloatBuffer(rows * (model.layers.first.flatMap { linear($0)?.stride } ?? 0), zeroed: true)
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
    up = buffer { $0.up }
    added = buffer(\.o)
  }
}
