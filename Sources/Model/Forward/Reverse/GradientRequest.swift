/// A number made of the logits of one run, and where its derivatives are asked for.
public struct GradientRequest: Sendable {
  /// Token ids, BOS included where there is one.
  public var tokens: [Int]
  /// Part of what is differentiated: what an edit sets passes nothing on, what it multiplies passes its
  /// factor. At an edited site the derivative is by the value after the edit.
  public var edits: [Edit]
  /// The number is the sum of these.
  public var terms: [LogitTerm]
  public var wanted: [Site: RunRequest.Positions]
  /// Whether the terms read logits before their soft cap, in models that have one.
  public var isUncapped: Bool
  /// Whether the run's own numbers at those places are kept too.
  public var keepsActivations: Bool
  /// Estimates of edges.
  public var edges = EdgeQuestions()
  /// A layer through whose attention and MLP no derivative passes, but around them.
  public var droppedLayer: Int?

  public init(
    tokens: [Int], edits: [Edit] = [], terms: [LogitTerm],
    wanted: [Site: RunRequest.Positions], isUncapped: Bool = false, keepsActivations: Bool = false
  ) {
    self.tokens = tokens
    self.edits = edits
    self.terms = terms
    self.wanted = wanted
    self.isUncapped = isUncapped
    self.keepsActivations = keepsActivations
  }

  var asksForEdges: Bool { !edges.questions.isEmpty || !edges.writers.isEmpty }

  /// Whether its number is all that is asked for.
  var isForwardOnly: Bool { wanted.isEmpty && !asksForEdges }

  /// The run below it: what is wanted stands in its captures, and every position goes to the end, so that
  /// each has a row everywhere.
  var run: RunRequest {
    RunRequest(
      tokens: tokens, edits: edits, captures: wanted,
      logits: .chosen(tokens.indices.map { .init(tokens: [], position: $0) }),
      isUncapped: isUncapped)
  }

  /// - Parameter before: a request that passed: what both are asked of edges is not looked at again.
  /// - Throws: `ModelError` that names the first thing that cannot be.
  func check(in configuration: Configuration, after before: GradientRequest? = nil) throws {
    try run.check(in: configuration, among: [])
    if let edges = edits.lazy.compactMap(\.editedEdges).first {
      throw ModelError(
        .request, "there is no gradient of a run in which \(edges)",
        help: "`effect` measures such runs")
    }
    if edits.contains(where: \.isOfFeatures) {
      throw ModelError(
        .request, "there is no gradient of a run in which features are edited",
        help: "`effect` measures such runs; or sweep the features: ablate each L12F5 | attribute")
    }
    try edges.check(tokens: tokens.count, in: configuration, after: before?.edges)
    for term in terms {
      guard tokens.indices.contains(term.position) else {
        throw ModelError(
          .request,
          "there is no position \(term.position): the prompt has positions 0 to \(tokens.count - 1)"
        )
      }
      for token in term.tokens { try configuration.check(token: token) }
      if case .divergence(let from) = term.function, from.count != configuration.vocabulary {
        throw ModelError(
          .request,
          "a divergence is from \(from.count) probabilities, where there are "
            + "\(configuration.vocabulary) tokens")
      }
    }
  }
}

/// What was asked of one run.
public struct GradientResult: Sendable {
  /// The number itself.
  public var value = 0.0
  /// Its derivatives, in the shapes of the activations.
  public var gradients: [Site: CapturedActivation] = [:]
  /// The run's own numbers there, where they were asked for: after their edits.
  public var activations: [Site: CapturedActivation] = [:]
  /// The answers to the questions of `edges`, in their order.
  public var edges: [Double] = []
  /// Those to its writers.
  public var writers: [Double] = []

  public init(value: Double = 0) { self.value = value }
}

extension GradientRequest {
  /// What the result takes until it is let go.
  public func resultBytes(in configuration: Configuration) -> Int {
    let bytes = wantedRun.resultBytes(in: configuration)
    return (keepsActivations ? 2 * bytes : bytes)
      + (edges.questions.count + edges.writers.count) * MemoryLayout<Double>.size
  }

  /// A result of the shape that a pass would give, all zeros.
  public func blankResult(in configuration: Configuration) -> GradientResult {
    var result = GradientResult()
    result.gradients = wantedRun.blankResult(in: configuration).activations
    if keepsActivations { result.activations = result.gradients }
    result.edges = edges.questions.map { _ in 0 }
    result.writers = edges.writers.map { _ in 0 }
    return result
  }

  private var wantedRun: RunRequest { RunRequest(tokens: tokens, captures: wanted) }
}
