/// How one state of a run depends on an earlier one: ∂o/∂s, all of it.
public struct JacobianRequest: Sendable {
  /// Token ids, BOS included where there is one.
  public var tokens: [Int]
  /// Part of what is differentiated, as in `GradientRequest`.
  public var edits: [Edit]
  /// s: a stream, and its position.
  public var source: (site: Site, position: Int)
  /// o: the same, after s.
  public var target: (site: Site, position: Int)

  public init(
    tokens: [Int], edits: [Edit] = [], source: (site: Site, position: Int),
    target: (site: Site, position: Int)
  ) {
    self.tokens = tokens
    self.edits = edits
    self.source = source
    self.target = target
  }
}

/// A run's Jacobian and what it is between.
public struct JacobianResult: Sendable {
  /// s and o, [d_model].
  public var source, target: [Float]
  /// ∂o/∂s, [d_model][d_model]: a row for each element of o.
  public var rows: [[Float]]
  /// What was computed for it.
  public var record = RunRecord(runs: 1)
}

extension JacobianRequest {
  /// s as the stream that enters a layer.
  func entered() -> (layer: Int, position: Int)? { Self.boundary(source) }
  /// o as the stream that enters a layer, the layers of the model being a layer after the last.
  func left() -> (layer: Int, position: Int)? { Self.boundary(target) }

  private static func boundary(_ place: (site: Site, position: Int)) -> (layer: Int, position: Int)?
  {
    switch place.site.activation {
    case .residPre: (place.site.layer, place.position)
    case .residPost: (place.site.layer + 1, place.position)
    default: nil
    }
  }

  /// - Throws: `ModelError` that names what cannot be.
  func check(in c: Configuration) throws {
    func refuse(_ message: String, help: String? = nil) -> ModelError {
      ModelError(.request, message, help: help)
    }
    for place in [source, target] {
      try RunRequest(
        tokens: tokens, edits: edits, captures: [place.site: .some([place.position])]
      ).check(in: c, among: [])
    }
    if let edges = edits.lazy.compactMap(\.editedEdges).first {
      throw refuse("there is no Jacobian of a run in which \(edges)")
    }
    guard let entered = entered(), let left = left() else {
      throw refuse("a Jacobian is between streams: resid_pre or resid_post")
    }
    let next = Site(.residPre, layer: entered.layer)
    guard source.site == next || !edits.contains(where: { $0.site == next }) else {
      throw refuse(
        "an edit stands between L\(source.site.layer).resid_post and the next layer",
        help: "take L\(entered.layer).resid_pre as the source")
    }
    guard entered.layer < left.layer else {
      throw refuse("the source of a Jacobian is in an earlier layer than its target")
    }
    guard entered.position <= left.position else {
      throw refuse(
        "position \(left.position) does not see position \(entered.position), which comes after it",
        help: "take a source at or before the target")
    }
  }
}

/// One run forwards, and one pass backwards for each element of o, many at a time: all of them read what the
/// one way forwards has left.
struct JacobianRun {
  private let model: Transformer
  private let request: JacobianRequest
  private let entered, left: (layer: Int, position: Int)
  /// How many elements of o go backwards together.
  private let atOnce: Int
  private let rope: RotaryTables

  /// Into how many batches its passes backwards are divided.
  var batches: Int { (model.configuration.width + atOnce - 1) / atOnce }

  /// - Parameter request: that has been checked.
  init(_ model: Transformer, _ request: JacobianRequest, memory: Int) throws {
    (self.model, self.request) = (model, request)
    (entered, left) = (request.entered() ?? (0, 0), request.left() ?? (0, 0))
    rope = try RotaryTables(model.configuration, tokens: request.tokens.count)
    atOnce = try model.elementsAtOnce(of: request, memory: memory)
  }

  /// - Parameter advanced: told how many rows went through a layer, forwards or backwards.
  /// - Throws: `Interruption.Stopped`, and `ModelError` where weights cannot be read.
  func run(advanced: (_ rows: Int) -> Void) throws -> JacobianResult {
    let width = model.configuration.width
    let (layers, states) = try forward(advanced)
    var result = JacobianResult(source: states.source, target: states.target, rows: [])
    result.rows.reserveCapacity(width)
    let room = JacobianRoom(model, rows: atOnce * request.tokens.count)
    for start in stride(from: 0, to: width, by: atOnce) {
      let elements = start..<min(width, start + atOnce)
      result.rows += try backward(elements, layers, room, advanced)
    }
    return result
  }

