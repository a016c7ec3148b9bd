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
  ///
  /// - Parameter known: the runs that an edit takes its values from, where they are done already.
  func cases(of set: PromptSet, known: (spec: EditSpec, runs: [RunResult])? = nil) throws -> [Case]
  {
    var binder = EditBinder(set, in: self)
    if let known { binder.take(known.runs, for: known.spec) }
    var units = VariantUnits(set.shard)
    return try set.prompts.enumerated().flatMap { index, prompt -> [Case] in
      try Interruption.check()
      guard set.isMeasured(index) else { return [] }
      let held = try set.edits.enumerated().map { i, spec in
        i == set.sweepIndex ? [] : try binder.edits(spec, at: index)
      }
      try checkThatAllFire(held, of: set)
      let acting = try ActingEdits(set, onPrompt: index)
      guard let sweepIndex = set.sweepIndex else {
        return [
          Case(
            prompt: prompt, index: index, edits: held.flatMap(\.self),
            acting: acting.of(held).flatMap(\.self), unit: prompt.unit)
        ]
      }
      let variants = try binder.variants(set.edits[sweepIndex], at: index)
      return try units.measured(variants.count, of: prompt).mapChecked { place, unit in
        let variant = variants[place]
        var edits = held
        edits[sweepIndex] = variant.edits
        try checkThatAllFire(edits, of: set)
        return Case(
          prompt: prompt, index: index, variant: variant, edits: edits.flatMap(\.self),
          acting: acting.of(edits).flatMap(\.self),
          baseEdits: held.flatMap(\.self),
          laterEdits: held[(sweepIndex + 1)...].flatMap(\.self), unit: unit)
      }
    }
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
