import Lang
import Model

/// The results of requests. Those that a store has are read, the others are run and kept.
struct StoredRuns: Runs {
  typealias Progress = (_ done: Int, _ of: Int) -> Void

  /// Where runs come from that are not kept.
  struct Source {
    /// Told of all.
    let progress: Progress
    /// Makes the runs of some requests; progress is told of their own work.
    let runs: (_ requests: [RunRequest], _ progress: @escaping Progress) throws -> any Runs
  }

  private let session: Session
  private let store: RunStore
  private let model: LanguageModel
  private let requests: [RunRequest]
  private let keys: [ContentDigest]
  private let source: Source
  private let line: String
  /// Of what is run, in its order: the request; nil for one that only serves others.
  private var owners: ArraySlice<Int?>
  private var runs: (any Runs)?
  private var isKept: [Bool]
  private var index = 0

  init(
    _ requests: [RunRequest], on model: LanguageModel, label: String, store: RunStore,
    in session: Session, source: Source
  ) throws {
    try store.refresh(model)
    (self.session, self.store, self.model) = (session, store, model)
    (self.requests, self.source) = (requests, source)
    line = session.statement.pipelineText ?? label
    var bytes = ByteWriter()
    keys = try requests.mapChecked { request in
      store.key(of: request, varying: request.base.map { requests[$0] }, &bytes)
    }
    isKept = keys.map { store.has($0, of: model) }
    let (run, owners) = Self.missing(requests, isKept)
    self.owners = owners[...]
    guard !run.isEmpty else { return }
    // What is there already is done; runs are taken to be alike.
    let (kept, all) = (requests.count - run.count, requests.count)
    runs = try source.runs(run) { done, total in
      let scale = 1000
      let own = total > 0 ? run.count * scale * min(done, total) / total : 0
      source.progress(max(0, kept) * scale + own, max(all, run.count) * scale)
    }
  }

  /// The requests that have to be run, with the bases that they vary.
  private static func missing(_ requests: [RunRequest], _ isKept: [Bool]) -> (
    [RunRequest], [Int?]
  ) {
    var run: [RunRequest] = []
    var owners: [Int?] = []
    var places: [Int: Int] = [:]
    for index in requests.indices where !isKept[index] {
      var request = requests[index]
      if let base = request.base {
        if places[base] == nil {
          places[base] = run.count
          run.append(RunRequest(tokens: requests[base].tokens, edits: requests[base].edits))
          owners.append(nil)
        }
        request.base = places[base]
      }
      places[index] = run.count
      run.append(request)
      owners.append(index)
    }
    return (run, owners)
  }

  mutating func next() throws -> (index: Int, result: RunResult)? {
    guard index < requests.count else {
      while try runs?.next() != nil {}
      runs = nil
      return nil
    }
    defer { index += 1 }
    do {
      return (index, try result(of: index))
    } catch let stop as Interruption.Stopped {
      try store.flush()
      throw stop
    }
  }

  private mutating func result(of index: Int) throws -> RunResult {
    try Interruption.check()
    if isKept[index] {
      if let result = store.result(keys[index], of: model) {
        session.check(result, of: requests[index], on: model)
        return result
      }
      return try again(index)
    }
    while let found = try runs?.next() {
      guard owners.popFirst() == .some(.some(index)) else { continue }
      try store.keep(found.result, keys[index], of: model, line: line)
      return found.result
    }
    throw Failure("a run has no result", help: "this is a bug in Summand: please report it")
  }

  /// A chunk turned out to be damaged.
  private func again(_ index: Int) throws -> RunResult {
    let (run, _) = Self.missing(requests, requests.indices.map { $0 != index })
    var runs = try source.runs(run) { _, _ in }
    var result = RunResult()
    // The last is the run itself: before it comes what it varies.
    while let found = try runs.next() { result = found.result }
    try store.keep(result, keys[index], of: model, line: line)
    return result
  }
}
