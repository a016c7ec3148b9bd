import Lang
import Model

/// Where the gradient is taken.
enum GradientPlace: String, Choice {
  case base, donor, both

  var summary: String {
    switch self {
    case .base: "the run that the sweep varies"
    case .donor: "the run that a patch takes its values from"
    case .both: "the mean of these two"
    }
  }
}

/// At which points of each step an integral is taken.
enum StepPoints: String, Choice {
  case midpoint, left, right

  var summary: String {
    switch self {
    case .midpoint: "the middle of each step"
    case .left: "its end at the base"
    case .right: "its end at the donor"
    }
  }

  /// How far from the base to the donor the k-th of some points is.
  func share(_ k: Int, of steps: Int) -> Double {
    let shift =
      switch self {
      case .midpoint: 0.5
      case .left: 0.0
      case .right: 1.0
      }
    return (Double(k) + shift) / Double(steps)
  }
}

/// How the estimates of queries and keys are made.
enum SoftmaxEstimate: String, Choice {
  case linear, exact

  var summary: String {
    switch self {
    case .linear: "by the gradient, as all others"
    case .exact: "by the softmax that they give: AtP*"
    }
  }
}

/// Which gradients a sweep's effects are estimated with.
enum GradientPath {
  case at(GradientPlace)
  /// GradDrop: for each layer a gradient at the base that does not pass through it.
  case dropping(layers: Int)
  /// The mean over points between the embeddings of base and donor.
  case between(steps: Int, StepPoints)

  /// What a note says of it.
  var text: String {
    switch self {
    case .at(.base): "gradient at the base"
    case .at(.donor): "gradient at the donor"
    case .at(.both): "mean of the gradients at base and donor"
    case .dropping(let layers):
      "GradDrop: the mean size over \(layers) gradients at the base, each around one layer"
    case .between(let steps, let points):
      "mean gradient over \(steps) \(steps == 1 ? "point" : "points") (\(points.rawValue)) between the "
        + "embeddings of base and donor"
    }
  }

  /// How many gradients a prompt takes at the most.
  var passes: Int {
    switch self {
    case .at(.base): 1
    case .at: 2
    case .dropping(let layers): layers + 1
    case .between(let steps, _): steps + 2
    }
  }

  var needsDonors: Bool {
    switch self {
    case .at(.base), .dropping: false
    case .at(.donor), .at(.both), .between: true
    }
  }

  /// Whether what gradients estimate counts by its size.
  var isOfSizes: Bool { if case .dropping = self { true } else { false } }
}

/// The donor of a prompt, and which of its positions stand for the prompt's.
struct DonorPlaces {
  let donor: Prompt
  let edits: [Edit]
  private let pairs: [(kind: Position.Kind?, pairs: PositionPairs)]

  init(_ sweep: EditSpec, of prompt: Prompt, donor: Prompt, edits: [Edit]) throws {
    (self.donor, self.edits) = (donor, edits)
    pairs = try sweep.targets.positions.map {
      ($0, try PositionPairs($0, of: prompt, with: donor))
    }
  }

  func source(of position: Int, _ kind: Position.Kind?, at site: Site) throws -> Int {
    try pairs.first { $0.kind == kind }?.pairs.source(of: position, at: site) ?? position
  }
}

/// One gradient, and what it counts.
struct CountedGradient {
  var weight: Double
  var gradients: [Site: CapturedActivation]
  /// Where it is of a donor's run.
  var places: DonorPlaces?
  /// Estimates of edges, and of all that writers give.
  var edges, writers: [Double]
}

/// What the runs of a sweep would change of one number, to first order.
struct EffectEstimator {
  /// The run that they vary: its numbers after its edits.
  let activations: [Site: CapturedActivation]
  let gradients: [CountedGradient]
  /// Whether estimates count by their size.
  private let isOfSizes: Bool
  /// Where queries and keys are estimated by their softmax.
  private let softmax: SoftmaxEstimator?

  /// Of each edge that the prompt's variants edit, in their order, and of writers.
  let edges, writers: [Double]

  /// - Parameter scores: where queries and keys are estimated by their softmax.
  init(
    _ results: [(pass: EstimateRuns.Pass, found: GradientResult)], _ path: GradientPath,
    scores: HeadScores?
  ) {
    activations = results.first?.found.activations ?? [:]
    isOfSizes = path.isOfSizes
    softmax = scores.map {
      SoftmaxEstimator(
        scores: $0, activations: results.first?.found.activations ?? [:],
        gradients: results.first?.found.gradients ?? [:])
    }
    let counted = results.filter { $0.pass.weight != 0 }.map { pass, found in
      CountedGradient(
        weight: pass.weight, gradients: found.gradients, places: pass.places, edges: found.edges,
        writers: found.writers)
    }
    gradients = counted
    edges = Self.sum(counted, \.edges)
    writers = Self.sum(counted, \.writers)
  }

  private static func sum(
    _ gradients: [CountedGradient], _ numbers: KeyPath<CountedGradient, [Double]>
  ) -> [Double] {
    var sums = [Double](repeating: 0, count: gradients.first?[keyPath: numbers].count ?? 0)
    for gradient in gradients {
      let (weight, own) = (gradient.weight, gradient[keyPath: numbers])
      for i in sums.indices { sums[i] += weight * own[i] }
    }
    return sums
  }

