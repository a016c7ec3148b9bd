import Model

/// The derivatives that requests ask for, in their order.
protocol GradientRuns {
  /// The next request and its derivatives; nil after the last.
  mutating func next() throws -> (index: Int, result: GradientResult)?
}

extension ModelRunner {
  func gradients(
    of requests: [GradientRequest], on model: LanguageModel, label: String, in session: Session
  ) throws -> any GradientRuns {
    session.warnOfLength(requests.lazy.map(\.tokens.count), of: model)
    return ModelGradients(
      runner: self, session: session,
      results: try model.transformer.gradients(of: requests, memory: session.memory) {
        [host = session.host] done, total in
        host.progress(done: done, total: total, label: label)
      })
  }
}

private struct ModelGradients: GradientRuns {
  let runner: ModelRunner
  let session: Session
  var results: GradientResults

  mutating func next() throws -> (index: Int, result: GradientResult)? {
    try runner.next(of: &results, in: session, record: \.record) { try $0.next() }
  }
}

extension PlanRunner {
  func gradients(
    of requests: [GradientRequest], on model: LanguageModel, label: String, in session: Session
  ) throws -> any GradientRuns {
    let transformer = model.transformer
    add(
      try transformer.planGradients(
        of: requests, memory: session.memory, speed: try transformer.speed()), label: label)
    return PlannedGradients(requests: requests, configuration: model.configuration)
  }
}

/// What passes would give: zeros.
private struct PlannedGradients: GradientRuns {
  let requests: [GradientRequest]
  let configuration: Configuration
  var index = 0

  mutating func next() throws -> (index: Int, result: GradientResult)? {
    guard index < requests.count else { return nil }
    try Interruption.check()
    defer { index += 1 }
    return (index, requests[index].blankResult(in: configuration))
  }
}
