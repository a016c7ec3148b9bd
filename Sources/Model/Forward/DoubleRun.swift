/// A second opinion: the logits of a prompt in double precision, from the file itself.
///
/// Its weights are decoded by the reference decoders, and its sums are plain loops in the order of
/// the formulas: it has neither the kernels nor the packed weights nor RoPE's tables of `run` and
/// `runNaively`. It shares with them how the file is understood: `Configuration`, `WeightNames` with
/// the orders of rows, `WeightReader`, and `Numerics`. An error there is in all three, and only the
/// recorded results of other programs show it. It is slow, and keeps no more than a few rows of a
/// matrix at a time.
public struct DoubleRun {
  /// [positions][width]
  private typealias Rows = [[Double]]

  private let configuration: Configuration
  private let names: WeightNames
  private let weights: DoubleWeights

  /// - Parameter path: what `LanguageModel` takes.
  public init(path: String, pool: WorkerPool) throws {
    let source = try CheckpointSource(path: path)
    names = source.blueprint.names
    try source.blueprint.configuration.validate(path: path)
    weights = try DoubleWeights(source.blueprint, file: source.file, pool: pool)
    configuration = weights.configuration
  }

  /// The logits at every position, [positions][vocabulary].
  ///
  /// - Parameters:
  ///   - tokens: each one of the model's.
  ///   - progress: told how many of the layers are done.
  public func logits(of tokens: [Int], progress: (_ done: Int, _ of: Int) -> Void) throws
    -> [[Double]]
  {
    try RunRequest(tokens: tokens).check(in: configuration, among: [])
    let c = configuration
    var stream = try embed(tokens)
    for l in 0..<c.layers {
      try Interruption.check()
      progress(l, c.layers)
      let name = names.layer(l)
      let normed = try normalise(stream, name.ln1)
      let attention = try attention(normed, name, c.attention[l])
      switch c.residual {
      case .sequential:
        add(attention, to: &stream)
        add(
          try mlp(try name.ln2.map { try normalise(stream, $0) } ?? normed, name, c.mlp[l]),
          to: &stream)
      case .parallel, .parallelSharedNorm:
        let mlp = try mlp(try name.ln2.map { try normalise(stream, $0) } ?? normed, name, c.mlp[l])
        add(attention, to: &stream)
        add(mlp, to: &stream)
      }
    }
    let normed = try normalise(stream, names.finalNorm)
    var logits = try weights.product(
      c.isTied ? names.embedding : names.unembedding, normed, rows: c.vocabulary)
    if let bias = names.unembeddingBias {
      let bias = try weights.vector(bias, c.vocabulary)
      logits = logits.map { zip($0, bias).map(+) }
    }
    return logits.map { $0.map { DoubleMath.capped($0, c.logitCap) } }
  }

  // MARK: - The formulas

  private func embed(_ tokens: [Int]) throws -> Rows {
    let c = configuration
    var stream = try weights.rows(names.embedding, tokens, of: (c.vocabulary, c.width))
    if let scale = c.embeddingScale { stream = stream.map { $0.map { $0 * Double(scale) } } }
    if let positions = names.positionEmbedding {
      add(try weights.rows(positions, Array(tokens.indices), of: (c.context, c.width)), to: &stream)
    }
    return stream
  }

  private func attention(_ x: Rows, _ name: LayerNames, _ layer: LayerAttention) throws -> Rows {
    let c = configuration
    let q = try normHeads(try weights.linear(name.q, x, rows: c.queryWidth), name.qNorm)
    let k = try normHeads(try weights.linear(name.k, x, rows: c.keyWidth), name.kNorm)
    let v = try weights.linear(name.v, x, rows: c.keyWidth)
    let z = attend(
      rotate(q, heads: c.heads, layer.rotary), rotate(k, heads: c.keyValueHeads, layer.rotary), v,
      layer)
    let out = try weights.linear(name.o, z, rows: c.width)
    return try name.ln1Post.map { try scaled(out, $0, width: c.width) } ?? out
  }

  private func mlp(_ x: Rows, _ name: LayerNames, _ shape: MLPShape) throws -> Rows {
    var hidden = try weights.linear(name.gate, x, rows: shape.neurons).map { row in
      row.map { DoubleMath.activated($0, shape.nonlinearity) }
    }
    if let up = name.up {
      let factors = try weights.linear(up, x, rows: shape.neurons)
      hidden = zip(hidden, factors).map { zip($0, $1).map(*) }
    }
    let width = configuration.width
    let out = try weights.linear(name.down, hidden, rows: width)
    return try name.ln2Post.map { try scaled(out, $0, width: width) } ?? out
  }

  /// (x − mean x) / √(variance + ε) · γ + β, or x / √(mean x² + ε) · γ
  private func normalise(_ x: Rows, _ source: BiasedSource) throws -> Rows {
    guard configuration.norm == .layer else {
      return try scaled(x, source.weight, width: configuration.width)
    }
    let gamma = try weights.vector(source.weight, configuration.width)
    let beta = try source.bias.map { try weights.vector($0, configuration.width) }
    return x.map { row in
      let mean = row.reduce(0, +) / Double(row.count)
      let centred = row.map { $0 - mean }
      let normed = zip(DoubleMath.unit(centred, configuration.epsilon), gamma).map(*)
      return beta.map { zip(normed, $0).map(+) } ?? normed
    }
  }

