import Model

/// What a measure asks of one run, and how it reads the answer.
struct Measurement<Reading> {
  var captures: [Site: RunRequest.Positions] = [:]
  var logits: RunRequest.Logits = .none
  /// Whether the logits are those before a soft cap.
  var isUncapped = false
  let read: (RunResult) throws -> Reading
}

extension Session {
  /// What the runs of `cases` say, one after the other, as a loop pulls it. Cases of a sweep share
  /// with their prompt's own run whatever their edits cannot change.
  ///
  /// - Parameters:
  ///   - mayStop: whether a part of the cases, from the first on, is of use where Ctrl-C ends the
  ///     run: the rows of a table are, the values that an edit needs are not.
  ///   - withBases: whether the runs that cases of a prompt vary are measured too, each before these.
  func results<Reading>(
    of cases: [Case], on model: LanguageModel, label: String, mayStop: Bool = false,
    withBases: Bool = false, measuring: (Case) throws -> Measurement<Reading>
  ) throws -> Results<Reading> {
    var requests: [RunRequest] = []
    var owners: [Results<Reading>.Owner] = []
    var bases: [Int: Int] = [:]
    func add(_ item: Case, base: Int?, _ measurement: Measurement<Reading>?) {
      requests.append(
        RunRequest(
          tokens: item.prompt.tokens, edits: item.acting ?? item.edits, base: base,
          captures: measurement?.captures ?? [:], logits: measurement?.logits ?? .none,
          isUncapped: measurement?.isUncapped ?? false))
      owners.append((item, measurement?.read))
    }
    try cases.forEachChecked { item in
      if let base = item.base, bases[item.index] == nil {
        bases[item.index] = requests.count
        add(base, base: nil, withBases ? try measuring(base) : nil)
      }
      add(item, base: item.baseEdits == nil ? nil : bases[item.index], try measuring(item))
    }
    return Results(
      session: self,
      runs: try statement.runner.runs(of: requests, on: model, label: label, in: self),
      owners: owners, mayStop: mayStop)
  }
}

/// What cases were measured to be, in their order. A batch is run when the first of its cases is
/// asked for.
struct Results<Reading> {
  /// A case, and how its run is read; nil for a run that only serves others.
  typealias Owner = (item: Case, read: ((RunResult) throws -> Reading)?)

  private let session: Session
  private var runs: any Runs
  private let owners: [Owner]
  private let mayStop: Bool
  private var done = 0
  private var isStopped = false

  init(session: Session, runs: any Runs, owners: [Owner], mayStop: Bool) {
    self.session = session
    self.runs = runs
    self.owners = owners
    self.mayStop = mayStop
  }

  /// The next case with what was read of its run; nil after the last, and where Ctrl-C has ended
  /// the runs and the cases before are of use.
  mutating func next() throws -> (item: Case, reading: Reading)? {
    if isStopped { return nil }
    do {
      while let (index, result) = try runs.next() {
        try Interruption.check()
        let (item, read) = owners[index]
        guard let reading = try read?(result) else { continue }
        if !item.isBase { done += 1 }
        return (item, reading)
      }
      return nil
    } catch let stop as Interruption.Stopped {
      guard mayStop, done > 0 else { throw stop }
      isStopped = true
      session.goOn(with: done, of: owners.count { !$0.item.isBase })
      return nil
    }
  }
}
