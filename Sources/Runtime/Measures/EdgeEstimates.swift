import Lang
import Model

/// What estimates of edges need next to gradients: what the writers give in the runs that are varied.
struct EdgeWriters {
  /// Of each prompt.
  private var runs: [Int: RunResult] = [:]
  /// Those all of whose edges are swept, at all positions: their edges sum to their own estimate.
  let whole: [Edge.Writer]

  init(_ call: Invocation, of set: PromptSet, _ sweep: EditSpec) throws {
    let configuration = set.model.configuration
    whole = Self.whole(sweep, EdgeGraph(configuration))
    let places = set.measuredIndices
    let sites = Dictionary(
      sweep.targets.flatMap(\.place.sites).map { ($0.site, RunRequest.Positions.all) },
      uniquingKeysWith: { a, _ in a })
    let results = try call.session.values(of: set.withoutSweptEdit, sites: { _ in sites })
    for index in places { runs[index] = results[index] }
    let writers = Set(sweep.targets.flatMap { $0.place.edges.map(\.writer) }).count
    let positions = places.reduce(0) { $0 + set.prompts[$1].tokens.count }
    let bytes = (2 * 4 * configuration.width).multipliedReportingOverflow(by: writers)
    try call.session.reserve(
      bytes.overflow
        ? .max : bytes.partialValue.multipliedReportingOverflow(by: positions).partialValue,
      for: "what \(writers) components give in \(places.count) runs", help: "take fewer prompts")
  }

  private static func whole(_ sweep: EditSpec, _ graph: EdgeGraph) -> [Edge.Writer] {
    guard sweep.kinds.isEmpty, !sweep.hasPaths else { return [] }
    var readers: [Edge.Writer: Set<Edge.Reader>] = [:]
    for edge in sweep.targets.flatMap(\.place.edges) {
      readers[edge.writer, default: []].insert(edge.reader)
    }
    // A key that heads share, next to their own, would count twice.
    let isOnce = sweep.targets.allSatisfy { $0.place.edges.count == 1 }
    return !isOnce
      ? []
      : (0..<graph.writerCount).map(graph.writer).filter { writer in
        let count = (0..<graph.readerCount).count {
          graph.obstacle(to: Edge(from: writer, to: graph.reader(at: $0))) == nil
        }
        return readers[writer]?.count == count
      }
  }

  /// The edges of the variants of one prompt: a question for each edit of each variant, in their order.
  ///
  /// - Parameter position: where a position is in the run whose gradient is taken.
  func questions(
    _ cases: ArraySlice<Case>, _ position: (Position.Kind?, Site, Int) throws -> Int
  ) throws -> EdgeQuestions {
    guard let first = cases.first, let run = runs[first.index] else { return EdgeQuestions() }
    var found = EdgeQuestions()
    var known: [ChangeKey: Int] = [:]
    for variant in cases.compactMap(\.variant) {
      for edit in variant.edits {
        guard case .edge(let edge, let rows) = edit.change else { continue }
        let key = ChangeKey(
          writer: edge.writer, positions: edit.positions, kind: variant.kind)
        let place = known[key] ?? found.changes.count
        if known[key] == nil {
          known[key] = place
          let own = edit.positions.map { run.given(by: edge.writer, at: $0) }
          found.changes.append(
            EdgeQuestions.Change(
              writer: edge.writer,
              positions: try edit.positions.map {
                try position(variant.kind, edge.writer.part.site, $0)
              },
              rows: zip(rows, own).map { new, own in zip(new, own).map { $0 - $1 } }))
        }
        found.questions.append(EdgeQuestions.Question(change: place, reader: edge.reader))
      }
    }
    return found
  }

  private struct ChangeKey: Hashable {
    var writer: Edge.Writer
    var positions: [Int]
    var kind: Position.Kind?
  }
}

extension RunResult {
  /// What a writer gives at a position; of a head before a norm on its way.
  fileprivate func given(by writer: Edge.Writer, at position: Int) -> [Float] {
    let part = writer.part
    guard let kept = activations[part.site], let row = kept.positions.firstIndex(of: position)
    else { return [] }
    return part.units.map { $0.flatMap { Array(kept[row, $0]) } } ?? kept[row]
  }
}

extension PromptSet {
  /// The runs that a sweep varies.
  fileprivate var withoutSweptEdit: PromptSet {
    var set = unedited.divided(as: self)
    for (index, edit) in edits.enumerated() where index != sweepIndex {
      set.append(edit, isSwept: false)
    }
    return set
  }
}

/// What must hold of the estimates of edges, whatever the model.
struct EdgeIdentities {
  private var writers = 0
  private var largest = 0.0
  private var gap = 0.0
  private var embeds: [(sum: Double, difference: Double)] = []

  /// - Parameter reachesDonor: whether the last pass is of the donor's embeddings.
  mutating func add(
    _ estimator: EffectEstimator, _ found: [GradientResult], _ passes: [EstimateRuns.Pass],
    _ whole: [Edge.Writer], reachesDonor: Bool
  ) {
    // A donor's run has its changes at its own positions, and another number.
    guard estimator.gradients.allSatisfy({ $0.places == nil }),
      let questions = passes.first(where: { $0.weight != 0 })?.request.edges
    else { return }
    let sums = estimator.edges
    var edges: [Edge.Writer: Double] = [:]
    for (question, sum) in zip(questions.questions, sums) {
      edges[questions.changes[question.change].writer, default: 0] += sum
    }
    let changes = Dictionary(
      questions.changes.map { ($0.writer, $0) }, uniquingKeysWith: { a, _ in a })
    for writer in whole {
      guard let sum = edges[writer], let change = changes[writer] else { continue }
      let node = estimator.gradients.reduce(0.0) { $0 + $1.weight * $1.estimate(of: change) }
      writers += 1
      largest = max(largest, abs(node))
      gap = max(gap, abs(node - sum))
    }
    if reachesDonor, let base = found.first, let donor = found.last, let sum = edges[.embed] {
      embeds.append((sum, donor.value - base.value))
    }
  }

  func report(to session: Session) {
    if writers > 0 {
      session.note(
        "attribute: the edges of each of \(thousands(writers)) components sum to its own estimate within "
          + "\(SumCheck.short(gap)); the largest is \(SumCheck.short(largest))")
    }
    guard let worst = embeds.max(by: { abs($0.sum - $0.difference) < abs($1.sum - $1.difference) })
    else { return }
    let all = embeds.count == 1 ? "" : ", the worst of \(embeds.count)"
    session.note(
      "attribute: the edges from embed sum to \(SumCheck.fixed(worst.sum)), the metric changes by "
        + "\(SumCheck.fixed(worst.difference)): the gap is "
        + "\(SumCheck.short(abs(worst.sum - worst.difference)))\(all); more steps make it smaller")
  }
}

extension CountedGradient {
  /// By what a writer gives, times what changes of it.
  fileprivate func estimate(of change: EdgeQuestions.Change) -> Double {
    var slopes = RunResult()
    slopes.activations = gradients
    return zip(change.positions, change.rows).reduce(0.0) { sum, place in
      zip(slopes.given(by: change.writer, at: place.0), place.1)
        .reduce(sum) { $0 + Double($1.0) * Double($1.1) }
    }
  }
}
