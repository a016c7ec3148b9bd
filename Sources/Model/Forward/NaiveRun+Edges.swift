// Edges as they are defined: a reader's copy of the stream has, of each edited edge, what the edit gives
// in place of what the writer gave.

extension NaiveRun {
  /// By query head what it reads by itself: [positions][d_head]. Keys are normed and rotated, queries
  /// are not yet.
  struct OwnRows {
    var queries: [Int: Rows] = [:]
    var keys: [Int: Rows] = [:]
    var values: [Int: Rows] = [:]
  }

  /// The stream as one reader reads it; as it is where none of its edges is edited. Heads of a layer with
  /// a norm after attention change what goes through that norm, all together.
  func shifted(_ stream: Rows, of reader: Edge.Reader) -> Rows {
    var stream = stream
    var sums: [Int: Rows] = [:]
    // Layers whose attention the copy does not have at a position.
    var without: Set<Place> = []
    for p in stream.indices {
      addOutside(of: reader, at: p, to: &stream[p], &sums, &without)
    }
    for p in stream.indices {
      for (writer, given) in replaced(of: reader, at: p) {
        guard let own = written[writer]?[p] else { continue }
        if writer.head != nil, let layer = writer.layer, model.layers[layer].ln1Post != nil {
          var sum = sums[layer] ?? attentionSums[layer] ?? []
          add(given, minus: own, to: &sum[p])
          sums[layer] = sum
        } else {
          add(given, minus: own, to: &stream[p])
        }
      }
    }
    for (layer, sum) in sums.sorted(by: { $0.key < $1.key }) {
      guard let norm = model.layers[layer].ln1Post, let own = attentionSums[layer] else { continue }
      let new = normaliseCopy(sum, norm, .ln1PostScale, layer)
      let old = normaliseCopy(own, norm, .ln1PostScale, layer)
      for p in stream.indices {
        let isWithout = without.contains(Place(layer: layer, position: p))
        add(
          new[p], minus: isWithout ? [Float](repeating: 0, count: new[p].count) : old[p],
          to: &stream[p])
      }
    }
    return stream
  }

  /// What stands in place of what writers gave. Of two edits of one edge the later one holds.
  private func replaced(
    of reader: Edge.Reader, at p: Int
  ) -> [(writer: Edge.Writer, given: [Float])] {
    var parts: [(writer: Edge.Writer, given: [Float])] = []
    for edit in request.edits {
      guard case .edge(let edge, let rows) = edit.change, edge.reader == reader,
        let index = edit.positions.firstIndex(of: p)
      else { continue }
      parts.removeAll { $0.writer == edge.writer }
      parts.append((edge.writer, rows[index]))
    }
    return parts
  }

  /// The bias of a layer's attention is no writer's.
  mutating func addRest(of layer: Transformer.Layer) {
    guard layer.ln1Post == nil, let bias = layer.o.bias else { return }
    for p in rest.indices {
      for i in bias.indices { rest[p][i] += bias[i] }
    }
  }

  private struct Place: Hashable {
    var layer: Int
    var position: Int
  }

  /// What a reader takes of many writers at once: their differences are summed in the order of the writers,
  /// and added as one. Heads whose layer has a norm after attention change the sums that go through it.
  private func addOutside(
    of reader: Edge.Reader, at p: Int, to x: inout [Float], _ sums: inout [Int: Rows],
    _ without: inout Set<Place>
  ) {
    let graph = EdgeGraph(model.configuration)
    let alone = replaced(of: reader, at: p).map(\.writer)
    for edit in request.edits where edit.positions.contains(p) {
      guard case .outside(let reads) = edit.change, reads.reader == reader else { continue }
      var sum = [Float](repeating: 0, count: x.count)
      if reads.given.isZero {
        let left = Set(reads.writers.map(graph.writer)).subtracting(alone)
        x = rest[p]
        for writer in (0..<graph.writerCount(before: reader)).map(graph.writer) {
          guard let own = written[writer]?[p] else { continue }
          let isKept = !left.contains(writer)
          guard writer.head != nil, let layer = writer.layer, model.layers[layer].ln1Post != nil
          else {
            if isKept { for i in sum.indices { sum[i] += own[i] } }
            continue
          }
          var changed = sums[layer] ?? attentionSums[layer] ?? []
          if without.insert(Place(layer: layer, position: p)).inserted {
            changed[p] = model.layers[layer].o.bias ?? [Float](repeating: 0, count: x.count)
          }
          if isKept { for i in x.indices where own[i] != 0 { changed[p][i] += own[i] } }
          sums[layer] = changed
        }
        for i in x.indices where sum[i] != 0 { x[i] += sum[i] }
        continue
      }
      for writer in reads.writers.map(graph.writer) where !alone.contains(writer) {
        guard let own = written[writer]?[p] else { continue }
        let given =
          reads.given.row(of: writer, at: p, width: x.count).map(Array.init)
          ?? [Float](repeating: 0, count: x.count)
        if writer.head != nil, let layer = writer.layer, model.layers[layer].ln1Post != nil {
          var changed = sums[layer] ?? attentionSums[layer] ?? []
          add(given, minus: own, to: &changed[p])
          sums[layer] = changed
        } else {
          for i in sum.indices { sum[i] += given[i] - own[i] }
        }
      }
      for i in x.indices where sum[i] != 0 { x[i] += sum[i] }
    }
  }

