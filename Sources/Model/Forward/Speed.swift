extension Transformer {
  /// How fast this machine computes this model's layers, as it was measured.
  public struct Speed: Sendable {
    /// What a layer takes besides its attention, by its rows, in seconds for each flop of one row:
    /// ascending. Few rows wait for the weights, many for the multiplications.
    var layer: [(rows: Int, seconds: Double)]
    /// Seconds for each flop of attention.
    var attention: Double

    /// Of some products and what goes with them.
    ///
    /// - Parameter flops: of one row.
    func seconds(flops: Double, rows: Int) -> Double {
      guard rows > 0, let last = layer.last else { return 0 }
      guard let next = layer.firstIndex(where: { $0.rows >= rows }) else {
        // More rows take their time each.
        return flops * last.seconds * Double(rows) / Double(last.rows)
      }
      guard next > 0 else { return flops * layer[0].seconds }
      let (a, b) = (layer[next - 1], layer[next])
      let part = Double(rows - a.rows) / Double(b.rows - a.rows)
      return flops * (a.seconds + part * (b.seconds - a.seconds))
    }
  }

  /// Times layers on as many rows as speeds differ at, when it is first asked for: some tenths of a
  /// second.
  ///
  /// - Throws: `Interruption.Stopped`, and `ModelError` where weights cannot be read.
  public func speed() throws -> Speed {
    if let known = knownSpeed.withLock({ $0 }) { return known }
    let timer = try LayerTimer(self)
    let attention = try timer.secondsPerAttentionFlop()
    var layer: [(rows: Int, seconds: Double)] = []
    for rows in [1, 4, 12, 48, 192] {
      let found = try timer.measure(rows: rows, attention: attention)
      layer.append((rows, max(found.seconds, layer.last?.seconds ?? 0)))
      // From here on more rows are no faster, and would hold up Ctrl-C.
      if found.ofLayer > 0.03 { break }
    }
    let speed = Speed(layer: layer, attention: attention)
    knownSpeed.withLock { $0 = speed }
    return speed
  }

  /// Scores and weighted values of every head.
  func attentionFlops(sources: Int) -> Double {
    4 * Double(sources * configuration.heads * configuration.headWidth)
  }
}

extension Transformer.Layer {
  /// Multiplications and additions of its keys and values, for one row.
  var keyValueFlopsPerRow: Double { k.flopsPerRow + v.flopsPerRow }

  /// Those of its other products.
  var furtherFlopsPerRow: Double { q.flopsPerRow + o.flopsPerRow + mlp.flopsPerRow }

  fileprivate var flopsPerRow: Double { keyValueFlopsPerRow + furtherFlopsPerRow }

  /// What its weights take in memory.
  fileprivate var weightBytes: Int {
    ([q, k, v, o].map(\.matrix) + mlp.matrices).reduce(0) { $0 + $1.byteCount }
  }
}

/// Runs layers as the executor does, one after the other, so that each finds the caches as it would.
private struct LayerTimer {
  /// Layers whose weights are more than processors' caches hold: one that was just run is faster.
  private static let bytes = 64 << 20
  /// Of the prompts that rows are taken of: attention is a small part then.
  private static let promptLength = 12

  private let model: Transformer
  private let layers: Int
  private let clock = ContinuousClock()

  /// Reads the weights, and runs the layers once.
  init(_ model: Transformer) throws {
    self.model = model
    // Not the last: what it keeps is kept there.
    let others = max(1, model.layers.count - 1)
    var bytes = 0
    layers =
      1
      + (model.layers.prefix(others).firstIndex {
        bytes += $0.weightBytes
        return bytes >= Self.bytes
      } ?? others - 1)
    var executor = try executor(prompts: [1])
    for layer in 0..<layers { try executor.runTimed(layer) }
    try model.checkWeights()
  }

  /// What a layer takes on some rows, and that less attention, for each flop of one row.
  func measure(rows: Int, attention: Double) throws -> (ofLayer: Double, seconds: Double) {
    let length = min(Self.promptLength, rows, model.longestPrompt)
    let rest = rows % length
    var executor = try executor(
      prompts: [Int](repeating: length, count: rows / length) + (rest > 0 ? [rest] : []))
    let attended = rows / length * length * (length + 1) / 2 + rest * (rest + 1) / 2
    let ofAttention = attention * model.attentionFlops(sources: attended)
    var (total, times, found) = (0.0, [Double](), [Double]())
    while times.count < 3 || total < 0.02, total < 0.06 {
      let layer = times.count % layers
      let time = try clock.measure { try executor.runTimed(layer) } / .seconds(1)
      total += time
      times.append(time)
      found.append(max(0, time - ofAttention) / model.layers[layer].flopsPerRow)
    }
    return (times.median, found.median)
  }

  /// Of one prompt as long as fits.
  func secondsPerAttentionFlop() throws -> Double {
    let count = min(384, model.longestPrompt)
    var executor = try executor(prompts: [count])
    let work = LayerForward(
      number: 0, weights: model.layers[0], work: executor.work, rotary: nil, cache: nil)
    let sources = AttentionSources(
      rows: executor.batch.rowNumbers, version: executor.batch.version)
    let times = try (0..<5).map { _ in
      try Interruption.check()
      return clock.measure {
        work.weighValues(
          executor.batch, &executor.taps, sources: sources, own: OwnKeysAndValues())
      } / .seconds(1)
    }
    let reach = model.configuration.attention[0].window ?? .max
    let seen = (1...count).reduce(0) { $0 + min($1, reach) }
    return times.dropFirst().median / model.attentionFlops(sources: seen)
  }

  private func executor(prompts: [Int]) throws -> Executor {
    let last = Site(.residPost, layer: model.layers.count - 1)
    let requests = prompts.map {
      RunRequest(tokens: [Int](repeating: 0, count: $0), captures: [last: .all])
    }
    var executor = try Executor(
      model,
      batch: Batch(
        requests.enumerated().map { ($0, $1, nil, Fork(unsharedOf: $1.tokens.count)) },
        layers: model.layers.count))
    executor.embed()
    return executor
  }
}

extension Executor {
  fileprivate mutating func runTimed(_ layer: Int) throws {
    try Interruption.check()
    runLayer(layer)
  }
}

extension Transformer {
  /// The most tokens that a prompt can have, as far as that matters here.
  fileprivate var longestPrompt: Int {
    configuration.endsWithContext ? configuration.context : .max
  }
}

extension Collection<Double> {
  fileprivate var median: Double { isEmpty ? 0 : sorted()[count / 2] }
}
