import Lang
import Model

/// The passes whose gradients estimate the effects of a sweep: for each number of a prompt one at its base,
/// then those of the path.
struct EstimateRuns {
  let set: PromptSet
  let sweep: EditSpec
  let metric: DifferentiatedMetric
  let path: GradientPath
  /// Of each prompt that is measured; empty where the path needs none.
  private var places: [Int: DonorPlaces] = [:]
  /// Of each prompt, and of its donor: `[positions][d_model]`.
  private var embeddings: [Int: (own: [[Float]], donors: [[Float]])] = [:]
  /// Of a sweep of edges.
  let writers: EdgeWriters?

  /// - Throws: `Failure` for a path that needs donors, or donors of the same length, where there are none.
  init(
    _ call: Invocation, of set: PromptSet, _ sweep: EditSpec, _ metric: DifferentiatedMetric,
    _ path: GradientPath
  ) throws {
    (self.set, self.sweep, self.metric, self.path) = (set, sweep, metric, path)
    let donors = sweep.patchDonors(for: set)
    writers = sweep.isOfEdges ? try EdgeWriters(call, of: set, sweep) : nil
    if let donors { call.warnOfEqualDonors(of: set, donors, what: "estimates") }
    guard path.needsDonors else { return }
    guard let donors else {
      throw call.failure(
        "a gradient at the donor, or between it and the base, needs a `patch`",
        help: "omit `steps` and `gradient`: the gradient at the base is estimated with")
    }
    try addPlaces(call, donors)
    if case .between(let steps, _) = path { try addEmbeddings(call, donors, steps: steps) }
  }

  private mutating func addPlaces(_ call: Invocation, _ donors: PromptSet) throws {
    if metric.metric.known == .loss, case .at = path {
      throw call.failure(
        "a loss is of the prompt's own text, which a donor does not have",
        help: "take the gradient at the base, or `steps` between the two")
    }
    let edits = try donors.edits.isEmpty ? [] : call.session.cases(of: donors).map(\.edits)
    for index in set.measuredIndices {
      let donor = donors.donorIndex(forPrompt: index)
      places[index] = try placing(at: sweep.span, in: sweep.source) {
        try DonorPlaces(
          sweep, of: set.prompts[index], donor: donors.prompts[donor],
          edits: edits.isEmpty ? [] : edits[donor])
      }
    }
  }

  private mutating func addEmbeddings(
    _ call: Invocation, _ donors: PromptSet, steps: Int
  ) throws {
    guard donors.edits.isEmpty else {
      throw call.failure(
        "`steps` go from embedding to embedding, and the donors are edited",
        help: "omit `steps`, or take donors without edits")
    }
    var floats = 0
    for index in set.measuredIndices {
      let (own, donor) = (set.prompts[index], donors.prompts[donors.donorIndex(forPrompt: index)])
      guard own.tokens.count == donor.tokens.count else {
        throw call.failure(
          "'\(excerpt(own.name))' has \(own.tokens.count) tokens and '\(excerpt(donor.name))' "
            + "\(donor.tokens.count): `steps` pair all of their positions",
          help: "take prompts of equal length, or omit `steps`")
      }
      floats += own.tokens.count * metric[ofPrompt: index].count
    }
    let width = set.model.configuration.width
    try call.session.reserve(
      floats.multipliedReportingOverflow(by: steps).partialValue
        .multipliedReportingOverflow(by: 4 * width).partialValue,
      for: "the embeddings of \(steps) steps", help: "take fewer prompts or steps")
    let site = Site(.embed)
    func rows(_ set: PromptSet) throws -> [[[Float]]] {
      try call.session.values(of: set.unedited, sites: { _ in [site: .all] })
        .map { $0.activations[site]?.rows ?? [] }
    }
    let (own, others) = (try rows(set), try rows(donors))
    for index in set.measuredIndices {
      embeddings[index] = (own[index], others[donors.donorIndex(forPrompt: index)])
    }
  }

  // MARK: - Passes

  /// A pass, and what its gradient counts.
  struct Pass {
    var request: GradientRequest
    var weight: Double
    var places: DonorPlaces?
  }

