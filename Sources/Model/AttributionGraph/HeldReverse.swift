/// What each writer gives to a target.
struct GraphRow {
  /// By column of `GraphWriters`.
  var weights: [Float]
  /// What biases give.
  var bias: Double
}

/// Targets backwards through a held run, many at a time. Each has the positions that it sees, a row each.
final class HeldReverse {
  private let held: HeldRun
  private let writers: GraphWriters
  private let products: TransposedProducts
  private let kernels = Kernels.current
  private let width: Int
  /// d_model filled up to whole panels: the stride of what follows.
  private let stride: Int
  /// Derivatives by the stream, by what attention adds, and by what a norm gives.
  private let stream, added, normed: FloatBuffer
  private let z, values: FloatBuffer

  // Of the targets at hand.
  private var seeds: [GraphSeed] = []
  /// The first row of each.
  private var starts: [Int] = []
  private var rowCount = 0
  private var biases = Slots<Double>(repeating: 0, count: 0)
  private var weights = FloatBuffer(0)

  /// How many go back together.
  let atOnce: Int
  private var model: Transformer { held.model }

  init(_ held: HeldRun, _ writers: GraphWriters) {
    (self.held, self.writers) = (held, writers)
    let model = held.model
    products = TransposedProducts(pool: model.pool)
    width = model.configuration.width
    stride = Slopes.width(of: model)
    atOnce = Self.atOnce(tokens: held.tokens)
    let rows = atOnce * held.tokens
    let sizes = model.bufferSizes
    // As `floatsPerRow` counts.
    func buffer(_ stride: Int) -> FloatBuffer { FloatBuffer(rows * stride, zeroed: true) }
    (stream, added, normed) = (buffer(stride), buffer(stride), buffer(stride))
    (z, values) = (buffer(sizes.query), buffer(sizes.value))
  }

  /// What one position of one target takes.
  static func floatsPerRow(of model: Transformer) -> Int {
    3 * Slopes.width(of: model) + model.bufferSizes.query + model.bufferSizes.value
  }

  /// Enough to make reading the weights worth its while.
  static func atOnce(tokens: Int) -> Int { max(1, min(64, 768 / tokens)) }

  /// - Parameter targets: at most `atOnce`.
  /// - Throws: `Interruption.Stopped`, and `ModelError` where weights cannot be read.
  func rows(of targets: [GraphSeed]) throws -> [GraphRow] {
    begin(targets)
    seed(before: model.layers.count)
    for layer in model.layers.indices.reversed() {
      switch model.configuration.residual {
      case .sequential:
        reverseMLP(layer)
        seed(before: layer)
        added.copy(from: stream)
        reverseAttention(layer)
      case .parallel, .parallelSharedNorm:
        added.copy(from: stream)
        reverseMLP(layer)
        reverseAttention(layer)
        seed(before: layer)
      }
      try Interruption.check()
      try model.checkWeights()
    }
    forEachRow { _, position, row in
      for write in writers.embeddings(at: position) { weigh(write, row) }
    }
    return targets.indices.map { target in
      let columns = writers.nodes.count
      let start = weights.pointer + target * columns
      return GraphRow(
        weights: Array(UnsafeBufferPointer(start: start, count: columns)), bias: biases[target])
    }
  }

  private func begin(_ targets: [GraphSeed]) {
    seeds = targets
    starts = []
    rowCount = 0
    for seed in targets {
      starts.append(rowCount)
      rowCount += seed.position + 1
    }
    biases = Slots(repeating: 0, count: targets.count)
    for (i, seed) in targets.enumerated() { biases[i] = seed.bias }
    weights = FloatBuffer(targets.count * writers.nodes.count, zeroed: true)
    stream.pointer.update(repeating: 0, count: rowCount * stride)
  }

  /// Each row of each target, one thread a target.
  private func forEachRow(_ body: (_ target: Int, _ position: Int, _ row: Row) -> Void) {
    model.pool.run(seeds.count) { target, _ in
      for position in 0...seeds[target].position {
        body(target, position, Row(target: target, number: starts[target] + position))
      }
    }
  }

