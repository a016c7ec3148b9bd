/// All that writes to the stream of a run in an attribution graph, each as a column of it: of each layer and
/// position its active features, then what these leave over; then the embeddings. A feature of a cross-layer
/// transcoder writes in several layers.
struct GraphWriters {
  struct Feature {
    var layer, position, feature: Int
    var activation: Float
  }

  /// A vector that a column adds to the stream.
  struct Write {
    var column: Int
    fileprivate var vector: Int
  }

  private(set) var nodes: [AttributionGraph.Node] = []
  /// By column, where that is a feature.
  private(set) var features: [Int: Feature] = [:]
  /// `[writes][d_model]`
  private let vectors: FloatBuffer
  private var vectorCount = 0
  private let width: Int
  private let tokens: Int
  /// What is written in each layer at each position, `[layers · tokens]`.
  private var ofMLPs: [[Write]]
  /// What the stream begins with at each position.
  private var ofEmbeddings: [[Write]]

  /// - Parameters:
  ///   - logits: how many logits are targets.
  ///   - memory: bytes that they, and a number for each in the row of each target, may take.
  /// - Throws: `ModelError` where that is too little, or a dictionary cannot be read; `Interruption.Stopped`.
  init(_ held: HeldRun, _ request: AttributionGraphRequest, logits: Int, memory: Int) throws {
    let c = held.model.configuration
    (width, tokens) = (c.width, held.tokens)
    var active: [Int: [[ActiveFeature]]] = [:]
    for (layer, placed) in held.transcoders {
      let inputs = (0..<tokens).compactMap { placed.input(held.run.activations, at: $0) }
      active[layer] = try placed.dictionary.encode(inputs, on: held.model.pool)
    }
    let found = active.values.reduce(0) { $1.reduce($0) { $0 + $1.count } }
    let writes = active.reduce(0) { sum, layer in
      let each = held.transcoders[layer.key]?.dictionary.layersWritten ?? 1
      return sum + each * layer.value.reduce(0) { $0 + $1.count }
    }
    let others = tokens * (c.layers + (c.hasLearnedPositions ? 2 : 1))
    try Self.check(
      columns: found + others, found: found, writes: writes + others, width: c.width,
      rows: min(request.mostFeatures, found) + logits, memory: memory)
    vectors = FloatBuffer((writes + others) * c.width, zeroed: true)
    ofMLPs = [[Write]](repeating: [], count: c.layers * tokens)
    ofEmbeddings = [[Write]](repeating: [], count: tokens)
    for layer in 0..<c.layers {
      for position in 0..<tokens {
        try Interruption.check()
        if let placed = held.transcoders[layer], let found = active[layer]?[position] {
          try add(placed, found, at: position, of: held)
        } else {
          ofMLPs[layer * tokens + position].append(
            add(
              .mlp(layer: layer, position: position),
              held.run.activations[Site(.mlpOut, layer: layer)]?.rows[position] ?? []))
        }
      }
    }
    for (position, row) in (held.run.activations[Site(.embed)]?.rows ?? []).enumerated() {
      ofEmbeddings[position].append(add(.embedding(position: position), row))
    }
    for (position, row) in (held.run.activations[Site(.posEmbed)]?.rows ?? []).enumerated() {
      ofEmbeddings[position].append(add(.positionEmbedding(position: position), row))
    }
  }

  private static func check(
    columns: Int, found: Int, writes: Int, width: Int, rows: Int, memory: Int
  ) throws {
    let bytes = (writes * width + columns * rows) * MemoryLayout<Float>.size
    guard bytes > memory else { return }
    throw ModelError(
      .request,
      "a graph of \(found) active features needs \(bytes) bytes of memory, more than the budget of "
        + "\(memory)",
      help: "take a shorter prompt or fewer features, or allow more memory")
  }

  /// The active features of a transcoder at a position, and its error.
  private mutating func add(
    _ placed: PlacedDictionary, _ active: [ActiveFeature], at position: Int, of held: HeldRun
  ) throws {
    let (layer, activations) = (placed.site.layer, held.run.activations)
    guard let input = placed.input(activations, at: position),
      let output = placed.output(activations, at: position)
    else { return }
    let dictionary = placed.dictionary
    let (scale, rest) = dictionary.rest(of: input, on: held.model.pool)
    for active in active {
      let column = nodes.count
      features[column] = Feature(
        layer: layer, position: position, feature: active.feature, activation: active.activation)
      nodes.append(.feature(layer: layer, feature: active.feature, position: position))
      for above in 0..<dictionary.layersWritten {
        ofMLPs[(layer + above) * tokens + position].append(
          write(dictionary.vector(of: active, above: above, times: scale), of: column))
      }
    }
    try dictionary.checkWeights()
    // By now all that is written here is there: features of earlier layers too.
    var error = zip(output, rest).map { Double($0) - $1 }
    for write in ofMLPs[layer * tokens + position] {
      let vector = vector(write)
      for i in error.indices { error[i] -= Double(vector[i]) }
    }
    ofMLPs[layer * tokens + position].append(
      add(.error(layer: layer, position: position), error.map { Float($0) }))
  }

  private mutating func add(_ node: AttributionGraph.Node, _ vector: [Float]) -> Write {
    nodes.append(node)
    return write(vector, of: nodes.count - 1)
  }

  private mutating func write(_ vector: [Float], of column: Int) -> Write {
    (vectors.pointer + vectorCount * width).update(from: vector, count: min(width, vector.count))
    vectorCount += 1
    return Write(column: column, vector: vectorCount - 1)
  }

  /// What is written in the place of a layer's MLP at a position.
  func writes(ofMLP layer: Int, at position: Int) -> [Write] { ofMLPs[layer * tokens + position] }

  /// What the stream begins with at a position.
  func embeddings(at position: Int) -> [Write] { ofEmbeddings[position] }

  func vector(_ write: Write) -> UnsafePointer<Float> {
    UnsafePointer(vectors.pointer + write.vector * width)
  }
}
