import Lang
import Model

/// The results of requests, in their order, which is that of the rows of every table.
protocol Runs {
  /// The next request and what it asked for; nil after the last.
  mutating func next() throws -> (index: Int, result: RunResult)?
}

extension Session {
  /// The runs that requests ask for, or in a plan what they would cost.
  func runs(of requests: [RunRequest], on model: LanguageModel, label: String) throws -> any Runs {
    if planning != nil { return try plannedRuns(of: requests, on: model, label: label) }
    warnOfLength(requests.lazy.map(\.tokens.count), of: model)
    return try ModelRuns(requests, on: model, label: label, in: self)
  }

  /// A model with RoPE runs on longer prompts than it was trained on, and is not what it was.
  func warnOfLength(_ lengths: some Sequence<Int>, of model: LanguageModel) {
    let context = model.configuration.context
    guard planning == nil, !warnedOfLength.contains(ObjectIdentifier(model)),
      let length = lengths.first(where: { $0 > context })
    else { return }
    warnedOfLength.insert(ObjectIdentifier(model))
    report(
      Diagnostic(
        "\(name(of: model)): \(length) tokens are more than the \(context) positions that the model "
          + "was trained on (max_position_embeddings)",
        severity: .warning, help: "its numbers may mean little there"), in: nil)
  }
}

/// Runs of a model, with progress shown.
private struct ModelRuns: Runs {
  private let session: Session
  private let model: LanguageModel
  private let requests: [RunRequest]
  private var results: RunResults

  init(_ requests: [RunRequest], on model: LanguageModel, label: String, in session: Session) throws
  {
    self.session = session
    self.model = model
    self.requests = requests
    results = try model.transformer.results(
      of: requests, memory: session.memory,
      progress: { [host = session.host] done, total in
        host.progress(done: done, total: total, label: label)
      })
  }

  mutating func next() throws -> (index: Int, result: RunResult)? {
    do {
      guard let found = try results.next() else {
        session.host.finishProgress()
        session.computed = session.computed.map { $0 + results.record }
        return nil
      }
      session.checkFinite(found.result, of: requests[found.index], on: model)
      return found
    } catch {
      session.host.finishProgress()
      throw error
    }
  }
}

/// What runs would give: zeros.
struct PlannedRuns: Runs {
  private let requests: [RunRequest]
  private let configuration: Configuration
  private var index = 0

  init(_ requests: [RunRequest], of configuration: Configuration) {
    self.requests = requests
    self.configuration = configuration
  }

  mutating func next() throws -> (index: Int, result: RunResult)? {
    guard index < requests.count else { return nil }
    try Interruption.check()
    defer { index += 1 }
    return (index, requests[index].blankResult(in: configuration))
  }
}
