import Lang
import Model

/// The passes whose gradients estimate the effects of a sweep: for each number of a prompt one at its base,
/// then those of the path.
struct EstimateRuns {
  let set: PromptSet
  let sweep: EditSpec
  let metric: DifferentiatedMetric
  let path: GradientPath
  /// Whether queries and keys are estimated by their softmax.
  let isSoftmaxExact: Bool
  /// Of each prompt that is measured; empty where the path needs none.
  private var places: [Int: DonorPlaces] = [:]
  /// Of each prompt, and of its donor: `[positions][d_model]`.
  private var embeddings: [Int: (own: [[Float]], donors: [[Float]])] = [:]
  /// Of a sweep of edges.
  private(set) var writers: EdgeWriters?

  /// - Throws: `Failure` for a path that needs donors, or donors of the same length, where there are none.
  init(
    _ call: Invocation, of set: PromptSet, _ metric: DifferentiatedMetric, _ path: GradientPath,
    isSoftmaxExact: Bool
  ) throws {
    (self.set, self.metric, self.path) = (set, metric, path)
    self.isSoftmaxExact = isSoftmaxExact
    sweep = set.edits[set.sweepIndex ?? 0]
    let donors = sweep.patchDonors(for: set)
    writers = sweep.isOfEdges ? try EdgeWriters(call, of: set, sweep) : nil
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
    var edits: [Int: [Edit]] = [:]
    if !donors.edits.isEmpty {
      for item in try call.session.cases(of: donors.portion(as: set)) {
        edits[item.index] = item.edits
      }
    }
    for index in set.measuredIndices {
      let donor = donors.donorIndex(forPrompt: index)
      places[index] = try placing(at: sweep.span, in: sweep.source) {
        try DonorPlaces(
          sweep, of: set.prompts[index], donor: donors.prompts[donor], edits: edits[donor] ?? [])
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
      try call.session.values(of: set, sites: { _ in [site: .all] })
        .map { $0.activations[site]?.rows ?? [] }
    }
    let own = try rows(set.unedited.portion(as: set))
    let others = try rows(donors.unedited.portion(as: set))
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

  /// The prompts, and what the sweep makes of each.
  mutating func prompts(in session: Session) throws -> [SweptPrompt] {
    if writers != nil { return try writers?.prompts() ?? [] }
    var prompts: [SweptPrompt] = []
    for item in try session.cases(of: set) {
      if prompts.last?.index != item.index {
        prompts.append(
          SweptPrompt(prompt: item.prompt, index: item.index, baseEdits: item.baseEdits ?? []))
      }
      prompts[prompts.count - 1].cases.append(item)
    }
    return prompts
  }

  /// Of one prompt; for each of its numbers the first is of the base. Of edges the last may be of the
  /// donor's embeddings.
  mutating func passes(of swept: SweptPrompt) throws -> [[Pass]] {
    let wanted = try wanted(swept) { _, _, position in position }
    let questions = try writers?.questions(swept) { _, _, position in position }
    return try metric[ofPrompt: swept.index].map { number in
      var base = GradientRequest(
        tokens: swept.prompt.tokens, edits: swept.baseEdits, terms: number.terms, wanted: wanted,
        keepsActivations: writers == nil)
      // Only its number counts.
      let bare = writers == nil ? base : base.asking(nil)
      base.edges = questions ?? EdgeQuestions()
      switch path {
      case .at(.base): return [Pass(request: base, weight: 1)]
      case .at(.donor):
        return [Pass(request: bare, weight: 0)] + (try donorPass(swept, number, weight: 1))
      case .at(.both):
        return [Pass(request: base, weight: 0.5)] + (try donorPass(swept, number, weight: 0.5))
      case .dropping(let layers):
        let passes = (0..<layers).map { layer in
          var request = base
          request.keepsActivations = false
          request.droppedLayer = layer
          return Pass(request: request, weight: 1 / Double(layers - 1))
        }
        return [Pass(request: base, weight: 0)] + passes
      case .between(let steps, let points):
        let shares = (0..<steps).map { points.share($0, of: steps) }
        let passes = passes(between: base, of: swept.index, shares, weight: 1 / Double(steps))
        let last =
          reachesDonor ? self.passes(between: bare, of: swept.index, [1], weight: 0) : []
        return [Pass(request: bare, weight: 0)] + passes + last
      }
    }
  }

  /// Whether the last pass is of the donor's embeddings: to compare the edges from the embedding with.
  var reachesDonor: Bool {
    guard case .between = path else { return false }
    return writers?.whole.contains(.embed) == true
  }

  /// Sites and positions that the variants edit; none of edges, which are asked for by themselves.
  private func wanted(
    _ swept: SweptPrompt, _ position: (Position.Kind?, Site, Int) throws -> Int
  ) throws -> [Site: RunRequest.Positions] {
    var wanted: [Site: Set<Int>] = [:]
    for variant in swept.cases.compactMap(\.variant) {
      for edit in variant.edits {
        for site in edit.readSites {
          wanted[site, default: []].formUnion(
            try edit.positions.map { try position(variant.kind, site, $0) })
        }
      }
    }
    var found: [Site: RunRequest.Positions] = wanted.mapValues { .some($0.sorted()) }
    if isSoftmaxExact {
      for site in wanted.keys where site.activation.isCompared {
        for read in SoftmaxEstimator.sites(of: site.layer) { found[read] = .all }
      }
    }
    return found
  }

  private mutating func donorPass(
    _ swept: SweptPrompt, _ number: DifferentiatedMetric.Number, weight: Double
  ) throws -> [Pass] {
    guard let places = places[swept.index] else { return [] }
    let readings = metric.readings
    let positions = try placing(at: readings.span) {
      let positions = try readings.kind.map(places.donor.positions) ?? [places.donor.last]
      try readings.check(swept.prompt, pairsWith: positions.count)
      return positions
    }
    var request = GradientRequest(
      tokens: places.donor.tokens, edits: places.edits, terms: number.terms,
      wanted: try wanted(swept) { try places.source(of: $2, $0, at: $1) })
    request.edges =
      try writers?.questions(swept) { try places.source(of: $2, $0, at: $1) } ?? EdgeQuestions()
    let shift = number.reading.map { positions[$0.index] - $0.position } ?? 0
    for i in request.terms.indices { request.terms[i].position += shift }
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

/// One prompt of a sweep, and its runs whose effects are estimated.
struct SweptPrompt {
  var prompt: Prompt
  var index: Int
  /// The edits of the run that these vary.
  var baseEdits: [Edit]
  var cases: [Case] = []
  /// In their place, where edges are swept: all edges of a model are too many for a case each.
  var edges = EdgeVariants()
}

/// The edges that are swept of a prompt.
struct EdgeVariants {
  var places: [EditBinder.VariantPlace] = []
  /// Of each, among the units that shards divide; empty where that is the prompt's own.
  var units: [Int] = []
}

extension PromptSet {
  /// These donors, of the prompts that are measured; one for all stays.
  fileprivate func portion(as set: PromptSet) -> PromptSet {
    guard let places = set.portion, prompts.count > 1 else { return self }
    return portion(places)
  }

  /// The set in portions whose estimates are made together: what sweeps read of runs, and the passes of
  /// each, would be too much of all prompts.
  ///
  /// - Parameters:
  ///   - passes: how many gradients a prompt takes.
  ///   - bytes: what a token of a prompt takes.
  func portions(passes: Int, bytes: Int, memory: Int) -> [PromptSet] {
    // Means and draws are of all prompts: their runs would be done again for each portion.
    let readsAll = edits.contains { edit in
      switch edit.mode {
      case .mean, .resample, .noise: true
      case .zero, .patch, .patchFromCounterpart, .inject, .freeze, .scale, .steer, .along,
        .knockout:
        false
      }
    }
    if readsAll { return [self] }
    var portions: [PromptSet] = []
    var (start, rows) = (0, 0)
    for (index, prompt) in prompts.enumerated() {
      let own = prompt.tokens.count
      let (taken, isMore) = (rows + own).multipliedReportingOverflow(by: bytes)
      let isFull = (rows + own) * passes > Self.rowsOfPortion || isMore || taken > memory / 4
      if rows > 0, isFull {
        portions.append(portion(start..<index))
        (start, rows) = (index, 0)
      }
      rows += own
    }
    if start == 0 { return [self] }
    return portions + [portion(start..<prompts.count)]
  }

  /// Two full batches.
  @TaskLocal static var rowsOfPortion = 1536
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