  /// A batch of as many copies of the run.
  private func batch(of copies: Int, keeping site: Site?, at position: Int) -> Batch {
    var run = GradientRequest(
      tokens: request.tokens, edits: request.edits, terms: [], wanted: [:]
    ).run
    if let site { run.captures = [site: .some([position])] }
    return Batch(
      (0..<copies).map { ($0, run, nil, Fork(unsharedOf: request.tokens.count)) },
      layers: model.layers.count)
  }

  private func check() throws {
    try Interruption.check()
    try model.checkWeights()
  }

  // MARK: - Forwards

  /// What the layers between the two computed, and s and o.
  private func forward(_ advanced: (Int) -> Void) throws -> (
    layers: [Int: Buffers], states: (source: [Float], target: [Float])
  ) {
    let batch = batch(of: 1, keeping: nil, at: 0)
    let rows = request.tokens.count
    let width = model.configuration.width
    let first = Buffers(model, rows: rows, keepsIntermediates: true)
    var executor = Executor(model, batch: batch, rope: rope, buffers: first)
    executor.taps = Taps(executor.batch, configuration: model.configuration, keeps: false)
    executor.embed()
    var layers: [Int: Buffers] = [:]
    func state(_ position: Int) -> [Float] {
      let row = executor.batch.row(of: 0, at: position)
      return Array(UnsafeBufferPointer(start: first.stream.pointer + row * width, count: width))
    }
    var source: [Float] = []
    for layer in 0..<left.layer {
      if layer > entered.layer {
        executor.work.buffers = Buffers(model, rows: rows, keepsIntermediates: true, sharing: first)
      }
      executor.taps.visit(.residPre, layer, first.stream, stride: width, rows: executor.batch)
      if layer == entered.layer { source = state(entered.position) }
      executor.runLayer(layer)
      if layer >= entered.layer { layers[layer] = executor.buffers }
      try check()
      advanced(rows)
    }
    if request.target.site.activation == .residPre {
      executor.taps.visit(.residPre, left.layer, first.stream, stride: width, rows: executor.batch)
    }
    return (layers, (source, state(left.position)))
  }

  // MARK: - Backwards

  /// The rows of the Jacobian of some elements of o.
  private func backward(
    _ elements: Range<Int>, _ layers: [Int: Buffers], _ room: JacobianRoom,
    _ advanced: (Int) -> Void
  ) throws -> [[Float]] {
    let site = Site(.residPre, layer: entered.layer)
    let batch = batch(of: elements.count, keeping: site, at: entered.position)
    let count = batch.rows.count
    var taps = Taps(batch, configuration: model.configuration)
    let slopes = room.slopes
    slopes.stream.pointer.update(repeating: 0, count: count * slopes.width)
    for (copy, element) in elements.enumerated() {
      slopes.stream.pointer[batch.row(of: copy, at: left.position) * slopes.width + element] = 1
    }
    if request.target.site.activation == .residPre {
      taps.visitReverse(.residPre, left.layer, slopes.stream, stride: slopes.width, rows: batch)
    }
    for layer in (entered.layer..<left.layer).reversed() {
      guard let kept = layers[layer] else { continue }
      room.kept.copy(kept, rows: request.tokens.count, times: elements.count)
      LayerReverse(
        number: layer, weights: model.layers[layer], kept: room.kept, slopes: slopes,
        work: room.work, products: room.products, rotary: rope[layer],
        edges: nil, dropped: []
      ).run(batch, &taps)
      try check()
      advanced(count)
    }
    return elements.indices.map {
      taps.results[$0 - elements.startIndex].activations[site]?[0] ?? []
    }
  }
}

/// Memory for all passes backwards of one run.
private struct JacobianRoom {
  let kept: Buffers
  let work: RowWork
  let slopes: Slopes
  let products: TransposedProducts

  init(_ model: Transformer, rows: Int) {
    kept = Buffers(model, rows: rows, keepsIntermediates: true)
    work = RowWork(model, buffers: kept)
    slopes = Slopes(model, rows: rows)
    products = TransposedProducts(pool: model.pool)
  }
}

