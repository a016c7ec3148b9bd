extension RunRequest {
  /// - Throws: `ModelError` for an edge that this model does not have, or numbers that do not fit.
  func check(
    _ edge: Edge, _ rows: [[Float]], of edit: Edit, _ configuration: Configuration
  ) throws {
    let graph = EdgeGraph(configuration)
    guard graph.obstacle(to: edge) == nil, edit.site == edge.reader.site, edit.units == nil else {
      throw ModelError(.request, "this model has no edge \(edge)")
    }
    guard rows.count == edit.positions.count,
      rows.allSatisfy({ $0.count == configuration.width })
    else {
      throw ModelError(
        .request,
        "an edit of \(edge) needs \(configuration.width) numbers for each of its "
          + "\(edit.positions.count) positions")
    }
  }

  /// - Throws: the same for many edges at once.
  func check(_ reads: OutsideReads, of edit: Edit, _ configuration: Configuration) throws {
    let graph = EdgeGraph(configuration)
    let known = Edge(from: .embed, to: reads.reader)
    guard graph.obstacle(to: known) == nil, edit.site == reads.reader.site, edit.units == nil,
      zip(reads.writers, reads.writers.dropFirst()).allSatisfy({ $0 < $1 }),
      reads.writers.allSatisfy({ (0..<graph.writerCount(before: reads.reader)).contains($0) })
    else { throw ModelError(.request, "this model has no such edges to \(reads.reader)") }
    guard reads.given.fits(positions: tokens.count, configuration) else {
      throw ModelError(
        .request,
        "what edges to \(reads.reader) are given does not fit a prompt of \(tokens.count) tokens")
    }
  }

  /// A run takes what is outside of one circuit from one place.
  private func checkOutside() throws {
    var readers: Set<Edge.Reader> = []
    var given: GivenWrites?
    for edit in edits {
      guard case .outside(let reads) = edit.change else { continue }
      guard readers.insert(reads.reader).inserted, given == nil || given == reads.given else {
        throw ModelError(
          .request, "a run takes what is outside of one circuit only, and here are two")
      }
      given = reads.given
    }
    let streams: Set<Activation> = [.residPre, .residMid, .residPost]
    guard given?.isZero == true,
      let edit = edits.first(where: { streams.contains($0.site.activation) })
    else { return }
    throw ModelError(
      .request,
      "the stream is edited at \(edit.site.activation.rawValue), and what is outside of a circuit gives "
        + "nothing: which part of the stream that is cannot be told",
      help: "edit components, or take what is outside from a prompt")
  }

  /// Where attention as a whole is written over, no head's share of it can be told.
  func checkWriters(_ configuration: Configuration) throws {
    try checkOutside()
    let whole = Set(edits.lazy.filter { $0.site.activation == .attnOut }.map(\.site.layer))
    guard !whole.isEmpty else { return }
    if let layer = whole.first(where: { layer in
      edits.contains { edit in
        guard case .outside = edit.change else { return false }
        return edit.readsHead(of: layer, heads: configuration.heads)
      }
    }) {
      throw ModelError(
        .request,
        "attention of layer \(layer) is edited as a whole: what its heads give of it cannot be told, "
          + "and a circuit needs it",
        help: "edit heads instead: L\(layer)H*")
    }
    for edge in edits.lazy.compactMap(\.edge) {
      guard case .head(let layer, _) = edge.writer, whole.contains(layer) else { continue }
      throw ModelError(
        .request,
        "attention of layer \(layer) is edited as a whole: what \(edge.writer) gives of it cannot "
          + "be told, and \(edge) needs it",
        help: "edit heads instead: L\(layer)H*")
    }
  }

  /// Where readers take what is outside of a circuit from elsewhere.
  private var outsidePositions: Set<Int> {
    edits.reduce(into: []) { positions, edit in
      if case .outside = edit.change { positions.formUnion(edit.positions) }
    }
  }

  /// Multiplications and additions for the copies of readers that take what is outside of a circuit from
  /// elsewhere: the sums of differences, and the heads' own products.
  func outsideFlops(in configuration: Configuration) -> Double {
    let (graph, width) = (EdgeGraph(configuration), configuration.width)
    var writers: Set<Int> = []
    var flops = 0.0
    for edit in edits {
      guard case .outside(let reads) = edit.change else { continue }
      writers.formUnion(reads.writers)
      let own = reads.reader.head == nil ? 0 : configuration.headWidth
      let sums = graph.writerCount(before: reads.reader)
      flops += 2 * Double(edit.positions.count) * Double(width * (sums + own))
    }
    let heads = writers.count { graph.writer(at: $0).head != nil }
    return flops + 2 * Double(outsidePositions.count * heads * width * configuration.headWidth)
  }

  /// What noting the writers of edges takes during the run.
  func edgeBytes(in configuration: Configuration) -> Int {
    var positions: [Edge.Writer: Set<Int>] = [:]
    // Edges from one writer mostly have the same.
    var last: [Edge.Writer: [Int]] = [:]
    for edit in edits {
      guard let writer = edit.edge?.writer, last[writer] != edit.positions else { continue }
      last[writer] = edit.positions
      positions[writer, default: []].formUnion(edit.positions)
    }
    return positions.values.reduce(0) { $0 + $1.count } * configuration.width
      * MemoryLayout<Float>.size
      + outsidePositions.count * OutsideTaps.bytesPerPosition(configuration)
  }
}
