/// One prompt, written down as the formulas stand.
struct NaiveRun {
  typealias Rows = [[Float]]

  let model: Transformer
  let request: RunRequest
  let kernels = Kernels.current
  private let products: Products
  private let rotary: RotaryTables
  private var result = RunResult()
  /// What the writers of edited edges gave.
  var written: [Edge.Writer: Rows] = [:]
  /// What attention of these layers gave, before the norm on its way.
  var attentionSums: [Int: Rows] = [:]
  /// What MLPs read, by layer and position, where features are edited.
  private(set) var mlpInputs: [Int: [MLPInputs]] = [:]
  /// What is in the stream and no writer's: positions and biases.
  var rest: Rows = []
  /// What it is compared with, by position.
  var base: [Int: [Float]]?

  init(_ model: Transformer, _ request: RunRequest) throws {
    self.model = model
    self.request = request
    products = Products(pool: model.pool)
    rotary = try RotaryTables(model.configuration, tokens: request.tokens.count)
  }

  mutating func run() throws -> RunResult {
    var stream = embed()
    for (l, layer) in model.layers.enumerated() {
      try Interruption.check()
      visit(.residPre, l, &stream)
      let normed = normalise(stream, layer.ln1, .ln1Scale, l)
      let attention = attention(normed, layer, l, stream: stream)
      switch model.configuration.residual {
      case .sequential:
        add(attention, to: &stream)
        addRest(of: layer)
        visit(.residMid, l, &stream)
        var second = layer.ln2.map { normalise(stream, $0, .ln2Scale, l) } ?? []
        readOwnForMLP(&second, stream: stream, layer, l)
        add(mlp(second, layer, l, stream: stream), to: &stream)
      case .parallel, .parallelSharedNorm:
        var second = layer.ln2.map { normalise(stream, $0, .ln2Scale, l) } ?? normed
        readOwnForMLP(&second, stream: stream, layer, l)
        let mlp = mlp(second, layer, l, stream: stream)
        add(attention, to: &stream)
        addRest(of: layer)
        add(mlp, to: &stream)
      }
      visit(.residPost, l, &stream)
    }
    stream = shifted(stream, of: .logits)
    let normed = normalise(stream, model.finalNorm, .lnFinalScale, 0)
    switch request.logits {
    case .none: break
    case .all(let positions):
      result.logits = positions.map { logits(normed[$0]) }
    case .chosen(let chosen):
      result.logits = chosen.map { chosen in
        let vocabulary = logits(normed[chosen.position])
        return chosen.tokens.map { vocabulary[$0] }
      }
    case .summaries(let queries):
      result.summaries = queries.map { query in
        let logits = logits(normed[query.position])
        guard let base = base?[query.position] else { return LogitSummary(logits, query) }
        return logits.withLogitRow { row in
          base.withLogitRow {
            LogitSummary(row, query, base: ComparedRow($0, for: query.comparisons))
          }
        }
      }
    }
    return result
  }

  private mutating func embed() -> Rows {
    let scale = model.configuration.embeddingScale
    var stream = request.tokens.map { token in
      let row = model.embedding.row(token)
      return scale.map { scale in row.map { $0 * scale } } ?? row
    }
    visit(.embed, 0, &stream)
    written[.embed] = stream
    rest = stream.map { [Float](repeating: 0, count: $0.count) }
    if let embedding = model.positionEmbedding {
      var positions = request.tokens.indices.map { embedding.row($0) }
      visit(.posEmbed, 0, &positions)
      add(positions, to: &stream)
      add(positions, to: &rest)
    }
    return stream
  }

  private mutating func attention(
    _ normed: Rows, _ layer: Transformer.Layer, _ l: Int, stream: Rows
  ) -> Rows {
    let c = model.configuration
    var q = normed.map { times(layer.q, $0) }
    var k = normed.map { times(layer.k, $0) }
    var v = normed.map { times(layer.v, $0) }
    let own = readOwn(stream, layer, l)
    for (head, rows) in own.queries {
      for p in q.indices {
        q[p].replaceSubrange(head * c.headWidth..<(head + 1) * c.headWidth, with: rows[p])
      }
    }
    visit(.q, l, &q)
    visit(.k, l, &k)
    visit(.v, l, &v)
    q = rotate(normHeads(q, layer.qNorm), heads: c.heads, l)
    k = rotate(normHeads(k, layer.kNorm), heads: c.keyValueHeads, l)
    var z = attend(q, k, v, own, l)
    visit(.z, l, &z)
    var attention = z.map { times(layer.o, $0) }
    let results = visitResult(l, z: z, &attention)
    noteHeads(results, sum: attention, l)
    if let norm = layer.ln1Post { attention = normalise(attention, norm, .ln1PostScale, l) }
    visit(.attnOut, l, &attention)
    return attention
  }

