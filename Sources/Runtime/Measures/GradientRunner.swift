import Model

/// The derivatives that requests ask for, in their order.
protocol GradientRuns {
  /// The next request and its derivatives; nil after the last.
  mutating func next() throws -> (index: Int, result: GradientResult)?
}

extension ModelRunner {
  func gradients(
    of requests: [GradientRequest], on model: LanguageModel, label: String, share: RunShare,
    in session: Session
  ) throws -> any GradientRuns {
    session.warnOfLength(requests.lazy.map(\.tokens.count), of: model)
    return ModelGradients(
      runner: self, session: session, share: share,
      results: try model.transformer.gradients(
        of: requests, memory: session.memory, progress: session.progress(label, of: share)))
  }
}

private struct ModelGradients: GradientRuns {
  let runner: ModelRunner
  let session: Session
  let share: RunShare
  var results: GradientResults

  mutating func next() throws -> (index: Int, result: GradientResult)? {
    try runner.next(of: &results, in: session, record: \.record, share) { try $0.next() }
  }
}

extension PlanRunner {
  func gradients(
    of requests: [GradientRequest], on model: LanguageModel, label: String, share: RunShare,
    in session: Session
  ) throws -> any GradientRuns {
    let transformer = model.transformer
    add(
      try transformer.planGradients(
        of: requests, memory: session.memory, speed: try transformer.speed()), label: label)
    return PlannedGradients(requests, of: model.configuration)
  }
}

/// What passes would give: zeros.
struct PlannedGradients: GradientRuns {
  private let requests: [GradientRequest]
  private let configuration: Configuration
  /// Ends what takes too long.
  private let check: () throws -> Void
  private var index = 0

  init(
    _ requests: [GradientRequest], of configuration: Configuration,
    check: @escaping () throws -> Void = Interruption.check
  ) {
    (self.requests, self.configuration, self.check) = (requests, configuration, check)
  }

  mutating func next() throws -> (index: Int, result: GradientResult)? {
    guard index < requests.count else { return nil }
    try check()
    defer { index += 1 }
    return (index, requests[index].blankResult(in: configuration))
  }
}