  private struct Row {
    var target, number: Int
  }

  /// Adds the targets that read the stream before a layer's MLP.
  private func seed(before layer: Int) {
    for (target, seed) in seeds.enumerated() where seed.layer == layer {
      let row = stream.pointer + (starts[target] + seed.position) * stride
      for i in 0..<width { row[i] += seed.slope[i] }
    }
  }

  private func weigh(_ write: GraphWriters.Write, _ row: Row) {
    weights.pointer[row.target * writers.nodes.count + write.column] += kernels.dot(
      writers.vector(write), stream.pointer + row.number * stride, count: width)
  }

  /// What a bias gives, from the derivatives by what it is added to.
  private func add(_ bias: [Float]?, times g: FloatBuffer, stride: Int) {
    guard let bias, !bias.isEmpty else { return }
    forEachRow { target, _, row in
      biases[target] += Double(
        kernels.dot(bias, g.pointer + row.number * stride, count: bias.count))
    }
  }

  /// From what a norm gives to what it is of, in place.
  private func pass(_ norm: Transformer.Norm, _ scale: Site, _ g: FloatBuffer) {
    add(norm.bias, times: g, stride: stride)
    let scales = held.scales(scale)
    forEachRow { _, position, row in
      norm.reverse(g.pointer + row.number * stride, heldAt: scales[position], width, kernels)
    }
  }

  private func addNormedToStream() {
    forEachRow { _, _, row in
      kernels.add(
        normed.pointer + row.number * stride, to: stream.pointer + row.number * stride, count: width
      )
    }
  }

  // MARK: - A layer

  /// Weighs what an MLP writes. Only a skip connection passes anything on.
  private func reverseMLP(_ layer: Int) {
    forEachRow { target, position, row in
      guard seeds[target].layer > layer else { return }
      for write in writers.writes(ofMLP: layer, at: position) { weigh(write, row) }
    }
    guard let placed = held.transcoders[layer] else { return }
    add(placed.dictionary.decoderBias, times: stream, stride: stride)
    guard let skip = placed.dictionary.skip else { return }
    products.multiply(
      [TransposedFactor(matrix: skip, x: stream.pointer)], rows: rowCount, into: normed.pointer,
      stride: stride)
    if let norm = placed.inputNorm, let scale = placed.inputScale { pass(norm, scale, normed) }
    addNormedToStream()
  }

  /// From what attention adds, in `added`, to the stream that it reads, by its values alone.
  private func reverseAttention(_ layer: Int) {
    let weights = model.layers[layer]
    if let norm = weights.ln1Post { pass(norm, Site(.ln1PostScale, layer: layer), added) }
    add(weights.o.bias, times: added, stride: stride)
    products.multiply(
      [TransposedFactor(matrix: weights.o.matrix, x: added.pointer)], rows: rowCount,
      into: z.pointer, stride: weights.q.stride)
    reversePatterns(layer)
    add(weights.v.bias, times: values, stride: weights.v.stride)
    products.multiply(
      [TransposedFactor(matrix: weights.v.matrix, x: values.pointer)], rows: rowCount,
      into: normed.pointer, stride: stride)
    pass(weights.ln1, Site(.ln1Scale, layer: layer), normed)
    addNormedToStream()
  }

  /// values[s] = Σ over heads that share them, then over the queries t that see s, of pattern[t, s] · z[t].
  private func reversePatterns(_ layer: Int) {
    let (c, patterns) = (model.configuration, held.patterns(layer))
    let (from, to) = (model.layers[layer].q.stride, model.layers[layer].v.stride)
    forEachRow { target, source, row in
      let out = values.pointer + row.number * to
      out.update(repeating: 0, count: to)
      for head in 0..<c.heads {
        let shared = out + c.keyValueHead(of: head) * c.headWidth
        for query in source...seeds[target].position {
          let part = patterns[query][head * (query + 1) + source]
          let z = z.pointer + (starts[target] + query) * from + head * c.headWidth
          for i in 0..<c.headWidth { shared[i] += part * z[i] }
        }
      }
    }
  }
}
