/// One batch forwards, then backwards: the derivatives of each member's number.
struct ReverseRun {
  private let model: Transformer
  private let requests: [GradientRequest]
  private var executor: Executor
  /// What each layer computed, where there is room for it.
  private var layers: [Buffers]
  /// Else what entered each, to compute it again from.
  private let entered: [FloatBuffer]
  /// Where derivatives are kept and edits are undone.
  private var taps: Taps
  private let slopes: Slopes
  private let products: TransposedProducts
  private var values: [Double]
  private let edges: EdgeScores?

  /// - Parameter requests: of the batch's members.
  init(
    _ model: Transformer, batch: Batch, requests: [GradientRequest], keepsLayers: Bool
  ) throws {
    self.model = model
    self.requests = requests
    let rows = batch.rows.count
    executor = Executor(
      model, batch: batch,
      rope: try RotaryTables(
        model.configuration, tokens: requests.map(\.tokens.count).max() ?? 0),
      keepsIntermediates: true)
    executor.taps = Taps(
      batch, configuration: model.configuration, keeps: requests.contains(where: \.keepsActivations)
    )
    layers = [executor.buffers]
    if keepsLayers {
      for _ in model.layers.dropFirst() {
        layers.append(Buffers(model, rows: rows, keepsIntermediates: true))
      }
      entered = []
    } else {
      entered = model.layers.map { _ in FloatBuffer(rows * model.configuration.width) }
    }
    taps = Taps(batch, configuration: model.configuration)
    slopes = Slopes(model, rows: rows)
    products = TransposedProducts(pool: model.pool)
    values = requests.map { _ in 0 }
    edges = EdgeScores(model, requests)
  }

  /// - Parameter advanced: told how many rows went through a layer, forwards or backwards.
  /// - Throws: `Interruption.Stopped`, and `ModelError` where weights cannot be read.
  mutating func run(advanced: (_ rows: Int) -> Void) throws -> [GradientResult] {
    let count = executor.batch.rows.count
    executor.embed()
    for layer in model.layers.indices {
      enter(layer)
      executor.runLayer(layer)
      edges?.passNorm(
        after: layer, sums: executor.buffers.attentionBeforeNorm,
        stride: model.layers[layer].o.stride, rows: executor.batch, executor.taps)
      try check()
      advanced(count)
    }
    try seed()
    let kept = executor.taps.results
    // Layers that are computed again keep nothing.
    executor.taps = Taps(executor.batch, configuration: model.configuration, keeps: false)
    for layer in model.layers.indices.reversed() {
      try reverse(layer)
      advanced(count)
    }
    for activation in [Activation.embed, .posEmbed] {
      taps.capture(
        Site(activation), in: slopes.stream.pointer, stride: slopes.width, rows: executor.batch)
    }
    return requests.indices.map { member in
      var result = GradientResult()
      result.value = values[member]
      result.gradients = taps.results[member].activations
      result.edges = edges?.scores[member] ?? []
      if requests[member].keepsActivations { result.activations = kept[member].activations }
      return result
    }
  }

  private func check() throws {
    try Interruption.check()
    try model.checkWeights()
  }

  // MARK: - Forwards

  /// Brings the stream to a layer, and keeps what its way back needs.
  private mutating func enter(_ layer: Int) {
    if layer > 0, layers.count > 1 {
      layers[layer].stream.copy(from: layers[layer - 1].stream)
      executor.work.buffers = layers[layer]
    }
    let stream = executor.buffers.stream
    executor.taps.visit(
      .residPre, layer, stream, stride: model.configuration.width, rows: executor.batch)
    if !entered.isEmpty { entered[layer].copy(from: stream) }
  }

  // MARK: - Backwards

  private mutating func reverse(_ layer: Int) throws {
    let kept: Buffers
    if entered.isEmpty {
      kept = layers[layer]
    } else {
      executor.buffers.stream.copy(from: entered[layer])
      executor.runLayer(layer)
      try check()
      kept = executor.buffers
    }
    LayerReverse(
      number: layer, weights: model.layers[layer], kept: kept, slopes: slopes, work: executor.work,
      products: products, rotary: executor.rope[layer], edges: edges
    ).run(executor.batch, &taps)
    try check()
  }