  /// x / √(mean x² + ε) · γ of every `width` elements.
  private func scaled(_ x: Rows, _ source: WeightSource, width: Int) throws -> Rows {
    let gamma = try weights.vector(source, width)
    return x.map { row in
      stride(from: 0, to: row.count, by: width).flatMap { start in
        zip(DoubleMath.unit(Array(row[start..<start + width]), configuration.epsilon), gamma).map(*)
      }
    }
  }

  private func normHeads(_ x: Rows, _ source: WeightSource?) throws -> Rows {
    try source.map { try scaled(x, $0, width: configuration.headWidth) } ?? x
  }

  /// Turns pairs of the first `rotary.width` elements of each head.
  private func rotate(_ x: Rows, heads: Int, _ rotary: Rotary?) -> Rows {
    guard let rotary else { return x }
    let factors = rotary.isLong(x.count) ? rotary.long?.factors ?? [] : rotary.factors
    return x.enumerated().map { position, row in
      var turned = row
      for i in 0..<rotary.width / 2 {
        let frequency =
          Numerics.pow(rotary.base, -2 * Double(i) / Double(rotary.width))
          / (factors.isEmpty ? 1 : factors[i])
        let (sin, cos) = Numerics.sinCos(Double(position) * frequency)
        let (first, second) =
          switch rotary.pairing {
          case .halfSplit: (i, i + rotary.width / 2)
          case .adjacent: (2 * i, 2 * i + 1)
          }
        for head in 0..<heads {
          let start = head * configuration.headWidth
          let (a, b) = (row[start + first], row[start + second])
          turned[start + first] = (a * cos - b * sin) * rotary.magnitude
          turned[start + second] = (b * cos + a * sin) * rotary.magnitude
        }
      }
      return turned
    }
  }

  /// Σ_j softmax_j(q · k_j · scale) v_j over the sources that each position sees.
  private func attend(_ q: Rows, _ k: Rows, _ v: Rows, _ layer: LayerAttention) -> Rows {
    let c = configuration
    let width = c.headWidth
    return q.indices.map { p in
      let sources = layer.firstSource(of: p)...p
      return (0..<c.heads).flatMap { head -> [Double] in
        let (mine, theirs) = (head * width, c.keyValueHead(of: head) * width)
        let scores = sources.map { source in
          let product = (0..<width).reduce(0) { $0 + q[p][mine + $1] * k[source][theirs + $1] }
          return DoubleMath.capped(product * Double(c.attentionScale), c.scoreCap)
        }
        let largest = scores.max() ?? 0
        let weights = scores.map { Numerics.exp($0 - largest) }
        let sum = weights.reduce(0, +)
        return (0..<width).map { i in
          zip(sources, weights).reduce(0) { $0 + $1.1 / sum * v[$1.0][theirs + i] }
        }
      }
    }
  }

  private func add(_ x: Rows, to stream: inout Rows) {
    for (p, row) in x.enumerated() {
      for i in row.indices { stream[p][i] += row[i] }
    }
  }
}

/// Functions of `DoubleRun`.
enum DoubleMath {
  /// x / √(mean x² + ε)
  static func unit(_ x: [Double], _ epsilon: Float) -> [Double] {
    let mean = x.reduce(0) { $0 + $1 * $1 } / Double(x.count)
    let scale = (mean + Double(epsilon)).squareRoot()
    return x.map { $0 / scale }
  }

  /// c · tanh(x / c)
  static func capped(_ x: Double, _ cap: Float?) -> Double {
    cap.map { Double($0) * tanh(x / Double($0)) } ?? x
  }

  static func activated(_ x: Double, _ nonlinearity: MLPShape.Nonlinearity) -> Double {
    switch nonlinearity {
    case .silu: x / (1 + Numerics.exp(-x))
    case .gelu: x / 2 * (1 + erf(x / 2.0.squareRoot()))
    case .geluTanh: x / 2 * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
    }
  }

  static func tanh(_ x: Double) -> Double {
    let e = Numerics.exp(-2 * abs(x))
    return (x < 0 ? -1 : 1) * (1 - e) / (1 + e)
  }

  /// Near 0, 2/√π · e^(−x²) · Σ 2^n x^(2n+1) / (1 · 3 · … · (2n + 1)), whose terms all have one sign;
  /// from 2 on, 1 − e^(−x²)/√π · 1/(x + ½/(x + 1/(x + 3⁄2/(x + …)))).
  static func erf(_ x: Double) -> Double {
    if x.isNaN { return x }
    let far = abs(x)
    if far >= 2 {
      let rest = stride(from: 100.0, through: 1, by: -1).reduce(0) { $1 / 2 / (far + $0) }
      let left = Numerics.exp(-x * x) / Double.pi.squareRoot() / (far + rest)
      return x < 0 ? left - 1 : 1 - left
    }
    var (term, sum, n) = (x, x, 1.0)
    while abs(term) > abs(sum) * 1e-17 {
      term *= 2 * x * x / (2 * n + 1)
      sum += term
      n += 1
    }
    return 2 / Double.pi.squareRoot() * Numerics.exp(-x * x) * sum
  }
}
