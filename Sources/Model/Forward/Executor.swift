/// Runs one batch from the embedding to the logits, layer by layer, all its rows together: which rows
/// there are at each layer, and what is handed over at the end. What a layer computes of its rows is
/// `LayerForward`'s.
struct Executor {
  let model: Transformer
  /// The rows at the layer at hand.
  var batch: Batch
  var work: RowWork
  var taps: Taps
  let rope: RotaryTables
  /// Where keys and values stay, if they are to; else those of one layer make room for the next's.
  private let cache: KeyValueCache?
  /// What is still to be handed over.
  var pending = PendingResults()

  /// - Throws: `Interruption.Stopped`.
  init(_ model: Transformer, batch: Batch) throws {
    self.init(
      model, batch: batch,
      rope: try RotaryTables(
        model.configuration, tokens: batch.members.map(\.request.tokens.count).max() ?? 0),
      cache: nil, reusing: nil)
  }

  /// - Parameters:
  ///   - cache: holds the positions of the batch's runs that have no row in it, and takes the others.
  ///   - work: of a batch before, whose memory is used again where it is large enough.
  init(
    _ model: Transformer, batch: Batch, rope: RotaryTables, cache: KeyValueCache?,
    reusing work: RowWork?
  ) {
    let rows = batch.schedule.rowsAtMost
    let large = work.flatMap { $0.buffers.rows >= rows ? RowWork($0) : nil }
    self.init(
      model, batch: batch, rope: rope, cache: cache,
      work: large ?? RowWork(model, buffers: Buffers(model, rows: rows)))
  }

  /// - Parameter buffers: with room for the batch's rows.
  init(_ model: Transformer, batch: Batch, rope: RotaryTables, buffers: Buffers) {
    self.init(
      model, batch: batch, rope: rope, cache: nil, work: RowWork(model, buffers: buffers))
  }

  private init(
    _ model: Transformer, batch: Batch, rope: RotaryTables, cache: KeyValueCache?, work: RowWork
  ) {
    self.model = model
    self.batch = batch
    self.rope = rope
    self.cache = cache
    self.work = work
    taps = Taps(batch, configuration: model.configuration)
  }

  /// Takes the rows through the layers and the final norm; `nextResult` then hands over what the
  /// members asked for.
  ///
  /// - Parameter advanced: told after each layer how many rows went through it, and how many
  ///   row-layers, from this one on, turned out to be their bases' own.
  mutating func run(advanced: (_ rows: Int, _ spared: Int) -> Void) throws {
    embed()
    for layer in model.layers.indices {
      try Interruption.check()
      if layer > 0 { copyForks(at: layer) }
      taps.visit(.residPre, layer, buffers.stream, stride: width, rows: batch)
      let spared = rejoin(at: layer)
      runLayer(layer)
      try Interruption.check()
      try model.checkWeights()
      try taps.checkDictionaries()
      advanced(batch.rows.count, spared)
    }
    try runFinalNorm()
  }

  // MARK: - Layers

  var buffers: Buffers { work.buffers }
  var width: Int { model.configuration.width }

  mutating func embed() {
    let (model, batch, streams, count) = (model, batch, buffers.stream.pointer, width)
    let scale = model.configuration.embeddingScale
    model.pool.run(batch.rows.count) { row, _ in
      let embedding = model.embedding.row(batch.token(of: row))
      let x = streams + row * count
      for i in 0..<count { x[i] = scale.map { embedding[i] * $0 } ?? embedding[i] }
    }
    taps.visit(.embed, 0, buffers.stream, stride: width, rows: batch)
    let (stream, width) = (buffers.stream.pointer, width)
    taps.edges.note(.embed, rows: batch) {
      Array(UnsafeBufferPointer(start: stream + $0 * width, count: width))
    }
    taps.outside.note(.embed, rows: batch) { UnsafePointer(stream + $0 * width) }
    guard let positions = model.positionEmbedding else { return }
    for row in batch.rows.indices {
      let embedding = positions.row(batch.rows[row].position)
      (buffers.normed.pointer + row * width).update(from: embedding, count: width)
    }
    taps.visit(.posEmbed, 0, buffers.normed, stride: width, rows: batch)
    let added = buffers.normed.pointer
    taps.outside.noteRest(rows: batch) { UnsafePointer(added + $0 * width) }
    work.addToStream(buffers.normed, stride: width, rows: batch.rows.count)
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

  mutating func runLayer(_ l: Int) {
    let layer = LayerForward(
      number: l, weights: model.layers[l], work: work, rotary: rope[l], cache: cache)
    let someEnd = batch.hasEnds(before: .through(l))
    let own = layer.readKeysAndValues(batch, &taps, withQueries: !someEnd)
    // Rows that only give keys and values are gone after them; these stay where they are.
    let sources = sources
    if someEnd {
      let kept = batch.drop(before: .through(l))
      close(buffers.stream, around: kept)
      close(buffers.normed, around: kept)
      layer.readQueries(batch)
    }
    layer.attend(batch, &taps, sources: sources, own: own)
    layer.runMLP(batch, &taps)
  }

  /// For each member where the keys and values of its positions stand.
  private var sources: AttentionSources {
    cache.map { AttentionSources(rows: $0.rows, version: 0) }
      ?? AttentionSources(rows: batch.rowNumbers, version: batch.version)
  }
}
