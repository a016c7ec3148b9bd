/// Edges whose estimated effects are asked for: the derivative by what a reader alone reads, times what
/// changes of what a writer gives.
public struct EdgeQuestions: Sendable {
  /// What changes of what a writer gives at some positions; of a head, before a norm on its way.
  public struct Change: Sendable {
    public var writer: Edge.Writer
    public var positions: [Int]
    public var rows: [[Float]]

    public init(writer: Edge.Writer, positions: [Int], rows: [[Float]]) {
      (self.writer, self.positions, self.rows) = (writer, positions, rows)
    }
  }

  public struct Question: Sendable, Equatable {
    /// Which of the changes.
    public var change: Int
    public var reader: Edge.Reader

    public init(change: Int, reader: Edge.Reader) {
      (self.change, self.reader) = (change, reader)
    }
  }

  public var changes: [Change]
  public var questions: [Question]
  /// Changes whose whole estimates are asked for: by all that the writer gives, whoever reads it.
  public var writers: [Int]

  public init(changes: [Change] = [], questions: [Question] = [], writers: [Int] = []) {
    (self.changes, self.questions, self.writers) = (changes, questions, writers)
  }

  /// - Throws: `ModelError` for edges that the model does not have, and changes of another size.
  func check(tokens: Int, in configuration: Configuration) throws {
    let graph = EdgeGraph(configuration)
    for change in changes {
      guard change.rows.count == change.positions.count,
        change.positions.allSatisfy((0..<tokens).contains),
        change.rows.allSatisfy({ $0.count == configuration.width })
      else {
        throw ModelError(
          .request,
          "a change of \(change.writer) needs \(configuration.width) numbers for each of its positions"
        )
      }
    }
    for question in questions {
      guard changes.indices.contains(question.change),
        graph.obstacle(to: Edge(from: changes[question.change].writer, to: question.reader)) == nil
      else { throw ModelError(.request, "this model has no such edge to \(question.reader)") }
    }
    guard writers.allSatisfy(changes.indices.contains) else {
      throw ModelError(.request, "a writer is asked for whose change is not given")
    }
  }
}

/// The answers to a batch's questions. Readers come up from the last to the first.
final class EdgeScores {
  /// Runs that are asked the same, of changes of their own.
  private struct Group {
    var members: [Int]
    let questions: [EdgeQuestions.Question]
    /// By reader: which of the questions.
    private(set) var places: [Edge.Reader: [Int]] = [:]

    init(_ member: Int, _ questions: [EdgeQuestions.Question]) {
      members = [member]
      self.questions = questions
      for (place, question) in questions.enumerated() {
        places[question.reader, default: []].append(place)
      }
    }
  }

  private let model: Transformer
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
  /// The readers whose copies are in the room, in its order.
  private var waiting: [Edge.Reader] = []

  /// Nil where nothing is asked.
  init?(_ model: Transformer, _ requests: [GradientRequest], room: EdgeRoom) {
    guard requests.contains(where: \.asksForEdges) else { return nil }
    self.model = model
    asked = requests.map(\.edges)
    changes = asked.map(\.changes)
    scores = asked.map { [Double](repeating: 0, count: $0.questions.count) }
    writers = asked.map { [Double](repeating: 0, count: $0.writers.count) }
    self.room = room
    for (member, edges) in asked.enumerated() where !edges.questions.isEmpty {
      if let last = groups.last, last.questions == edges.questions {
        groups[groups.count - 1].members.append(member)
      } else {
        groups.append(Group(member, edges.questions))
      }
    }
  }

  func wants(_ reader: Edge.Reader) -> Bool { groups.contains { $0.places[reader] != nil } }

  /// Where the derivatives by a reader's copy of the stream are to be written, `[rows][stride]`, before
  /// anything else is asked of this.
  func copy(for reader: Edge.Reader, rows: Batch) -> FloatBuffer {
    if waiting.count == room.copies.count { score(rows) }
    waiting.append(reader)
    return room.copies[waiting.count - 1]
  }

  // MARK: - Sums

  /// A change, and the readers that its edges lead to.
  private struct Asked {
    var change: Int
    /// Where the readers' derivatives are, and which of the questions they answer.
    var edges: [(copy: Int, question: Int)] = []
  }

  /// Answers what is asked of the readers that are waiting. A change is read once for all of them: there is
  /// more of it than a cache holds.
  func score(_ rows: Batch) {
    for group in groups {
      var asked: [Int: Asked] = [:]
      for (copy, reader) in waiting.enumerated() {
        for question in group.places[reader] ?? [] {
          let change = group.questions[question].change
          asked[change, default: Asked(change: change)].edges.append((copy, question))
        }
      }
      let all = asked.values.sorted { $0.change < $1.change }
      let items = group.members.flatMap { member in
        stride(from: 0, to: all.count, by: Self.changesAtOnce).map { first in
          (member: member, asked: all[first..<min(first + Self.changesAtOnce, all.count)])
        }
      }
      let sums = model.pool.map(items) { item, _, _ in
        self.sums(of: item.asked, member: item.member, rows)
      }
      for (item, sums) in zip(items, sums) {
        for (edge, sum) in zip(item.asked.flatMap(\.edges), sums) {
          scores[item.member][edge.question] = sum
        }
      }
    }
    waiting = []
  }

  /// A thread takes as many together, position by position: the copies of one position stay in its cache.
  private static let changesAtOnce = 16

  private func sums(of asked: ArraySlice<Asked>, member: Int, _ rows: Batch) -> [Double] {
    let (kernels, width) = (Kernels.current, model.configuration.width)
    let stride = Slopes.width(of: model)
    let changes = asked.map { self.changes[member][$0.change] }
    var sums = [Double](repeating: 0, count: asked.reduce(0) { $0 + $1.edges.count })
    for place in 0..<(changes.map(\.positions.count).max() ?? 0) {
      var next = 0
      for (asked, change) in zip(asked, changes) {
        defer { next += asked.edges.count }
        guard place < change.positions.count else { continue }
        let row = rows.row(of: member, at: change.positions[place])
        for (number, edge) in asked.edges.enumerated() {
          let g = room.copies[edge.copy].pointer + row * stride
          sums[next + number] += Double(kernels.dot(g, change.rows[place], count: width))
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
  /// By copies of the stream, of several readers.
  let copies: [FloatBuffer]
  /// One head's part of the queries, keys or values.
  let alone: FloatBuffer

  init(_ model: Transformer, rows: Int) {
    let width = Slopes.width(of: model)
    normed = FloatBuffer(rows * width, zeroed: true)
    copies = (0..<Self.copies(model)).map { _ in FloatBuffer(rows * width, zeroed: true) }
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