  private mutating func mlp(
    _ normed: Rows, _ layer: Transformer.Layer, _ l: Int, stream: Rows
  ) -> Rows {
    var mlp =
      switch layer.mlp {
      case .dense(let dense): self.dense(normed, dense, l)
      }
    if let norm = layer.ln2Post { mlp = normalise(mlp, norm, .ln2PostScale, l) }
    if request.edits.contains(where: \.isOfFeatures) {
      mlpInputs[l] = zip(stream, normed).map { MLPInputs(stream: $0, normed: $1) }
    }
    visit(.mlpOut, l, &mlp)
    written[.mlp(layer: l)] = mlp
    return mlp
  }

  private mutating func dense(_ normed: Rows, _ mlp: DenseMLP, _ l: Int) -> Rows {
    var hidden = normed.map { times(mlp.gate, $0) }
    visit(.mlpPre, l, &hidden)
    if let up = mlp.up {
      hidden = zip(hidden, normed).map { activate($0, up: times(up, $1), l) }
    } else {
      hidden = hidden.map { activate($0, up: nil, l) }
    }
    visit(.mlpPost, l, &hidden)
    return hidden.map { times(mlp.down, $0) }
  }

  private func logits(_ normed: [Float]) -> [Float] {
    var logits = times(
      Transformer.Linear(matrix: model.unembedding, bias: model.unembeddingBias), normed)
    if let cap = model.configuration.logitCap, !request.isUncapped {
      kernels.softCap(&logits, count: logits.count, cap: cap)
    }
    return logits
  }

  private mutating func attend(_ q: Rows, _ k: Rows, _ v: Rows, _ own: OwnRows, _ l: Int) -> Rows {
    let c = model.configuration
    let width = c.headWidth
    // [positions][heads · sources]
    var scores: Rows = q.indices.map { p in
      (0..<c.heads).flatMap { head in
        let key = c.keyValueHead(of: head) * width
        return (0...p).map { source in
          kernels.dot(
            Array(q[p][head * width..<(head + 1) * width]),
            own.keys[head]?[source] ?? Array(k[source][key..<key + width]), count: width)
            * c.attentionScale
        }
      }
    }
    if let cap = c.scoreCap {
      for p in scores.indices { kernels.softCap(&scores[p], count: scores[p].count, cap: cap) }
    }
    visit(
      .attnScores, l, &scores,
      holding: { scores in
        for p in scores.indices {
          for head in 0..<c.heads {
            for source in 0..<c.attention[l].firstSource(of: p) {
              scores[p][head * (p + 1) + source] = -.infinity
            }
          }
        }
      })
    var pattern = scores
    for p in pattern.indices {
      for head in 0..<c.heads {
        pattern[p].withUnsafeMutableBufferPointer { row in
          if let row = row.baseAddress { kernels.softmax(row + head * (p + 1), count: p + 1) }
        }
      }
    }
    visit(.pattern, l, &pattern)
    let edited = request.edits.filter { $0.site == Site(.pattern, layer: l) }.flatMap(\.positions)
    return pattern.enumerated().map { p, weights in
      var z = [Float](repeating: 0, count: c.heads * width)
      // What the window hides is not read, unless an edit may have given it a weight.
      let first = edited.contains(p) ? 0 : c.attention[l].firstSource(of: p)
      for source in first...p {
        let values = v[source]
        for head in 0..<c.heads {
          let (weight, value) = (weights[head * (p + 1) + source], c.keyValueHead(of: head) * width)
          let values = own.values[head]?[source] ?? Array(values[value..<value + width])
          for i in 0..<width { z[head * width + i].addProduct(weight, values[i]) }
        }
      }
      return z
    }
  }

