import Lang
import Model

/// What estimates of edges need next to gradients: what the writers give in the runs that are varied.
struct EdgeWriters {
  private let set: PromptSet
  private let sweep: EditSpec
  private let session: Session
  private var binder: EditBinder
  /// Of each prompt.
  private var runs: [Int: RunResult] = [:]
  /// Those all of whose edges are swept, at all positions: their edges sum to their own estimate.
  let whole: [Edge.Writer]
  /// Where all prompts are asked the same: once for all.
  private var common: Asked?

  /// What is asked of a prompt: questions, and the writers whose changes they are of.
  private struct Asked {
    var changes: [ChangeKey] = []
    var questions: [EdgeQuestions.Question] = []
  }

  private struct ChangeKey: Hashable {
    var writer: Edge.Writer
    /// Nil: all positions.
    var position: Int?
    var kind: Position.Kind?
  }

  init(_ call: Invocation, of set: PromptSet, _ sweep: EditSpec) throws {
    let session = call.session
    (self.set, self.sweep, self.session) = (set, sweep, session)
    // Of a part of the runs nobody knows the sum.
    whole =
      set.shard?.division == .variants
      ? [] : Self.whole(sweep, EdgeGraph(set.model.configuration))
    binder = EditBinder(set, in: session)
    let places = set.measuredIndices
    let bytes = places.reduce(0) { $0 + set.prompts[$1].tokens.count }
      .multipliedReportingOverflow(by: Self.bytesPerToken(set, sweep))
    try call.session.reserve(
      bytes.overflow ? .max : bytes.partialValue,
      for: "what components give in \(places.count) runs", help: "take fewer prompts")
    let sites = Dictionary(
      sweep.targets.reads.map { ($0.site, RunRequest.Positions.all) },
      uniquingKeysWith: { a, _ in a })
    let results = try call.session.values(of: set.withoutSweptEdit, sites: { _ in sites })
    for index in places { runs[index] = results[index] }
  }

  /// What the writers give in a run, in its donor's, and what that changes.
  static func bytesPerToken(_ set: PromptSet, _ sweep: EditSpec) -> Int {
    sweep.targets.writerCount(EdgeGraph(set.model.configuration)).multipliedReportingOverflow(
      by: 3 * 4 * set.model.configuration.width
    )
    .partialValue
  }

  private static func whole(_ sweep: EditSpec, _ graph: EdgeGraph) -> [Edge.Writer] {
    // A key that heads share, next to their own, would count twice.
    guard sweep.kinds.isEmpty, sweep.targets.haveOneEdge else { return [] }
    let writers = 0..<graph.writerCount
    if sweep.targets.areAllEdges { return writers.map(graph.writer) }
    var isSwept = [Bool](repeating: false, count: writers.count * graph.readerCount)
    for index in sweep.targets.indices {
      sweep.targets.forEachEdge(of: index) {
        isSwept[graph.index(of: $0.reader) * writers.count + graph.index(of: $0.writer)] = true
      }
    }
    let before = (0..<graph.readerCount).map { graph.writerCount(before: graph.reader(at: $0)) }
    return writers.filter { writer in
      before.indices.allSatisfy { before[$0] <= writer || isSwept[$0 * writers.count + writer] }
    }.map(graph.writer)
  }

  /// The prompts with the edges that are swept of each.
  mutating func prompts() throws -> [SweptPrompt] {
    try checkThatAllFire()
    var units = VariantUnits(set.shard)
    return try set.measuredIndices.mapChecked { index in
      let base = try set.edits.enumerated().flatMap { place, spec in
        place == set.sweepIndex ? [] : try binder.edits(spec, at: index)
      }
      let places = try binder.places(of: sweep, at: index)
      var swept = SweptPrompt(prompt: set.prompts[index], index: index, baseEdits: base)
      swept.edges.places = places
      if set.shard?.division == .variants {
        let measured = units.measured(places.count, of: set.prompts[index])
        swept.edges.places = measured.map { places[$0.place] }
        swept.edges.units = measured.compactMap(\.unit)
      }
      return swept
    }
  }

