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

  public struct Question: Sendable {
    /// Which of the changes.
    public var change: Int
    public var reader: Edge.Reader

    public init(change: Int, reader: Edge.Reader) {
      (self.change, self.reader) = (change, reader)
    }
  }

  public var changes: [Change]
  public var questions: [Question]

  public init(changes: [Change] = [], questions: [Question] = []) {
    (self.changes, self.questions) = (changes, questions)
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
  }
}

/// The answers to a batch's questions. Readers come up from the last to the first.
final class EdgeScores {
  private struct Asked {
    var member: Int
    var place: Int
    var change: Int
  }

  private let model: Transformer
  private var asked: [Edge.Reader: [Asked]] = [:]
  /// By member. Those of heads are as they leave the norm on their way, once their layer has run.
  private var changes: [[EdgeQuestions.Change]]
  /// By member, in the order of its questions.
  private(set) var scores: [[Double]]

  /// Nil where nothing is asked.
  init?(_ model: Transformer, _ requests: [GradientRequest]) {
    guard requests.contains(where: { !$0.edges.questions.isEmpty }) else { return nil }
    self.model = model
    changes = requests.map(\.edges.changes)
    scores = requests.map { [Double](repeating: 0, count: $0.edges.questions.count) }
    for (member, request) in requests.enumerated() {
      for (place, question) in request.edges.questions.enumerated() {
        asked[question.reader, default: []].append(
          Asked(member: member, place: place, change: question.change))
      }
    }
  }

  func wants(_ reader: Edge.Reader) -> Bool { asked[reader] != nil }

  /// - Parameter g: derivatives by the reader's copy of the stream, `[rows][stride]`.
  func add(_ reader: Edge.Reader, _ g: FloatBuffer, stride: Int, rows: Batch) {
    guard let asked = asked[reader] else { return }
    let (kernels, width, changes) = (Kernels.current, model.configuration.width, changes)
    let sums = model.pool.map(asked) { asked, _, _ in
      let change = changes[asked.member][asked.change]
      return zip(change.positions, change.rows).reduce(0.0) { sum, place in
        let row = rows.row(of: asked.member, at: place.0)
        return sum + Double(kernels.dot(g.pointer + row * stride, place.1, count: width))
      }
    }
    for (asked, sum) in zip(asked, sums) { scores[asked.member][asked.place] = sum }
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
