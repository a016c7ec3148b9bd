/// Memory for one batch after the other.
final class ReverseRoom {
  let rows: Int
  /// What each layer computed, where there is room for it; else of the layer at hand.
  fileprivate let layers: [Buffers]
  /// Else what entered each, to compute it again from.
  fileprivate let entered: [FloatBuffer]
  fileprivate let slopes: Slopes
  fileprivate let products: TransposedProducts
  fileprivate let edges: EdgeRoom?
  private let keepsLayers: Bool

  init(_ model: Transformer, rows: Int, keepsLayers: Bool, scoresEdges: Bool) {
    (self.rows, self.keepsLayers) = (rows, keepsLayers)
    let first = Buffers(model, rows: rows, keepsIntermediates: true)
    layers =
      [first]
      + model.layers.dropFirst(keepsLayers ? 1 : model.layers.count).map { _ in
        Buffers(model, rows: rows, keepsIntermediates: true, sharing: first)
      }
    entered =
      keepsLayers ? [] : model.layers.map { _ in FloatBuffer(rows * model.configuration.width) }
    slopes = Slopes(model, rows: rows)
    products = TransposedProducts(pool: model.pool)
    edges = scoresEdges ? EdgeRoom(model, rows: rows) : nil
  }

  /// Whether it is large enough, and keeps what is to be kept.
  func serves(_ rows: Int, keepsLayers: Bool) -> Bool {
    rows <= self.rows && keepsLayers == self.keepsLayers
  }
}

/// One batch forwards, then backwards: the derivatives of each member's number.
struct ReverseRun {
  private let model: Transformer
  private let requests: [GradientRequest]
  private var executor: Executor
  private let room: ReverseRoom
  /// Where derivatives are kept and edits are undone.
  private var taps: Taps
  private var slopes: Slopes { room.slopes }
  private var products: TransposedProducts { room.products }
  private var values: [Double]
  private let edges: EdgeScores?

  /// - Parameters:
  ///   - requests: of the batch's members.
  ///   - room: that serves the batch's rows.
  init(
    _ model: Transformer, batch: Batch, requests: [GradientRequest], room: ReverseRoom
  ) throws {
    (self.model, self.requests, self.room) = (model, requests, room)
    executor = Executor(
      model, batch: batch,
      rope: try RotaryTables(
        model.configuration, tokens: requests.map(\.tokens.count).max() ?? 0),
      buffers: room.layers[0])
    executor.taps = Taps(
      batch, configuration: model.configuration, keeps: requests.contains(where: \.keepsActivations)
    )
    taps = Taps(batch, configuration: model.configuration)
    values = requests.map { _ in 0 }
    edges = room.edges.flatMap { EdgeScores(model, requests, room: $0) }
  }

  /// - Parameters:
  ///   - isForwardOnly: whether only the members' numbers are asked for.
  ///   - advanced: told how many rows went through a layer, forwards or backwards.
  /// - Throws: `Interruption.Stopped`, and `ModelError` where weights cannot be read.
  mutating func run(
    isForwardOnly: Bool, advanced: (_ rows: Int) -> Void
  ) throws -> [GradientResult] {
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
    if isForwardOnly { return values.map { GradientResult(value: $0) } }
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
    edges?.addWriters(slopes.stream, stride: slopes.width, rows: executor.batch) { $0 == .embed }
    edges?.score(executor.batch)
    return requests.indices.map { member in
      var result = GradientResult()
      result.value = values[member]
      result.gradients = taps.results[member].activations
      result.edges = edges?.scores[member] ?? []
      result.writers = edges?.writers[member] ?? []
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
    if room.layers.count > 1 { executor.work.buffers = room.layers[layer] }
    let stream = executor.buffers.stream
    executor.taps.visit(
      .residPre, layer, stream, stride: model.configuration.width, rows: executor.batch)
    if !room.entered.isEmpty { copy(stream, to: room.entered[layer]) }
  }

  private func copy(_ stream: FloatBuffer, to other: FloatBuffer, stride: Int? = nil) {
    let count = executor.batch.rows.count * (stride ?? model.configuration.width)
    other.pointer.update(from: stream.pointer, count: count)
  }

  // MARK: - Backwards

  private mutating func reverse(_ layer: Int) throws {
    let kept: Buffers
    if room.entered.isEmpty {
      kept = room.layers[layer]
    } else {
      copy(room.entered[layer], to: executor.buffers.stream)
      executor.runLayer(layer)
      try check()
      kept = executor.buffers
    }
    LayerReverse(
      number: layer, weights: model.layers[layer], kept: kept, slopes: slopes, work: executor.work,
      products: products, rotary: executor.rope[layer], edges: edges,
      dropped: Set(requests.indices.filter { requests[$0].droppedLayer == layer })
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
    slopes.normed.pointer.update(repeating: 0, count: batch.rows.count * width)
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
    ).run(of: stream, stride: model.configuration.width, slopes.normed.pointer, batch, &taps)
    slopes.stream.pointer.update(from: slopes.normed.pointer, count: batch.rows.count * width)
    if let edges, edges.wants(.logits) {
      edges.copy(for: .logits, rows: batch).update(
        from: slopes.normed.pointer, count: batch.rows.count * width)
    }
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