  /// From the members' numbers to what leaves the last layer.
  private mutating func seed() throws {
    let (batch, stream, width) = (executor.batch, executor.buffers.stream, slopes.width)
    executor.work.normalise(
      stream, stride: model.configuration.width, rows: batch.rows.count, model.finalNorm,
      into: executor.buffers.normed
    ) { executor.taps.visit(.lnFinalScale, 0, $0, stride: 1, rows: batch) }
    slopes.normed.pointer.update(repeating: 0, count: slopes.normed.count)
    let atOnce = Executor.vocabularyRowsAtOnce
    let reads = reads()
    let room = VocabularyRoom(model, rows: min(atOnce, reads.count), width: width)
    for start in stride(from: 0, to: reads.count, by: atOnce) {
      let some = Array(reads[start..<min(reads.count, start + atOnce)])
      executor.multiply(some.map(\.row)[...], by: room.normed, into: room.logits)
      for (read, value) in zip(some, room.differentiate(some, model)) {
        values[read.member] += value
      }
      products.multiply(
        [TransposedFactor(matrix: model.unembedding, x: room.slopes.pointer)], rows: some.count,
        into: room.back.pointer, stride: width)
      try check()
      for (i, read) in some.enumerated() {
        (slopes.normed.pointer + read.row * width).update(
          from: room.back.pointer + i * width, count: width)
      }
    }
    NormReverse(
      norm: model.finalNorm, site: Site(.lnFinalScale), work: executor.work, slopes: slopes
    ).run(of: stream, stride: model.configuration.width, slopes.normed, batch, &taps)
    slopes.stream.copy(from: slopes.normed)
    edges?.add(.logits, slopes.normed, stride: slopes.width, rows: batch)
  }

  /// The rows whose logits are read, each with all terms that read it.
  private func reads() -> [VocabularyRead] {
    requests.enumerated().flatMap { member, request in
      let cap = request.isUncapped ? nil : model.configuration.logitCap
      return Dictionary(grouping: request.terms, by: \.position).sorted { $0.key < $1.key }
        .map { position, terms in
          VocabularyRead(
            member: member, row: executor.batch.row(of: member, at: position), terms: terms,
            cap: cap)
        }
    }
  }
}

/// A row whose logits some terms read.
private struct VocabularyRead {
  var member: Int
  var row: Int
  var terms: [LogitTerm]
  /// Of the logits, where they have one.
  var cap: Float?
}

/// Room for the vocabularies of a few rows.
private struct VocabularyRoom {
  let normed: FloatBuffer
  /// `[rows][vocabulary]`, whole panels; and the derivatives by them.
  let logits, slopes: FloatBuffer
  /// `[rows][width]`
  let back: FloatBuffer
  private let terms: [FloatBuffer]
  private let stride: Int

  init(_ model: Transformer, rows: Int, width: Int) {
    stride = model.unembedding.stride
    normed = FloatBuffer(rows * model.configuration.width)
    logits = FloatBuffer(rows * stride)
    slopes = FloatBuffer(rows * stride, zeroed: true)
    back = FloatBuffer(rows * width)
    terms = (0..<model.pool.width).map { [stride] _ in FloatBuffer(stride) }
  }

  /// Writes the derivatives by the logits of each row; gives the sums of their terms.
  func differentiate(_ reads: [VocabularyRead], _ model: Transformer) -> [Double] {
    let count = model.configuration.vocabulary
    let kernels = Kernels.current
    return model.pool.map(reads) { read, i, worker in
      let (logits, slopes) = (logits.pointer + i * stride, slopes.pointer + i * stride)
      if let cap = read.cap { kernels.softCap(logits, count: count, cap: cap) }
      var sum = 0.0
      for (number, term) in read.terms.enumerated() {
        let own = number == 0 ? slopes : terms[worker].pointer
        sum += term.value(of: logits, count: count, slope: own)
        if number > 0 { kernels.add(own, to: slopes, count: count) }
      }
      if let cap = read.cap { kernels.slopeSoftCap(logits, slopes, count: count, cap: cap) }
      return sum
    }
  }
}
