import Lang
import Model

// Linear relational embeddings (Hernandez et al. 2024, arXiv:2308.09124): o ≈ β J s + b, where s is the state of
// the subject, o that of the object, J the mean of ∂o/∂s over examples, and b the mean of o − J s.

/// A prompt's states between which the relation is.
struct RelationPlaces {
  var source, target: InspectedPlace

  /// - Throws: `Failure` for a prompt without them.
  func positions(in prompt: Prompt) throws -> (source: Int, target: Int) {
    func last(_ place: InspectedPlace) throws -> Int {
      try placing(at: place.span) {
        let positions = try prompt.positions(place.position ?? .name("last"))
        guard let last = positions.last else { throw Failure("this position is not a token") }
        return last
      }
    }
    let (from, to) = (try last(source), try last(target))
    guard from <= to else {
      throw Failure(
        "in '\(excerpt(prompt.name))' the target at position \(to) does not see the source at \(from)",
        help: "take a source at or before the target", span: source.span)
    }
    return (from, to)
  }
}

/// The mean of a relation's Jacobian and offset over examples, in double precision.
struct MeanJacobian {
  private let width: Int
  private var weights: [Double] = []
  private var offsets: [Double] = []
  private var count = 0

  init(width: Int) { self.width = width }

  /// Adds an example's J and o − J s.
  mutating func add(_ found: JacobianResult) {
    if count == 0 {
      weights = [Double](repeating: 0, count: width * width)
      offsets = [Double](repeating: 0, count: width)
    }
    let source = found.source.map(Double.init)
    weights.withUnsafeMutableBufferPointer { weights in
      for (i, row) in found.rows.enumerated() {
        var product = 0.0
        for (j, slope) in row.enumerated() {
          weights[i * width + j] += Double(slope)
          product += Double(slope) * source[j]
        }
        offsets[i] += Double(found.target[i]) - product
      }
    }
    count += 1
  }

  /// β J s + b; 0 in a plan, which has no examples.
  ///
  /// - Throws: `Failure` for numbers that are not finite.
  func map(beta: Double) throws -> AffineMap {
    guard count > 0 else { return try AffineMap(plannedOf: width) }
    let share = 1 / Double(count)
    let weights = weights.map { Float(beta * $0 * share) }
    let offsets = offsets.map { Float($0 * share) }
    guard weights.isFinite, offsets.isFinite else {
      throw Failure("the Jacobian has numbers that are infinite or NaN")
    }
    return try AffineMap(weights: weights, bias: offsets)
  }
}

extension Invocation {
  /// The mean over the prompts at some places of a set.
  func meanJacobian(of set: PromptSet, at indices: [Int], _ places: RelationPlaces) throws
    -> MeanJacobian
  {
    let cases = try session.cases(of: set)
    let requests = try indices.map { index in
      let item = cases[index]
      let (source, target) = try places.positions(in: item.prompt)
      return JacobianRequest(
        tokens: item.prompt.tokens, edits: item.edits,
        source: (places.source.part.site, source), target: (places.target.part.site, target))
    }
    var mean = MeanJacobian(width: set.model.configuration.width)
    try placing(at: span) {
      try statement.runner.jacobians(
        of: requests, on: set.model, label: "jacobians", in: session
      ) { _, found in mean.add(found) }
    }
    return mean
  }

  /// What held-out prompts have at the source, and the model's own first choice at the target.
  struct HeldStates {
    var states: [[Float]] = []
    var choices: [Int] = []
    var prompts: [Prompt] = []
  }

  func heldStates(of set: PromptSet, at indices: [Int], _ places: RelationPlaces) throws
    -> HeldStates
  {
    var held = HeldStates()
    let all = try session.cases(of: set)
    let positions = try set.prompts.map { try places.positions(in: $0) }
    let site = places.source.part.site
    var results = try session.results(
      of: indices.map { all[$0] }, on: set.model, label: command.name
    ) { item in
      let (source, target) = positions[item.index]
      return Measurement(
        captures: [site: .some([source])],
        logits: .summaries([LogitQuery(position: target, top: 1)])
      ) { ($0.activations[site]?[0] ?? [], $0.summaries.first?.top.first?.id) }
    }
    while let (item, found) = try results.next() {
      guard let choice = found.1 else { continue }
      held.states.append(found.0)
      held.choices.append(choice)
      held.prompts.append(item.prompt)
    }
    return held
  }

  /// How often the map's best token is the model's, and the prompt's answer.
  func tried(_ map: AffineMap, on held: HeldStates, of model: LanguageModel) throws -> (
    faithful: Int, right: Int?
  ) {
    let transformer = model.transformer
    let mapped = try map.applied(to: held.states, on: transformer.pool)
    let found = try transformer.lens(
      mapped, reading: mapped.map { _ in LogitQuery(position: 0, top: 1) }
    ).map { $0.top.first?.id }
    let faithful = zip(found, held.choices).count { $0 == $1 }
    guard held.prompts.allSatisfy({ !$0.answers.isEmpty }) else { return (faithful, nil) }
    let right = zip(found, held.prompts).count { token, prompt in
      prompt.answers.contains { $0.token == token }
    }
    return (faithful, right)
  }
}
