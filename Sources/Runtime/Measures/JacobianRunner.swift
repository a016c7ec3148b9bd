import Model

extension ModelRunner {
  func jacobians(
    of requests: [JacobianRequest], on model: LanguageModel, label: String, in session: Session,
    _ body: (Int, JacobianResult) throws -> Void
  ) throws {
    session.warnOfLength(requests.lazy.map(\.tokens.count), of: model)
    defer { session.host.finishProgress() }
    for (number, request) in requests.enumerated() {
      let share = RunShare(before: number, count: 1, of: requests.count)
      let found = try model.transformer.jacobian(
        of: request, memory: session.memory, progress: session.progress(label, of: share))
      note(found.record)
      try body(number, found)
    }
  }
}

extension PlanRunner {
  func jacobians(
    of requests: [JacobianRequest], on model: LanguageModel, label: String, in session: Session,
    _ body: (Int, JacobianResult) throws -> Void
  ) throws {
    let transformer = model.transformer
    for request in requests {
      try Interruption.check()
      add(
        try transformer.planJacobian(
          of: request, memory: session.memory, speed: try transformer.speed()), label: label)
    }
  }
}
