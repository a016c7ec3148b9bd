extension Transformer {
  /// The reference that `run` must equal to the bit: each request alone, from the first layer, all
  /// its positions, row by row, the whole vocabulary, no keys or values kept; nothing shared with
  /// `run` but the kernels.
  public func runNaively(_ requests: [RunRequest]) throws -> [RunResult] {
    try requests.map { request in
      try request.check(in: configuration, among: requests)
      var run = NaiveRun(self, request)
      let result = run.run()
      try checkWeights()
      return result
    }
  }
}

/// One prompt, written down as the formulas stand.
private struct NaiveRun {
  private typealias Rows = [[Float]]

  private let model: Transformer
  private let request: RunRequest
  private let kernels = Kernels.current
  private let products: Products
  private let rotary: RotaryTable
  private var result = RunResult()

  init(_ model: Transformer, _ request: RunRequest) {
    self.model = model
    self.request = request
    products = Products(pool: model.pool)
    rotary = RotaryTable(model.configuration, positions: request.tokens.count)
  }

  mutating func run() -> RunResult {
    let c = model.configuration
    var stream = request.tokens.map { model.embedding.row($0) }
    visit(.embed, 0, &stream)
    for (l, layer) in model.layers.enumerated() {
      visit(.residPre, l, &stream)
      let normed = normalise(stream, layer.ln1, .ln1Scale, l)
      var q = normed.map { times(layer.q, $0) }
      var k = normed.map { times(layer.k, $0) }
      var v = normed.map { times(layer.v, $0) }
      visit(.q, l, &q)
      visit(.k, l, &k)
      visit(.v, l, &v)
      var z = attend(rotate(q, heads: c.heads), rotate(k, heads: c.keyValueHeads), v, l)
      visit(.z, l, &z)
      var attention = z.map { times(layer.o, $0) }
      visitResult(l, z: z, &attention)
      visit(.attnOut, l, &attention)
      add(attention, to: &stream)
      visit(.residMid, l, &stream)

      let second = normalise(stream, layer.ln2, .ln2Scale, l)
      var gate = second.map { times(layer.gate, $0) }
      let up = second.map { times(layer.up, $0) }
      visit(.mlpPre, l, &gate)
      var hidden = zip(gate, up).map { gated($0, $1) }
      visit(.mlpPost, l, &hidden)
      var mlp = hidden.map { times(layer.down, $0) }
      visit(.mlpOut, l, &mlp)
      add(mlp, to: &stream)
      visit(.residPost, l, &stream)
    }
    let normed = normalise(stream, model.finalNorm, .lnFinalScale, 0)
    switch request.logits {
    case .none: break
    case .all(let positions):
      result.logits = positions.map { times(model.unembedding, normed[$0]) }
    case .tokens(let tokens, let position):
      let vocabulary = times(model.unembedding, normed[position])
      result.logits = [tokens.map { vocabulary[$0] }]
    }
    return result
  }

  // MARK: - Parts

  private mutating func attend(_ q: Rows, _ k: Rows, _ v: Rows, _ l: Int) -> Rows {
    let c = model.configuration
    let width = c.headWidth
    let scale = 1 / Float(width).squareRoot()
    // [positions][heads · sources]
    var scores: Rows = q.indices.map { p in
      (0..<c.heads).flatMap { head in
        let key = c.keyValueHead(of: head) * width
        return (0...p).map { source in
          kernels.dot(
            Array(q[p][head * width..<(head + 1) * width]),
            Array(k[source][key..<key + width]), width) * scale
        }
      }
    }
    visit(.attnScores, l, &scores)
    var pattern = scores
    for p in pattern.indices {
      for head in 0..<c.heads {
        pattern[p].withUnsafeMutableBufferPointer { row in
          if let row = row.baseAddress { kernels.softmax(row + head * (p + 1), p + 1) }
        }
      }
    }
    visit(.pattern, l, &pattern)
    return q.indices.map { p in
      (0..<c.heads).flatMap { head in
        let value = c.keyValueHead(of: head) * width
        return (0..<width).map { i in
          (0...p).reduce(into: Float(0)) { sum, source in
            sum.addProduct(pattern[p][head * (p + 1) + source], v[source][value + i])
          }
        }
      }
    }
  }

