/// All that writes to the stream of a run in an attribution graph, each as a column of it: of each layer and
/// position its active features, then what these leave over; then the embeddings.
struct GraphWriters {
  struct Feature {
    var layer, position, feature: Int
    var activation: Float
  }

  private(set) var nodes: [AttributionGraph.Node] = []
  /// By column, where that is a feature.
  private(set) var features: [Int: Feature] = [:]
  /// What each writes, `[columns][d_model]`.
  private let vectors: FloatBuffer
  private let width: Int
  private let tokens: Int
  /// The first column of each layer and position, and after these that of the embeddings.
  private var starts: [Int] = []

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
    let columns = found + tokens * (c.layers + (c.hasLearnedPositions ? 2 : 1))
    try Self.check(
      columns: columns, found: found, width: c.width,
      rows: min(request.mostFeatures, found) + logits, memory: memory)
    vectors = FloatBuffer(columns * c.width, zeroed: true)
    for layer in 0..<c.layers {
      for position in 0..<tokens {
        starts.append(nodes.count)
        try Interruption.check()
        if let placed = held.transcoders[layer], let found = active[layer]?[position] {
          try add(placed, found, at: position, of: held)
        } else {
          add(
            .mlp(layer: layer, position: position),
            held.run.activations[Site(.mlpOut, layer: layer)]?.rows[position] ?? [])
        }
      }
    }
    starts.append(nodes.count)
    for (position, row) in (held.run.activations[Site(.embed)]?.rows ?? []).enumerated() {
      add(.embedding(position: position), row)
    }
    for (position, row) in (held.run.activations[Site(.posEmbed)]?.rows ?? []).enumerated() {
      add(.positionEmbedding(position: position), row)
    }
  }

  private static func check(columns: Int, found: Int, width: Int, rows: Int, memory: Int) throws {
    let bytes = columns * (width + rows) * MemoryLayout<Float>.size
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
    let (parts, rest) = try placed.dictionary.parts(input, from: active, on: held.model.pool)
    var error = zip(output, rest).map { Double($0) - $1 }
    for (active, vector) in parts {
      for i in error.indices { error[i] -= Double(vector[i]) }
      features[nodes.count] = Feature(
        layer: layer, position: position, feature: active.feature, activation: active.activation)
      add(.feature(layer: layer, feature: active.feature, position: position), vector)
    }
    add(.error(layer: layer, position: position), error.map { Float($0) })
  }

  private mutating func add(_ node: AttributionGraph.Node, _ vector: [Float]) {
    (vectors.pointer + nodes.count * width).update(from: vector, count: min(width, vector.count))
    nodes.append(node)
  }

  /// The columns of what a layer's MLP writes at a position.
  func columns(ofMLP layer: Int, at position: Int) -> Range<Int> {
    let place = layer * tokens + position
    return starts[place]..<starts[place + 1]
  }

  /// The columns of what the stream begins with at a position.
  func embeddings(at position: Int) -> [Int] {
    Array(stride(from: (starts.last ?? 0) + position, to: nodes.count, by: tokens))
  }

  func vector(_ column: Int) -> UnsafePointer<Float> {
    UnsafePointer(vectors.pointer + column * width)
  }
}