extension Buffers {
  /// Takes what a way back reads of one run's buffers, for each of some copies of the run.
  fileprivate func copy(_ other: Buffers, rows: Int, times copies: Int) {
    let pairs = [
      (q, other.q), (turnedQueries, other.turnedQueries), (k, other.k), (v, other.v),
      (hidden, other.hidden), (up, other.up), (entered, other.entered), (between, other.between),
      (attentionBeforeNorm, other.attentionBeforeNorm), (mlpBeforeNorm, other.mlpBeforeNorm),
      (unturnedKeys, other.unturnedKeys),
    ]
    for (own, one) in pairs {
      let count = one.count / other.rows * rows
      for copy in 0..<copies {
        (own.pointer + copy * count).update(from: one.pointer, count: count)
      }
    }
  }
}

extension Transformer {
  /// The Jacobian of a run. Its memory is that of a run of the prompt with all layers kept, and of a batch
  /// of passes backwards.
  ///
  /// - Parameters:
  ///   - memory: bytes that it may take.
  ///   - progress: told how many of all rows, counted once a layer and direction, are done.
  /// - Throws: `ModelError` for a request that cannot be, or that the budget cannot hold;
  ///   `Interruption.Stopped`.
  public func jacobian(
    of request: JacobianRequest, memory: Int = .max,
    progress: ((_ done: Int, _ of: Int) -> Void)? = nil
  ) throws -> JacobianResult {
    try request.check(in: configuration)
    let total = jacobianRows(of: request)
    let meter = FloatBuffer.Meter()
    let run = try JacobianRun(self, request, memory: memory)
    var done = 0
    var result = try FloatBuffer.$meter.withValue(meter) {
      try run.run { rows in
        done += rows
        progress?(done, total)
      }
    }
    result.record.rowLayers = done
    result.record.batches = run.batches
    result.record.bytes = meter.most + configuration.width * configuration.width * 4
    return result
  }

  /// Rows, once for each layer and direction.
  public func jacobianRows(of request: JacobianRequest) -> Int {
    let (first, last) = (request.entered()?.layer ?? 0, request.left()?.layer ?? 0)
    return request.tokens.count * (last + (last - first) * configuration.width)
  }

  /// Plans what `jacobian` would do, and computes none of it.
  ///
  /// - Throws: as `jacobian` does.
  public func planJacobian(of request: JacobianRequest, memory: Int = .max, speed: Speed) throws
    -> RunPlan
  {
    try request.check(in: configuration)
    let atOnce = try elementsAtOnce(of: request, memory: memory)
    let (first, last) = (request.entered()?.layer ?? 0, request.left()?.layer ?? 0)
    let tokens = request.tokens.count
    var plan = RunPlan()
    plan.runs = 1
    plan.batches = (configuration.width + atOnce - 1) / atOnce
    plan.rowLayers = jacobianRows(of: request)
    plan.rowLayersUnshared = plan.rowLayers
    plan.bytes = bytes(of: request, atOnce: atOnce)
    for layer in 0..<last {
      let passes = layer < first ? 1 : 1 + configuration.width
      let products = layers[layer].keyValueFlopsPerRow + layers[layer].furtherFlopsPerRow
      let attention = attentionFlops(sources: tokens * (tokens + 1) / 2)
      plan.flops += Double(passes) * (Double(tokens) * products + 2.5 * attention)
      plan.seconds += speed.seconds(flops: products, rows: passes * tokens)
      plan.seconds += 2.5 * attention * speed.attention * Double(passes)
    }
    return plan
  }

  /// How many passes backwards go together: enough rows to make reading the weights worth its while.
  fileprivate func elementsAtOnce(of request: JacobianRequest, memory: Int) throws -> Int {
    let most = max(1, min(configuration.width, 768 / max(1, request.tokens.count)))
    if bytes(of: request, atOnce: most) <= memory { return most }
    guard bytes(of: request, atOnce: 1) <= memory else {
      throw ModelError(
        .request,
        "the Jacobian of a prompt of \(request.tokens.count) tokens needs "
          + "\(bytes(of: request, atOnce: 1)) bytes of memory, more than the budget of \(memory)",
        help: "take a shorter prompt, or allow more memory")
    }
    return (1...most).last { bytes(of: request, atOnce: $0) <= memory } ?? 1
  }

  private func bytes(of request: JacobianRequest, atOnce: Int) -> Int {
    let tokens = request.tokens.count
    let between = (request.left()?.layer ?? 0) - (request.entered()?.layer ?? 0)
    let backwards = bytesPerSharedRow + bytesPerKeptRow + Slopes.bytesPerRow(self)
    return tokens * (bytesPerSharedRow + between * bytesPerKeptRow + atOnce * backwards)
      + configuration.width * configuration.width * MemoryLayout<Float>.size
  }
}
