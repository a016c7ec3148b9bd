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
  /// Those of them that may change something; nil: all.
  var acting: [Edit]?
  /// The edits of the run that this one varies; nil where it varies none.
  var baseEdits: [Edit]?
  /// Those of them that come after the variant's.
  var laterEdits: [Edit] = []
  /// What it is of among the units that shards divide; nil where they are not divided.
  var unit: Int?
  /// Whether it is the run that the other cases of its prompt vary.
  var isBase = false

  /// The run that this one varies; nil where it varies none.
  var base: Case? {
    baseEdits.map { Case(prompt: prompt, index: index, edits: $0, isBase: true) }
  }
}

extension Session {
  /// The runs that a set of prompts stands for: one a prompt, or one a prompt and variant.
  func cases(of set: PromptSet) throws -> [Case] {
    var stream = CaseStream(of: set, in: self)
    return try stream.next(upTo: .max)
  }

  /// Some sites of runs.
  func values(
    of cases: [(item: Case, sites: [Site: RunRequest.Positions])], on model: LanguageModel
  ) throws -> [RunResult] {
    let bytes = cases.reduce(0) { sum, item in
      let request = RunRequest(tokens: item.item.prompt.tokens, captures: item.sites)
      return sum + request.resultBytes(in: model.configuration)
    }
    try reserve(bytes, for: "what an edit reads of \(cases.count) runs", help: "take fewer paths")
    var values: [RunResult] = []
    // Each is asked for once, in its turn.
    var sites = cases.map(\.sites)[...]
    var results = try results(of: cases.map(\.item), on: model, label: "values") { _ in
      Measurement(captures: sites.popFirst() ?? [:]) { $0 }
    }
    while let (_, result) = try results.next() { values.append(result) }
    return values
  }

  /// Some sites of every prompt of a set, or of those at some places; its edits are applied.
  func values(
    of set: PromptSet, sites: (Prompt) throws -> [Site: RunRequest.Positions],
    logits: (Case) -> RunRequest.Logits = { _ in .none }, at places: [Int]? = nil
  ) throws -> [RunResult] {
    var cases = try cases(of: set)
    if let places { cases = places.map { cases[$0] } }
    let wanted = try set.prompts.mapChecked(sites)
    let bytes = cases.reduce(0) { sum, item in
      let request = RunRequest(
        tokens: item.prompt.tokens, captures: wanted[item.index], logits: logits(item))
      return sum + request.resultBytes(in: set.model.configuration)
    }
    try reserve(
      bytes, for: "what an edit reads of \(cases.count) runs", help: "take fewer prompts")
    var values = [RunResult](repeating: RunResult(), count: set.prompts.count)
    var results = try results(of: cases, on: set.model, label: "values") { item in
      Measurement(captures: wanted[item.index], logits: logits(item)) { $0 }
    }
    while let (item, result) = try results.next() { values[item.index] = result }
    return values
  }
}
