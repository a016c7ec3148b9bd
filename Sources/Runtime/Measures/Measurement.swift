import Model

/// What a measure asks of one run, and how it reads the answer.
struct Measurement<Reading> {
  var captures: [Site: RunRequest.Positions] = [:]
  var logits: RunRequest.Logits = .none
  /// Whether the logits are those before a soft cap.
  var isUncapped = false
  let read: (RunResult) throws -> Reading

  /// With something made of what is read.
  func map<Found>(_ make: @escaping (Reading) throws -> Found) -> Measurement<Found> {
    Measurement<Found>(captures: captures, logits: logits, isUncapped: isUncapped) {
      try make(try read($0))
    }
  }
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
    let part = try RunPart(cases, withBases: withBases, measuring: measuring)
    return Results(
      session: self, total: cases.count, first: try part.started(in: self, on: model, label: label),
      mayStop: mayStop)
  }

  /// The same of cases that are made as they are needed.
  func results<Reading>(
    of stream: CaseStream, on model: LanguageModel, label: String, mayStop: Bool = false,
    withBases: Bool = false, measuring: @escaping (Case) throws -> Measurement<Reading>
  ) throws -> Results<Reading> {
    var stream = stream
    let first = try stream.next(upTo: CaseStream.atOnce)
    let total = first.count + (try stream.count())
    var share = RunShare(count: first.count, of: total)
    let part = try RunPart(first, withBases: withBases, measuring: measuring)
    var last = first.last?.index
    var results = Results(
      session: self, total: total,
      first: try part.started(in: self, on: model, label: label, share), mayStop: mayStop)
    guard share.count < total else { return results }
    results.more = {
      let cases = try stream.next(upTo: CaseStream.atOnce)
      guard !cases.isEmpty else { return nil }
      share = RunShare(before: share.before + share.count, count: cases.count, of: total)
      share.repeatsBase = cases.first.map { $0.baseEdits != nil && $0.index == last } ?? false
      last = cases.last?.index
      let part = try RunPart(
        cases, withBases: withBases, repeatsBase: share.repeatsBase, measuring: measuring)
      return try part.started(in: self, on: model, label: label, share)
    }
    return results
  }
}

/// Which of a measure's cases some runs are of.
struct RunShare {
  /// How many were run before them, how many they are, and how many there are in all.
  var before = 0
  var count: Int
  var of: Int
  /// Whether the first run was one of the part before too: here it only serves others.
  var repeatsBase = false

  var isWhole: Bool { count == of }
  var isLast: Bool { before + count >= of }

  /// Progress of all, from that of this part: cases are taken to be alike.
  func progress(done: Int, of total: Int) -> (done: Int, of: Int) {
    if isWhole { return (done, total) }
    let scale = 1000
    let own = total > 0 ? Int(Double(count * scale) * Double(done) / Double(total)) : 0
    return (before * scale + min(own, count * scale), of * scale)
  }
}

/// The runs of some cases, and how each is read.
private struct RunPart<Reading> {
  private var requests: [RunRequest] = []
  private var owners: [Results<Reading>.Owner] = []

  /// - Parameter repeatsBase: whether the first base was measured with the cases before.
  init(
    _ cases: [Case], withBases: Bool, repeatsBase: Bool = false,
    measuring: (Case) throws -> Measurement<Reading>
  ) throws {
    var bases: [Int: Int] = [:]
    try cases.forEachChecked { item in
      if let base = item.base, bases[item.index] == nil {
        let isMeasured = withBases && !(repeatsBase && bases.isEmpty)
        bases[item.index] = requests.count
        add(base, base: nil, isMeasured ? try measuring(base) : nil)
      }
      add(item, base: item.baseEdits == nil ? nil : bases[item.index], try measuring(item))
    }
  }

  private mutating func add(_ item: Case, base: Int?, _ measurement: Measurement<Reading>?) {
    requests.append(
      RunRequest(
        tokens: item.prompt.tokens, edits: item.acting ?? item.edits, base: base,
        captures: measurement?.captures ?? [:], logits: measurement?.logits ?? .none,
        isUncapped: measurement?.isUncapped ?? false))
    owners.append((item, measurement?.read))
  }

  func started(
    in session: Session, on model: LanguageModel, label: String, _ share: RunShare? = nil
  ) throws -> Results<Reading>.Part {
    let share = share ?? RunShare(count: owners.count, of: owners.count)
    return (
      try session.statement.runner.runs(
        of: requests, on: model, label: label, share: share, in: session),
      owners
    )
  }
}

/// What cases were measured to be, in their order. A batch is run when the first of its cases is
/// asked for.
struct Results<Reading> {
  /// A case, and how its run is read; nil for a run that only serves others.
  typealias Owner = (item: Case, read: ((RunResult) throws -> Reading)?)
  /// Runs, and whose they are.
  typealias Part = (runs: any Runs, owners: [Owner])

  private let session: Session
  /// How many cases there are.
  private let total: Int
  private var part: Part
  /// Makes the runs after these; nil after the last.
  fileprivate var more: (() throws -> Part?)?
  private let mayStop: Bool
  private var done = 0
  private var isStopped = false
  /// Asked again after the last one, runs would report once more what they computed.
  private var isOver = false

  init(session: Session, total: Int, first: Part, mayStop: Bool) {
    self.session = session
    self.total = total
    part = first
    self.mayStop = mayStop
  }

  /// The next case with what was read of its run; nil after the last, and where Ctrl-C has ended
  /// the runs and the cases before are of use.
  mutating func next() throws -> (item: Case, reading: Reading)? {
    if isStopped || isOver { return nil }
    do {
      repeat {
        while let (index, result) = try part.runs.next() {
          try Interruption.check()
          let (item, read) = part.owners[index]
          guard let reading = try read?(result) else { continue }
          if !item.isBase { done += 1 }
          return (item, reading)
        }
      } while try enterNextPart()
      isOver = true
      return nil
    } catch let stop as Interruption.Stopped {
      try end(stop)
      return nil
    }
  }

  /// After Ctrl-C.
  ///
  /// - Parameter unused: how many of the cases that were given are of no use.
  /// - Throws: what ended them, where no other case is of use.
  mutating func end(_ stop: Interruption.Stopped, without unused: Int = 0) throws {
    guard mayStop, !isStopped, done > unused else { throw stop }
    isStopped = true
    session.goOn(with: done - unused, of: total)
  }

  private mutating func enterNextPart() throws -> Bool {
    guard let next = try more?() else { return false }
    part = next
    return true
  }
}
