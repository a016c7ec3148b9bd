import CSIMD

/// The answers to a batch's questions. Readers come up from the last to the first.
final class EdgeScores {
  /// Runs that are asked the same, of changes of their own.
  private struct Group {
    var members: [Int]
    let questions: [EdgeQuestions.Question]
    /// Which of the questions, by reader.
    private var places: [Int] = []
    /// Where those of each reader begin among them, in the order of the graph; last, where all end.
    private var starts: [Int]

    init(_ member: Int, _ questions: [EdgeQuestions.Question], _ graph: EdgeGraph) {
      members = [member]
      self.questions = questions
      starts = [Int](repeating: 0, count: graph.readerCount + 1)
      let readers = questions.map { graph.index(of: $0.reader) }
      for reader in readers { starts[reader + 1] += 1 }
      for reader in 0..<graph.readerCount { starts[reader + 1] += starts[reader] }
      places = [Int](repeating: 0, count: questions.count)
      var next = starts
      for (place, reader) in readers.enumerated() {
        places[next[reader]] = place
        next[reader] += 1
      }
    }

    /// Which of the questions ask for a reader, by its number.
    func places(of reader: Int) -> ArraySlice<Int> { places[starts[reader]..<starts[reader + 1]] }
  }

  private let model: Transformer
  private let graph: EdgeGraph
  private var groups: [Group] = []
  /// By member. Those of heads are as they leave the norm on their way, once their layer has run.
  private var changes: [[EdgeQuestions.Change]]
  /// The same as they were asked for.
  private let asked: [EdgeQuestions]
  /// By member, in the order of its questions.
  private(set) var scores: [[Double]]
  /// By member, in the order of its writers.
  private(set) var writers: [[Double]]
  let room: EdgeRoom
  /// The readers whose copies are in the room, in its order: their numbers.
  private var waiting: [Int] = []

  /// Nil where nothing is asked.
  init?(_ model: Transformer, _ requests: [GradientRequest], room: EdgeRoom) {
    guard requests.contains(where: \.asksForEdges) else { return nil }
    self.model = model
    graph = EdgeGraph(model.configuration)
    asked = requests.map(\.edges)
    changes = asked.map(\.changes)
    scores = asked.map { [Double](repeating: 0, count: $0.questions.count) }
    writers = asked.map { [Double](repeating: 0, count: $0.writers.count) }
    self.room = room
    for (member, edges) in asked.enumerated() where !edges.questions.isEmpty {
      if let last = groups.last, last.questions == edges.questions {
        groups[groups.count - 1].members.append(member)
      } else {
        groups.append(Group(member, edges.questions, graph))
      }
    }
  }

  func wants(_ reader: Edge.Reader) -> Bool {
    let number = graph.index(of: reader)
    return groups.contains { !$0.places(of: number).isEmpty }
  }

  /// Where the derivatives by a reader's copy of the stream are to be written, `[rows][stride]`, before
  /// anything else is asked of this.
  func copy(for reader: Edge.Reader, rows: Batch) -> UnsafeMutablePointer<Float> {
    if waiting.count == room.copyCount { score(rows) }
    waiting.append(graph.index(of: reader))
    return room.copies.pointer + (waiting.count - 1) * room.copyStride
  }

  // MARK: - Sums

  /// Answers what is asked of the readers that are waiting. A change is read once for all of them: there is
  /// more of it than a cache holds.
  func score(_ rows: Batch) {
    for group in groups {
      let asked = askedChanges(group)
      let size = changesAtOnce(asked.count, members: group.members.count)
      let items = group.members.flatMap { member in
        stride(from: 0, to: asked.count, by: size).map { first in
          (member: member, changes: asked[first..<min(first + size, asked.count)])
        }
      }
      let sums = model.pool.map(items) { item, _, _ in
        self.sums(of: item.changes, member: item.member, rows)
      }
      var slots = [Int](repeating: 0, count: (asked.last ?? -1) + 1)
      for (slot, change) in asked.enumerated() { slots[change] = slot }
      let parts = items.count / group.members.count
      for (i, member) in group.members.enumerated() {
        let own = sums[i * parts..<(i + 1) * parts].flatMap(\.self)
        for (copy, reader) in waiting.enumerated() {
          for question in group.places(of: reader) {
            let slot = slots[group.questions[question].change]
            scores[member][question] = own[slot * waiting.count + copy]
          }
        }
      }
    }
    waiting = []
  }