  /// An edit of a head's own output changes what attention adds by the difference that it makes.
  private mutating func visitResult(_ l: Int, z: Rows, _ attention: inout Rows) {
    let c = model.configuration
    let site = Site(.result, layer: l)
    guard request.captures[site] != nil || request.edits.contains(where: { $0.site == site })
    else { return }
    let original: Rows = z.map { row in
      (0..<c.heads).flatMap { head -> [Float] in
        var alone = [Float](repeating: 0, count: row.count)
        let units = head * c.headWidth..<(head + 1) * c.headWidth
        alone.replaceSubrange(units, with: row[units])
        return times(model.layers[l].o, alone)
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
  }

  private mutating func normalise(
    _ x: Rows, _ weight: [Float], _ activation: Activation, _ l: Int
  ) -> Rows {
    let width = model.configuration.width
    var scales = x.map { [kernels.rootMeanSquare($0, width, model.configuration.epsilon)] }
    visit(activation, l, &scales)
    return zip(x, scales).map { x, scale in
      Self.row(width) { kernels.normalise(x, scale[0], weight, width, $0) }
    }
  }

  private func rotate(_ x: Rows, heads: Int) -> Rows {
    let width = model.configuration.headWidth
    return x.enumerated().map { position, row in
      var row = row
      rotary.withAngles(at: position) { cosines, sines in
        row.withUnsafeMutableBufferPointer { row in
          guard let row = row.baseAddress else { return }
          for head in 0..<heads { kernels.rotate(row + head * width, width / 2, cosines, sines) }
        }
      }
      return row
    }
  }

  private func gated(_ gate: [Float], _ up: [Float]) -> [Float] {
    Self.row(gate.count) { kernels.gatedSiLU(gate, up, gate.count, $0) }
  }

  private func add(_ x: Rows, to stream: inout Rows) {
    for (p, row) in x.enumerated() {
      for i in row.indices { stream[p][i] += row[i] }
    }
  }

  private func times(_ matrix: PackedMatrix, _ x: [Float]) -> [Float] {
    let out = Self.row(matrix.stride) { out in
      products.multiply(
        x, rows: 1, stride: matrix.columns, [ProductTarget(matrix: matrix, out: out)])
    }
    return Array(out.prefix(matrix.rows))
  }

  private static func row(_ count: Int, _ write: (UnsafeMutablePointer<Float>) -> Void) -> [Float] {
    [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
      if let base = buffer.baseAddress { write(base) }
      initialized = count
    }
  }

  // MARK: - Edits and captures

  /// Applies the edits of a site in their order, cuts last, then keeps what was asked for.
  private mutating func visit(_ activation: Activation, _ l: Int, _ rows: inout Rows) {
    let site = Site(activation, layer: l)
    let edits = request.edits.filter { $0.site == site }
    for edit in edits { apply(edit, to: &rows, cuts: false) }
    for edit in edits { apply(edit, to: &rows, cuts: true) }
    guard let positions = request.captures[site] else { return }
    let wanted = if case .some(let some) = positions { some } else { Array(rows.indices) }
    result.activations[site] = CapturedActivation(
      positions: wanted, units: model.configuration.unitCount(activation),
      rows: wanted.map { rows[$0] })
  }

  private func apply(_ edit: Edit, to rows: inout Rows, cuts: Bool) {
    let unitCount = model.configuration.unitCount(edit.site.activation)
    for (index, p) in edit.positions.enumerated() {
      let width = rows[p].count / unitCount
      for (u, unit) in (edit.units ?? Array(0..<unitCount)).enumerated() {
        for i in 0..<width {
          let place = unit * width + i
          switch edit.change {
          case .cut(let sources):
            if cuts && sources.contains(i) { rows[p][place] = -.infinity }
          case _ where cuts: break
          case .zero: rows[p][place] = 0
          case .replace(let values): rows[p][place] = values[index][u * width + i]
          case .scale(let factor): rows[p][place] *= factor
          case .add(let vector):
            if vector[u * width + i] != 0 { rows[p][place] += vector[u * width + i] }
          }
        }
      }
    }
  }
}
