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

  /// Where attention as a whole is written over, no head's share of it can be told.
  func checkWriters() throws {
    let whole = Set(edits.lazy.filter { $0.site.activation == .attnOut }.map(\.site.layer))
    guard !whole.isEmpty else { return }
    for edge in edits.lazy.compactMap(\.edge) {
      guard case .head(let layer, _) = edge.writer, whole.contains(layer) else { continue }
      throw ModelError(
        .request,
        "attention of layer \(layer) is edited as a whole: what \(edge.writer) gives of it cannot "
          + "be told, and \(edge) needs it",
        help: "edit heads instead: L\(layer)H*")
    }
  }

  /// What noting the writers of edges takes during the run.
  func edgeBytes(in configuration: Configuration) -> Int {
    var positions: [Edge.Writer: Set<Int>] = [:]
    for edit in edits {
      if let edge = edit.edge { positions[edge.writer, default: []].formUnion(edit.positions) }
    }
    return positions.values.reduce(0) { $0 + $1.count } * configuration.width
      * MemoryLayout<Float>.size
  }
}