  /// The changes that the readers that are waiting are asked for, in their order.
  private func askedChanges(_ group: Group) -> [Int] {
    var isAsked = [Bool](repeating: false, count: changes[group.members[0]].count)
    for reader in waiting {
      for question in group.places(of: reader) {
        isAsked[group.questions[question].change] = true
      }
    }
    return isAsked.indices.filter { isAsked[$0] }
  }

  /// Enough parts for all threads, and in each as many changes as can be: copies are read once for each part.
  private func changesAtOnce(_ count: Int, members: Int) -> Int {
    let parts = max(1, 4 * model.pool.width / members)
    return max(16, (count + parts - 1) / parts)
  }

  /// As many copies of one position as stay in the first cache.
  private static let copiesAtOnce = 12

  /// Of each change the sums for all copies, position by position.
  private func sums(of asked: ArraySlice<Int>, member: Int, _ rows: Batch) -> [Double] {
    let (kernels, copies, changes) = (Kernels.current, waiting.count, self.changes[member])
    let stride = Slopes.width(of: model)
    var byPosition = [[(sums: Int, row: Int)]](
      repeating: [], count: rows.members[member].request.tokens.count)
    for (number, change) in asked.enumerated() {
      for (row, position) in changes[change].positions.enumerated() {
        byPosition[position].append((number, row))
      }
    }
    var sums = [Double](repeating: 0, count: asked.count * copies)
    let found = FloatBuffer(4 * Self.copiesAtOnce)
    for (position, entries) in byPosition.enumerated() where !entries.isEmpty {
      let base = room.copies.pointer + rows.row(of: member, at: position) * stride
      for copy in Swift.stride(from: 0, to: copies, by: Self.copiesAtOnce) {
        let some = SummandColumns(
          base: base + copy * room.copyStride, stride: room.copyStride,
          count: min(Self.copiesAtOnce, copies - copy), length: model.configuration.width)
        for first in Swift.stride(from: 0, to: entries.count, by: 4) {
          func row(_ i: Int) -> [Float] {
            let entry = entries[min(first + i, entries.count - 1)]
            return changes[asked[asked.startIndex + entry.sums]].rows[entry.row]
          }
          kernels.dots(row(0), row(1), row(2), row(3), by: some, into: found.pointer)
          for i in 0..<min(4, entries.count - first) {
            let start = entries[first + i].sums * copies + copy
            for c in 0..<some.count { sums[start + c] += Double(found.pointer[i * some.count + c]) }
          }
        }
      }
    }
    return sums
  }

  private func sum(
    _ change: EdgeQuestions.Change, of member: Int, _ g: FloatBuffer, _ stride: Int, _ rows: Batch
  ) -> Double {
    let (kernels, width) = (Kernels.current, model.configuration.width)
    return zip(change.positions, change.rows).reduce(0.0) { sum, place in
      let row = rows.row(of: member, at: place.0)
      return sum + Double(kernels.dot(g.pointer + row * stride, place.1, count: width))
    }
  }

  /// What writers give as a whole.
  ///
  /// - Parameter g: derivatives by what the writers give; of heads, before a norm on their way.
  func addWriters(
    _ g: FloatBuffer, stride: Int, rows: Batch, where isHere: (Edge.Writer) -> Bool
  ) {
    for (member, edges) in asked.enumerated() {
      for (place, change) in edges.writers.enumerated()
      where isHere(edges.changes[change].writer) {
        writers[member][place] = sum(edges.changes[change], of: member, g, stride, rows)
      }
    }
  }

  // MARK: - Norms after attention

