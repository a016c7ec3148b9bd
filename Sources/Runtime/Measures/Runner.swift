import Lang
import Model

/// What computes the runs that measures ask for. A statement has the models themselves for it; `plan`
/// puts one in their place that only notes what they would have to do.
protocol Runner: AnyObject {
  /// Whether notes and warnings about what is computed mean anything.
  var isHeard: Bool { get }

  /// The results of requests, with progress shown.
  ///
  /// - Parameter share: of what they are a part.
  func runs(
    of requests: [RunRequest], on model: LanguageModel, label: String, share: RunShare,
    in session: Session
  ) throws -> any Runs

  /// The derivatives that requests ask for, with progress shown.
  ///
  /// - Parameter share: of what they are a part.
  func gradients(
    of requests: [GradientRequest], on model: LanguageModel, label: String, share: RunShare,
    in session: Session
  ) throws -> any GradientRuns

  /// The Jacobians that requests ask for, in their order, with progress shown. A plan gives none.
  ///
  /// - Parameter body: takes one, and the number of its request.
  func jacobians(
    of requests: [JacobianRequest], on model: LanguageModel, label: String, in session: Session,
    _ body: (Int, JacobianResult) throws -> Void
  ) throws

  /// Continues groups of cases, each case by at most `length.tokens` tokens, `length.samples` times.
  ///
  /// - Parameter body: continues a group, and returns how many of its cases are finished: fewer than all
  ///   where Ctrl-C has ended it.
  func generate(
    _ groups: [[Case]], of set: PromptSet, length: GenerationLength, in session: Session,
    _ body: ([Case]) throws -> Int
  ) throws

  /// What further work on a run's numbers finds; nil where there are none.
  func compute<Found>(_ body: () throws -> Found) rethrows -> Found?

  /// The same of work that takes as long as runs do.
  ///
  /// - Parameters:
  ///   - cost: what it would cost.
  ///   - label: of the step that it is a part of.
  func compute<Found>(
    _ cost: @autoclosure () throws -> RunPlan, label: String, _ body: () throws -> Found
  ) throws -> Found?

  /// Runs `body`, whose work repeats for portions of a set. A plan of it has each step once.
  func repeating(_ body: () throws -> Void) rethrows

  /// What the runs of `body` did cost.
  func record(_ body: () throws -> Void) rethrows -> RunRecord
}

extension Runner {
  func compute<Found>(
    _ cost: @autoclosure () throws -> RunPlan, label: String, _ body: () throws -> Found
  ) throws -> Found? { try compute(body) }

  func repeating(_ body: () throws -> Void) rethrows { try body() }
}

/// The results of requests, in their order, which is that of the rows of every table.
protocol Runs {
  /// The next request and what it asked for; nil after the last.
  mutating func next() throws -> (index: Int, result: RunResult)?
}

/// How much is generated: at most `tokens` tokens, `samples` times.
struct GenerationLength {
  var tokens: Int
  var samples: Int
}

/// Runs the models.
final class ModelRunner: Runner {
  private var computed = RunRecord()

  /// The next of what is computed for a line. After the last, and where it fails, progress has ended.
  ///
  /// - Parameters:
  ///   - record: what was computed, asked for after the last.
  ///   - share: of what it is a part.
  func next<Results, Found>(
    of results: inout Results, in session: Session, record: KeyPath<Results, RunRecord>,
    _ share: RunShare, _ next: (inout Results) throws -> Found?
  ) throws -> Found? {
    do {
      if let found = try next(&results) { return found }
      if share.isLast { session.host.finishProgress() }
      var record = results[keyPath: record]
      if share.repeatsBase { record.runs -= 1 }
      computed = computed + record
      return nil
    } catch {
      session.host.finishProgress()
      throw error
    }
  }

  var isHeard: Bool { true }

  func runs(
    of requests: [RunRequest], on model: LanguageModel, label: String, share: RunShare,
    in session: Session
  ) throws -> any Runs {
    session.warnOfLength(requests.lazy.map(\.tokens.count), of: model)
    func runs(
      of requests: [RunRequest], progress: @escaping (_ done: Int, _ of: Int) -> Void
    ) throws -> any Runs {
      try ModelRuns(requests, on: model, by: self, share, in: session, progress: progress)
    }
    let progress = session.progress(label, of: share)
    if let store = session.store {
      return try StoredRuns(
        requests, on: model, label: label, store: store, in: session,
        source: StoredRuns.Source(progress: progress, runs: runs))
    }
    return try runs(of: requests, progress: progress)
  }

  /// What was made before Ctrl-C is kept.
  func generate(
    _ groups: [[Case]], of set: PromptSet, length: GenerationLength, in session: Session,
    _ body: ([Case]) throws -> Int
  ) throws {
    let cases = groups.lazy.joined()
    session.warnOfLength(
      cases.map { $0.prompt.tokens.count.addingReportingOverflow(length.tokens).partialValue },
      of: set.model)
    var done = 0
    for group in groups {
      let finished = try body(group)
      done += finished
      guard finished == group.count else { return session.goOn(with: done, of: cases.count) }
    }
  }

  func compute<Found>(_ body: () throws -> Found) rethrows -> Found? { try body() }

  /// What was computed besides runs and gradients.
  func note(_ record: RunRecord) { computed = computed + record }

  func record(_ body: () throws -> Void) rethrows -> RunRecord {
    let outer = computed
    computed = RunRecord()
    defer { computed = outer }
    try body()
    return computed
  }
}

private struct ModelRuns: Runs {
  private let session: Session
  private let runner: ModelRunner
  private let model: LanguageModel
  private let requests: [RunRequest]
  private let share: RunShare
  private var results: RunResults

  init(
    _ requests: [RunRequest], on model: LanguageModel, by runner: ModelRunner, _ share: RunShare,
    in session: Session, progress: @escaping (_ done: Int, _ of: Int) -> Void
  ) throws {
    self.session = session
    self.runner = runner
    self.share = share
    self.model = model
    self.requests = requests
    results = try model.transformer.results(
      of: requests, memory: session.memory, progress: progress)
  }

  mutating func next() throws -> (index: Int, result: RunResult)? {
    let (requests, model, session) = (requests, model, session)
    return try runner.next(of: &results, in: session, record: \.record, share) { results in
      let found = try results.next()
      if let found { session.check(found.result, of: requests[found.index], on: model) }
      return found
    }
  }
}

extension Session {
  /// Shows how far some runs are, as a part of all.
  func progress(_ label: String, of share: RunShare) -> (_ done: Int, _ of: Int) -> Void {
    { [host] done, total in
      let (done, total) = share.progress(done: done, of: total)
      host.progress(done: done, total: total, label: label)
    }
  }

  /// A model with RoPE runs on longer prompts than it was trained on, and is not what it was.
  func warnOfLength(_ lengths: some Sequence<Int>, of model: LanguageModel) {
    let context = model.configuration.context
    guard !warnedOfLength.contains(ObjectIdentifier(model)),
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
