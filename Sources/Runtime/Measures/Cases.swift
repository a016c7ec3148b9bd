import Lang
import Model

/// One run that a measure looks at: a prompt, and the variant of it that a sweep makes.
struct Case {
  var prompt: Prompt
  /// The prompt's place in its set.
  var index: Int
  var variant: Variant?
  /// All edits, those of the variant among them, in their order.
  var edits: [Edit]
  /// The edits of the run that this one varies; nil where it varies none.
  var baseEdits: [Edit]?
}

extension Session {
  /// The runs that a set of prompts stands for: one a prompt, or one a prompt and variant.
  ///
  /// - Parameter known: the runs that an edit takes its values from, where they are done already.
  func cases(of set: PromptSet, known: (spec: EditSpec, runs: [RunResult])? = nil) throws -> [Case]
  {
    var binder = EditBinder(set) { [self] in try values(of: $0, sites: $1) }
    if let known { binder.take(known.runs, for: known.spec) }
    return try set.prompts.enumerated().flatMap { index, prompt -> [Case] in
      try Interruption.check()
      let held = try set.edits.enumerated().map { i, spec in
        i == set.sweepIndex ? [] : try binder.edits(spec, at: index)
      }
      try checkThatAllFire(held, of: set)
      guard let sweepIndex = set.sweepIndex else {
        return [Case(prompt: prompt, index: index, variant: nil, edits: held.flatMap(\.self))]
      }
      return try binder.variants(set.edits[sweepIndex], at: index).mapChecked { variant in
        var edits = held
        edits[sweepIndex] = variant.edits
        try checkThatAllFire(edits, of: set)
        return Case(
          prompt: prompt, index: index, variant: variant, edits: edits.flatMap(\.self),
          baseEdits: held.flatMap(\.self))
      }
    }
  }

  /// Runs every case for what `wants` asks of it. Cases of a sweep share with their prompt's own
  /// run whatever their edits cannot change.
  ///
  /// - Parameters:
  ///   - mayStop: whether a part of the cases, the first so many, is of use where Ctrl-C ends the
  ///     run: the rows of a table are, the values that an edit needs are not.
  ///   - consumeBase: given the run that cases of a prompt vary, before these, with the same logits.
  func run(
    _ cases: [Case], of set: PromptSet, label: String,
    mayStop: Bool = false,
    isUncapped: Bool = false,
    wants: (Case) -> (captures: [Site: RunRequest.Positions], logits: RunRequest.Logits),
    consumeBase: ((Case, RunResult) throws -> Void)? = nil,
    consume: (Case, RunResult) throws -> Void
  ) throws {
    var requests: [RunRequest] = []
    var owners: [(item: Case, isBase: Bool)] = []
    var bases: [Int: Int] = [:]
    try cases.forEachChecked { item in
      let wanted = wants(item)
      if let baseEdits = item.baseEdits, bases[item.index] == nil {
        bases[item.index] = requests.count
        requests.append(
          RunRequest(
            tokens: item.prompt.tokens, edits: baseEdits,
            logits: consumeBase == nil ? .none : wanted.logits, isUncapped: isUncapped))
        owners.append((item, true))
      }
      requests.append(
        RunRequest(
          tokens: item.prompt.tokens, edits: item.edits,
          base: item.baseEdits == nil ? nil : bases[item.index], captures: wanted.captures,
          logits: wanted.logits, isUncapped: isUncapped))
      owners.append((item, false))
    }
    var done = 0
    do {
      try run(requests, on: set.model, label: label) { index, result in
        try Interruption.check()
        let (item, isBase) = owners[index]
        if isBase {
          try consumeBase?(item, result)
        } else {
          try consume(item, result)
          done += 1
        }
      }
    } catch let stop as Interruption.Stopped {
      guard mayStop, done > 0 else { throw stop }
      goOn(with: done, of: cases.count)
    }
  }

  /// Runs requests with progress shown. The model hands results over as they come; here they are
  /// consumed in the order of the requests, which is that of the rows of every table.
  func run(
    _ requests: [RunRequest], on model: LanguageModel, label: String,
    consume: (Int, RunResult) throws -> Void
  ) throws {
    if planning != nil {
      return try plan(requests, on: model, label: label, consume: consume)
    }
    warnOfLength(requests.lazy.map(\.tokens.count), of: model)
    defer { host.finishProgress() }
    var early: [Int: RunResult] = [:]
    var next = 0
    let record = try model.transformer.run(
      requests, memory: memory,
      progress: { [host] done, total in host.progress(done: done, total: total, label: label) },
      consume: { index, result in
        early[index] = result
        while let result = early.removeValue(forKey: next) {
          checkFinite(result, of: requests[next], on: model)
          try consume(next, result)
          next += 1
        }
      })
    computed = computed.map { $0 + record }
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

  /// Some sites of every prompt of a set; its edits are applied.
  func values(
    of set: PromptSet, sites: (Prompt) throws -> [Site: RunRequest.Positions],
    logits: (Case) -> RunRequest.Logits = { _ in .none }
  ) throws -> [RunResult] {
    let cases = try cases(of: set)
    let wanted = try set.prompts.mapChecked(sites)
    let bytes = cases.reduce(0) { sum, item in
      let request = RunRequest(
        tokens: item.prompt.tokens, captures: wanted[item.index], logits: logits(item))
      return sum + request.resultBytes(in: set.model.configuration)
    }
    try reserve(
      bytes, for: "what an edit reads of \(cases.count) runs", help: "take fewer prompts")
    var results = [RunResult](repeating: RunResult(), count: cases.count)
    try run(
      cases, of: set, label: "values", wants: { (wanted[$0.index], logits($0)) },
      consume: { results[$0.index] = $1 })
    return results
  }
}

extension PromptSet {
  var origin: Origin {
    Origin(
      model: model, prompts: prompts, edits: edits.map(\.description))
  }

  /// - Throws: `Failure` where a sweep makes no sense.
  func withoutSweep(for measure: String) throws -> PromptSet {
    guard sweep == nil else {
      throw Failure(
        "`\(measure)` cannot be taken of a sweep",
        help: "use `effect` after `each`, or leave `each` away to make one edit of it all")
    }
    return self
  }

  /// The answers, which a measure needs of every prompt.
  func answers(for measure: String) throws -> [Prompt.Target] {
    try prompts.map { prompt in
      guard let answer = prompt.answer else {
        throw Failure(
          "`\(measure)` needs an answer, and '\(prompt.name)' has none",
          help: "give one: prompt \"…\" -> \" answer\"")
      }
      return answer
    }
  }
}