  /// Takes changes of a layer's heads through the norm after attention, to first order, at what
  /// attention gives in this run.
  ///
  /// - Parameters:
  ///   - sums: what attention gives before that norm, `[rows][stride]`.
  ///   - taps: edits of what the norm divides by.
  func passNorm(after layer: Int, sums: FloatBuffer, stride: Int, rows: Batch, _ taps: Taps) {
    guard let norm = model.layers[layer].ln1Post else { return }
    let width = model.configuration.width
    let edits = Dictionary(
      grouping: taps.rowEdits(at: Site(.ln1PostScale, layer: layer), rows: rows), by: \.row)
    for member in changes.indices {
      for (i, change) in changes[member].enumerated()
      where change.writer.layer == layer && change.writer.head != nil {
        changes[member][i].rows = zip(change.positions, change.rows).map { position, change in
          let row = rows.row(of: member, at: position)
          let sum = Array(
            UnsafeBufferPointer(start: sums.pointer + row * stride, count: width))
          return norm.derivative(
            along: change, at: sum, edits: (edits[row] ?? []).map(\.edit),
            epsilon: model.configuration.epsilon)
        }
      }
    }
  }
}

/// Room for the derivatives by what readers read, `[rows][stride]` each.
struct EdgeRoom {
  /// By what a reader's norm gives.
  let normed: FloatBuffer
  /// By copies of the stream, of several readers: `[copies][rows][stride]`.
  let copies: FloatBuffer
  let copyCount: Int
  let copyStride: Int
  /// One head's part of the queries, keys or values.
  let alone: FloatBuffer

  init(_ model: Transformer, rows: Int) {
    let width = Slopes.width(of: model)
    normed = FloatBuffer(rows * width, zeroed: true)
    (copyCount, copyStride) = (Self.copies(model), rows * width)
    copies = FloatBuffer(copyCount * copyStride, zeroed: true)
    alone = FloatBuffer(rows * Self.strideOfParts(model))
  }

  /// What it takes for one row.
  static func bytesPerRow(_ model: Transformer) -> Int {
    ((1 + copies(model)) * Slopes.width(of: model) + strideOfParts(model))
      * MemoryLayout<Float>.size
  }

  /// Those of a layer, but of large models not all.
  private static func copies(_ model: Transformer) -> Int {
    min(Edge.Input.allCases.count * model.configuration.heads + 1, 32)
  }

  private static func strideOfParts(_ model: Transformer) -> Int {
    let sizes = model.bufferSizes
    return max(sizes.query, sizes.key, sizes.value)
  }
}

extension Transformer.Norm {
  /// What a small change of `x` changes of γ (x − mean) / s, per unit of it: γ (δ − mean δ − (x − mean) ds /
  /// s) / s, where ds = Σ (x − mean) δ / (n √(mean (x − mean)² + ε)). An edit of s passes its factor.
  fileprivate func derivative(
    along change: [Float], at x: [Float], edits: [Taps.RowEdit], epsilon: Float
  ) -> [Float] {
    let kernels = Kernels.current
    let own = scale(of: x, x.count, epsilon, kernels)
    var scale = own
    for edit in edits {
      Taps.change(&scale, edit.change, index: edit.index, unit: 0, width: 1)
    }
    let factor = edits.reduce(1.0) { $0 * Double($1.change.factor) }
    let means = kind == .layer ? (Self.mean(x), Self.mean(change)) : (0, 0)
    let along = zip(x, change).reduce(0.0) { $0 + (Double($1.0) - means.0) * Double($1.1) }
    let slope = factor * along / (Double(x.count) * Double(own)) / Double(scale)
    return x.indices.map { i in
      let moved = Double(change[i]) - means.1 - (Double(x[i]) - means.0) * slope
      return Float(Double(weight[i]) * moved / Double(scale))
    }
  }

  private static func mean(_ x: [Float]) -> Double {
    x.reduce(0.0) { $0 + Double($1) } / Double(x.count)
  }
}