  /// Of edges next to other edits: a sweep of edges alone always does.
  private func checkThatAllFire() throws {
    guard set.edits.count > 1 else { return }
    var stream = CaseStream(of: set, in: session)
    while try !stream.next(upTo: CaseStream.atOnce).isEmpty {}
  }

  /// The edges of the variants of one prompt: a question for each, in their order.
  ///
  /// - Parameter position: where a position is in the run whose gradient is taken.
  mutating func questions(
    _ swept: SweptPrompt, _ position: (Position.Kind?, Site, Int) throws -> Int
  ) throws -> EdgeQuestions {
    guard let run = runs[swept.index] else { return EdgeQuestions() }
    let asked = asked(swept)
    var found = EdgeQuestions(questions: asked.questions)
    for key in asked.changes {
      let (writer, positions) = (key.writer, key.position.map { [$0] } ?? allPositions(swept))
      let rows = try placing(at: sweep.span, in: sweep.source) {
        try binder.writerRows(sweep, writer, key.kind, at: positions, ofPrompt: swept.index)
      }
      if whole.contains(writer) { found.writers.append(found.changes.count) }
      found.changes.append(
        EdgeQuestions.Change(
          writer: writer,
          positions: try positions.map { try position(key.kind, writer.part.site, $0) },
          new: rows, old: positions.map { run.given(by: writer, at: $0) }))
    }
    return found
  }

  private func allPositions(_ swept: SweptPrompt) -> [Int] { Array(swept.prompt.tokens.indices) }

  private mutating func asked(_ swept: SweptPrompt) -> Asked {
    if let common { return common }
    var asked = Asked()
    var known: [ChangeKey: Int] = [:]
    // Without positions: by writer.
    let graph = EdgeGraph(set.model.configuration)
    var ofWriters = [Int?](repeating: nil, count: graph.writerCount)
    asked.questions.reserveCapacity(swept.edges.places.count)
    for variant in swept.edges.places {
      let kind = sweep.targets.position(of: variant.target)
      sweep.targets.forEachEdge(of: variant.target) { edge in
        let key = ChangeKey(writer: edge.writer, position: variant.position, kind: kind)
        let writer = graph.index(of: edge.writer)
        let place = (kind == nil ? ofWriters[writer] : known[key]) ?? asked.changes.count
        if place == asked.changes.count {
          if kind == nil { ofWriters[writer] = place } else { known[key] = place }
          asked.changes.append(key)
        }
        asked.questions.append(EdgeQuestions.Question(change: place, reader: edge.reader))
      }
    }
    if sweep.kinds.isEmpty, set.shard?.division != .variants { common = asked }
    return asked
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

extension EditTargets {
  /// How many writers their edges have.
  fileprivate func writerCount(_ graph: EdgeGraph) -> Int {
    if areAllEdges { return graph.writerCount }
    var isThere = [Bool](repeating: false, count: graph.writerCount)
    for index in indices { forEachEdge(of: index) { isThere[graph.index(of: $0.writer)] = true } }
    return isThere.count(where: \.self)
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
    reachesDonor: Bool
  ) {
    // A donor's run has its changes at its own positions, and another number.
    guard estimator.gradients.allSatisfy({ $0.places == nil }),
      let questions = passes.first(where: { $0.weight != 0 })?.request.edges
    else { return }
    var sums = [Double](repeating: 0, count: questions.changes.count)
    for (question, sum) in zip(questions.questions, estimator.edges) {
      sums[question.change] += sum
    }
    for (change, own) in zip(questions.writers, estimator.writers) {
      writers += 1
      largest = max(largest, abs(own))
      gap = max(gap, abs(own - sums[change]))
    }
    if reachesDonor, let base = found.first, let donor = found.last,
      let embed = questions.changes.firstIndex(where: { $0.writer == .embed })
    {
      embeds.append((sums[embed], donor.value - base.value))
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