  /// An edit of a head's own output changes what attention adds by the difference that it makes.
  ///
  /// - Returns: every head's, where one is edited, kept, or asked for by an edge.
  private mutating func visitResult(_ l: Int, z: Rows, _ attention: inout Rows) -> Rows {
    let c = model.configuration
    let site = Site(.result, layer: l)
    guard
      request.captures[site] != nil
        || request.edits.contains(where: { $0.site == site || $0.readsHead(of: l, heads: c.heads) })
    else { return [] }
    let original: Rows = z.map { row in
      (0..<c.heads).flatMap { head -> [Float] in
        var alone = [Float](repeating: 0, count: row.count)
        let units = head * c.headWidth..<(head + 1) * c.headWidth
        alone.replaceSubrange(units, with: row[units])
        return times(Transformer.Linear(matrix: model.layers[l].o.matrix), alone)
      }
    }
    var edited = original
    visit(.result, l, &edited)
    for p in z.indices {
      var seen: Set<Int> = []
      for edit in request.edits where edit.site == site && edit.positions.contains(p) {
        for head in edit.units ?? Array(0..<c.heads) where seen.insert(head).inserted {
          for i in 0..<c.width {
            let difference = edited[p][head * c.width + i] - original[p][head * c.width + i]
            if difference != 0 { attention[p][i] += difference }
          }
        }
      }
    }
    return edited
  }

  mutating func normalise(
    _ x: Rows, _ norm: Transformer.Norm, _ activation: Activation, _ l: Int
  ) -> Rows {
    let (width, epsilon) = (model.configuration.width, model.configuration.epsilon)
    var scales = x.map { [norm.scale(of: $0, width, epsilon, kernels)] }
    visit(activation, l, &scales)
    return zip(x, scales).map { x, scale in
      Self.row(width) { norm.apply(to: x, scale: scale[0], width, kernels, into: $0) }
    }
  }

  func normHeads(_ x: Rows, _ norm: Transformer.Norm?) -> Rows {
    guard let norm else { return x }
    let (width, epsilon) = (model.configuration.headWidth, model.configuration.epsilon)
    return x.map { row in
      stride(from: 0, to: row.count, by: width).flatMap { start -> [Float] in
        let head = Array(row[start..<start + width])
        let scale = norm.scale(of: head, width, epsilon, kernels)
        return Self.row(width) { norm.apply(to: head, scale: scale, width, kernels, into: $0) }
      }
    }
  }

  func rotate(_ x: Rows, heads: Int, _ l: Int) -> Rows {
    guard let table = rotary[l]?.table(tokens: request.tokens.count) else { return x }
    return x.enumerated().map { position, row in
      var row = row
      row.withUnsafeMutableBufferPointer { row in
        guard let row = row.baseAddress else { return }
        table.rotate(
          row, heads: heads, width: model.configuration.headWidth, at: position, kernels)
      }
      return row
    }
  }

  private func activate(_ x: [Float], up: [Float]?, _ l: Int) -> [Float] {
    Self.row(x.count) {
      kernels.activate(
        model.configuration.mlp[l].nonlinearity, x, up: up, count: x.count, into: $0)
    }
  }

  private func add(_ x: Rows, to stream: inout Rows) {
    for (p, row) in x.enumerated() {
      for i in row.indices { stream[p][i] += row[i] }
    }
  }

  func times(_ linear: Transformer.Linear, _ x: [Float]) -> [Float] {
    let matrix = linear.matrix
    let out = Self.row(matrix.stride) { out in
      products.multiply(
        x, rows: 1, stride: matrix.columns, [ProductTarget(matrix: matrix, out: out)])
      if let bias = linear.bias { kernels.add(bias, to: out, count: bias.count) }
    }
    return Array(out.prefix(matrix.rows))
  }

  static func row(_ count: Int, _ write: (UnsafeMutablePointer<Float>) -> Void) -> [Float] {
    [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
      if let base = buffer.baseAddress { write(base) }
      initialized = count
    }
  }

  // MARK: - Edits and captures

  /// Applies the edits of a site in their order, cuts last, then what no edit can change, then keeps
  /// what was asked for.
  private mutating func visit(
    _ activation: Activation, _ l: Int, _ rows: inout Rows,
    holding: (inout Rows) -> Void = { _ in }
  ) {
    let site = Site(activation, layer: l)
    let edits = request.edits.filter { $0.site == site }
    var features = FeatureRows()
    for edit in edits { apply(edit, to: &rows, &features) }
    for edit in edits { apply(edit, to: &rows, cuts: true) }
    holding(&rows)
    guard let positions = request.captures[site] else { return }
    let wanted = if case .some(let some) = positions { some } else { Array(rows.indices) }
    result.activations[site] = CapturedActivation(
      positions: wanted, units: model.configuration.unitCount(site),
      rows: wanted.map { rows[$0] })
  }
}