  /// Of the cases of one prompt; for each of its numbers the first is of the base. Of edges the last may
  /// be of the donor's embeddings.
  func passes(of cases: ArraySlice<Case>) throws -> [[Pass]] {
    guard let first = cases.first, let edits = first.baseEdits else { return [] }
    let wanted = try wanted(cases) { _, _, position in position }
    let questions = try writers?.questions(cases) { _, _, position in position }
    return try metric[ofPrompt: first.index].map { number in
      var base = GradientRequest(
        tokens: first.prompt.tokens, edits: edits, terms: number.terms, wanted: wanted,
        keepsActivations: writers == nil)
      // Only its number counts.
      let bare = writers == nil ? base : base.asking(nil)
      base.edges = questions ?? EdgeQuestions()
      switch path {
      case .at(.base): return [Pass(request: base, weight: 1)]
      case .at(.donor):
        return [Pass(request: bare, weight: 0)] + (try donorPass(cases, number, weight: 1))
      case .at(.both):
        return [Pass(request: base, weight: 0.5)] + (try donorPass(cases, number, weight: 0.5))
      case .between(let steps, let points):
        let shares = (0..<steps).map { points.share($0, of: steps) }
        let passes = passes(between: base, of: first.index, shares, weight: 1 / Double(steps))
        let last =
          reachesDonor ? self.passes(between: bare, of: first.index, [1], weight: 0) : []
        return [Pass(request: bare, weight: 0)] + passes + last
      }
    }
  }

  /// Whether the last pass is of the donor's embeddings: to compare the edges from the embedding with.
  var reachesDonor: Bool {
    guard case .between = path else { return false }
    return writers?.whole.contains(.embed) == true
  }

  /// Sites and positions that the variants edit.
  private func wanted(
    _ cases: ArraySlice<Case>, _ position: (Position.Kind?, Site, Int) throws -> Int
  ) throws -> [Site: RunRequest.Positions] {
    if let writers {
      return Dictionary(
        writers.whole.map { ($0.part.site, .all) }, uniquingKeysWith: { a, _ in a })
    }
    var wanted: [Site: Set<Int>] = [:]
    for variant in cases.compactMap(\.variant) {
      for edit in variant.edits {
        wanted[edit.site, default: []].formUnion(
          try edit.positions.map { try position(variant.kind, edit.site, $0) })
      }
    }
    return wanted.mapValues { .some($0.sorted()) }
  }

  private func donorPass(
    _ cases: ArraySlice<Case>, _ number: DifferentiatedMetric.Number, weight: Double
  ) throws -> [Pass] {
    guard let first = cases.first, let places = places[first.index] else { return [] }
    let readings = metric.readings
    let positions = try placing(at: readings.span) {
      let positions = try readings.kind.map(places.donor.positions) ?? [places.donor.last]
      try readings.check(first.prompt, pairsWith: positions.count)
      return positions
    }
    var request = GradientRequest(
      tokens: places.donor.tokens, edits: places.edits, terms: number.terms,
      wanted: try wanted(cases) { try places.source(of: $2, $0, at: $1) })
    request.edges =
      try writers?.questions(cases) { try places.source(of: $2, $0, at: $1) } ?? EdgeQuestions()
    for i in request.terms.indices {
      request.terms[i].position = positions[number.reading?.index ?? 0]
    }
    return [Pass(request: request, weight: weight, places: places)]
  }

  /// - Parameter shares: how far from the base's embeddings to the donor's each is.
  private func passes(
    between base: GradientRequest, of index: Int, _ shares: [Double], weight: Double
  ) -> [Pass] {
    guard let (own, donors) = embeddings[index] else { return [] }
    return shares.map { share in
      let rows = zip(own, donors).map { own, donor in
        zip(own, donor).map { Float(Double($0) + share * (Double($1) - Double($0))) }
      }
      var request = base
      request.keepsActivations = false
      request.edits.insert(
        Edit(site: Site(.embed), positions: Array(rows.indices), change: .replace(rows)), at: 0)
      return Pass(request: request, weight: weight)
    }
  }
}

extension GradientRequest {
  /// The same number, and nothing of derivatives but of edges.
  fileprivate func asking(_ edges: EdgeQuestions?) -> GradientRequest {
    var request = self
    request.wanted = [:]
    request.edges = edges ?? EdgeQuestions()
    return request
  }
}

extension Invocation {
  /// Prompts that are patched from themselves tell nothing.
  ///
  /// - Parameter what: what is 0 of them.
  func warnOfEqualDonors(of set: PromptSet, _ donors: PromptSet, what: String) {
    guard donors.edits.isEmpty, set.edits.count == 1 else { return }
    let equal = set.measuredIndices.filter {
      set.prompts[$0].tokens == donors.prompts[donors.donorIndex(forPrompt: $0)].tokens
    }
    guard let first = equal.first else { return }
    warn(
      "\(equal.count) of \(set.measuredIndices.count) prompts have themselves as donors, and \(what) of "
        + "0: '\(excerpt(set.prompts[first].name))'", help: "give donors that differ")
  }
}