  /// Of each of some variants: what its edges have together.
  func estimates(of variants: EdgeVariants, _ targets: EditTargets) -> [Double] {
    // So that nothing is no −0.
    if targets.haveOneEdge { return edges.map { $0 + 0 } }
    var edge = 0
    return variants.places.map { place in
      defer { edge += targets.edgeCount(of: place.target) }
      return edges[edge..<edge + targets.edgeCount(of: place.target)].reduce(0, +) + 0
    }
  }

  /// Σ gradient · (new value − base) over all that a case's variant edits.
  ///
  /// - Throws: `Failure` where the new value cannot be known.
  func estimate(_ item: Case) throws -> Double {
    guard let variant = item.variant else { return 0 }
    var exact = 0.0
    var sums = gradients.map { _ in 0.0 }
    for edit in variant.edits {
      guard let activation = activations[edit.site] else { continue }
      if let softmax, edit.site.activation.isCompared {
        exact += try softmax.estimate(edit, of: item)
        continue
      }
      let units = edit.units ?? Array(0..<activation.units)
      for (index, position) in edit.positions.enumerated() {
        guard let row = activation.positions.firstIndex(of: position) else { continue }
        let slopes = try gradients.map { try kept($0, edit.site, position, variant.kind) }
        if case .features(let change) = edit.change {
          try item.refuseLaterEdits(at: edit.site, position: position)
          guard let moved = try change.difference(index: index, activations, at: position) else {
            continue
          }
          for (i, slopes) in slopes.enumerated() {
            guard let (kept, row) = slopes else { continue }
            sums[i] += zip(kept[row], moved).reduce(0) { $0 + Double($1.0) * $1.1 }
          }
          continue
        }
        // Neurons are changed together along a direction.
        if case .along = edit.change, edit.site.activation.units == .neurons {
          let old = activation[row]
          let new = edit.change.applied(to: old, index: index, unit: 0)
          try item.refuseLaterEdits(at: edit.site, position: position)
          for (i, slopes) in slopes.enumerated() {
            guard let (kept, row) = slopes else { continue }
            sums[i] += Self.sum(kept[row][...], old, new)
          }
          continue
        }
        for (place, unit) in units.enumerated() {
          let old = Array(activation[row, unit])
          let new = try item.changed(old, edit, index: index, unit: place)
          for (i, slopes) in slopes.enumerated() {
            guard let (kept, row) = slopes else { continue }
            sums[i] += Self.sum(kept[row, unit], old, new)
          }
        }
      }
    }
    return zip(gradients, sums).reduce(exact) {
      $0 + $1.0.weight * (isOfSizes ? abs($1.1) : $1.1)
    } + 0
  }

  private func kept(
    _ gradient: CountedGradient, _ site: Site, _ position: Int, _ kind: Position.Kind?
  ) throws -> (kept: CapturedActivation, row: Int)? {
    let source = try gradient.places?.source(of: position, kind, at: site) ?? position
    guard let kept = gradient.gradients[site], let row = kept.positions.firstIndex(of: source)
    else { return nil }
    return (kept, row)
  }

  /// What is not moved, and what moves nothing, counts nothing: scores before a window are −∞.
  private static func sum(_ slopes: ArraySlice<Float>, _ old: [Float], _ new: [Float]) -> Double {
    zip(slopes, zip(old, new)).reduce(0) { sum, numbers in
      let (slope, (old, new)) = numbers
      return slope == 0 || old == new ? sum : sum + Double(slope) * (Double(new) - Double(old))
    }
  }
}

extension Case {
  /// What the variant's edit, and other edits of the line that are written after it, make of one unit.
  ///
  /// - Parameters:
  ///   - index: of the position among the edit's.
  ///   - unit: its place among the edit's.
  func changed(_ old: [Float], _ edit: Edit, index: Int, unit place: Int) throws -> [Float] {
    var new = edit.change.applied(to: old, index: index, unit: place)
    let (position, unit) = (edit.positions[index], edit.units?[place] ?? place)
    for later in laterEdits where later.site == edit.site {
      guard let index = later.positions.firstIndex(of: position),
        let place = later.units.map({ $0.firstIndex(of: unit) }) ?? unit
      else { continue }
      if case .along = later.change, later.site.activation.units == .neurons { throw isEditedAgain }
      switch edit.change {
      case .zero, .replace: new = later.change.applied(to: new, index: index, unit: place)
      case .scale, .add, .along, .cut, .edge, .outside, .features: throw isEditedAgain
      }
    }
    return new
  }

  fileprivate func refuseLaterEdits(at site: Site, position: Int) throws {
    guard !laterEdits.contains(where: { $0.site == site && $0.positions.contains(position) }) else {
      throw isEditedAgain
    }
  }

  private var isEditedAgain: Failure {
    Failure(
      "\(variant?.place.label ?? "") is edited again after the sweep",
      help: "put the sweep last: its estimate starts from the values that all other edits leave")
  }
}