  private func add(_ a: [Float], minus b: [Float], to x: inout [Float]) {
    for i in x.indices where a[i] - b[i] != 0 { x[i] += a[i] - b[i] }
  }

  private func isEdited(_ reader: Edge.Reader) -> Bool {
    request.edits.contains { $0.reader == reader }
  }

  /// What heads read of copies of their own.
  mutating func readOwn(_ stream: Rows, _ layer: Transformer.Layer, _ l: Int) -> OwnRows {
    var own = OwnRows()
    let c = model.configuration
    for head in 0..<c.heads {
      for input in Edge.Input.allCases where isEdited(.head(input, layer: l, head: head)) {
        let copy = shifted(stream, of: .head(input, layer: l, head: head))
        // What is kept of the scale is the stream's.
        let normed = normaliseCopy(copy, layer.ln1, .ln1Scale, l)
        let shared = c.keyValueHead(of: head)
        switch input {
        case .q: own.queries[head] = rows(normed, layer.q, of: head)
        case .k:
          var k = rows(normed, layer.k, of: shared)
          edit(&k, .k, shared, l)
          own.keys[head] = rotate(normHeads(k, layer.kNorm), heads: 1, l)
        case .v:
          var v = rows(normed, layer.v, of: shared)
          edit(&v, .v, shared, l)
          own.values[head] = v
        }
      }
    }
    return own
  }

  private func rows(_ normed: Rows, _ linear: Transformer.Linear, of head: Int) -> Rows {
    let width = model.configuration.headWidth
    return normed.map { Array(times(linear, $0)[head * width..<(head + 1) * width]) }
  }

  /// Edits of a shared key or value hold for a head's copy too.
  private func edit(_ rows: inout Rows, _ activation: Activation, _ head: Int, _ l: Int) {
    let (heads, width) = (model.configuration.keyValueHeads, model.configuration.headWidth)
    for edit in request.edits where edit.site == Site(activation, layer: l) && edit.reader == nil {
      var whole = rows.map { row in
        (0..<heads).flatMap { $0 == head ? row : [Float](repeating: 0, count: width) }
      }
      apply(edit, to: &whole, cuts: false)
      rows = whole.map { Array($0[head * width..<(head + 1) * width]) }
    }
  }

  private func normaliseCopy(
    _ x: Rows, _ norm: Transformer.Norm, _ activation: Activation, _ l: Int
  ) -> Rows {
    var copy = self
    return copy.normalise(x, norm, activation, l)
  }

  /// What an MLP reads that has a copy of its own.
  func readOwnForMLP(
    _ input: inout Rows, stream: Rows, _ layer: Transformer.Layer, _ l: Int
  ) {
    guard isEdited(.mlp(layer: l)) else { return }
    let scale: Activation = layer.ln2 == nil ? .ln1Scale : .ln2Scale
    input = normaliseCopy(
      shifted(stream, of: .mlp(layer: l)), layer.ln2 ?? layer.ln1, scale, l)
  }

  /// - Parameters:
  ///   - results: [positions][heads · d_model]; empty where none is asked for.
  ///   - sum: what attention gives before the norm on its way, if there is one.
  mutating func noteHeads(_ results: Rows, sum: Rows, _ l: Int) {
    guard !results.isEmpty else { return }
    let width = model.configuration.width
    attentionSums[l] = sum
    for head in 0..<model.configuration.heads {
      written[.head(layer: l, head: head)] = results.map {
        Array($0[head * width..<(head + 1) * width])
      }
    }
  }
}
