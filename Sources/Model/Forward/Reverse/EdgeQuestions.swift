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

    /// From what it gives at each position with the change, and without.
    public init(writer: Edge.Writer, positions: [Int], new: [[Float]], old: [[Float]]) {
      let rows = zip(new, old).map { zip($0, $1).map { $0 - $1 } }
      self.init(writer: writer, positions: positions, rows: rows)
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

  /// - Parameter before: what passed: the same questions about the same writers are not looked at again.
  /// - Throws: `ModelError` for edges that the model does not have, and changes of another size.
  func check(
    tokens: Int, in configuration: Configuration, after before: EdgeQuestions? = nil
  ) throws {
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
    let isKnown =
      before.map {
        $0.questions == questions && $0.changes.map(\.writer) == changes.map(\.writer)
      } ?? false
    for question in isKnown ? [] : questions {
      guard changes.indices.contains(question.change),
        graph.obstacle(to: Edge(from: changes[question.change].writer, to: question.reader)) == nil
      else { throw ModelError(.request, "this model has no such edge to \(question.reader)") }
    }
    guard writers.allSatisfy(changes.indices.contains) else {
      throw ModelError(.request, "a writer is asked for whose change is not given")
    }
  }
}
