import Model

/// One run that a measure looks at: a prompt, and the variant of it that a sweep makes.
struct Case {
  var prompt: Prompt
  /// The prompt's place in its set.
  var index: Int
  var variant: Variant?
  var edits: [Edit]
}

extension Session {
  /// The runs that a set of prompts stands for: one a prompt, or one a prompt and variant.
  func cases(of set: PromptSet) throws -> [Case] {
    var binder = EditBinder { [self] in try captures(of: $0, $1) }
    return try set.prompts.enumerated().flatMap { index, prompt -> [Case] in
      let edits = try set.edits.flatMap { try binder.edits($0, on: prompt) }
      guard let sweep = set.sweep else {
        return [Case(prompt: prompt, index: index, variant: nil, edits: edits)]
      }
      return try binder.variants(sweep, on: prompt).map { variant in
        Case(prompt: prompt, index: index, variant: variant, edits: edits + variant.edits)
      }
    }
  }

  /// Runs every case for what `wants` asks of it. Cases of a sweep share with their prompt's own
  /// run whatever their edits cannot change.
  func run(
    _ cases: [Case], of set: PromptSet, label: String,
    wants: (Case) -> (captures: [Site: RunRequest.Positions], logits: RunRequest.Logits),
    consume: (Case, RunResult) throws -> Void
  ) throws {
    var requests: [RunRequest] = []
    var owners: [Case?] = []
    var bases: [Int: Int] = [:]
    for item in cases {
      let wanted = wants(item)
      var base: Int?
      if let variant = item.variant {
        base = bases[item.index]
        if base == nil {
          base = requests.count
          bases[item.index] = base
          requests.append(
            RunRequest(
              tokens: item.prompt.tokens, edits: item.edits.dropLast(variant.edits.count)))
          owners.append(nil)
        }
      }
      requests.append(
        RunRequest(
          tokens: item.prompt.tokens, edits: item.edits, base: base, captures: wanted.captures,
          logits: wanted.logits))
      owners.append(item)
    }
    try run(requests, on: set.model, label: label) { index, result in
      if let owner = owners[index] { try consume(owner, result) }
    }
  }

  /// Runs requests with progress shown. The model hands results over as they come; here they are
  /// consumed in the order of the requests, which is that of the rows of every table.
  func run(
    _ requests: [RunRequest], on model: LanguageModel, label: String,
    consume: (Int, RunResult) throws -> Void
  ) throws {
    defer { host.finishProgress() }
    var early: [Int: RunResult] = [:]
    var next = 0
    try model.transformer.run(
      requests,
      progress: { [host] done, total in host.progress(done: done, total: total, label: label) },
      consume: { index, result in
        early[index] = result
        while let result = early.removeValue(forKey: next) {
          try consume(next, result)
          next += 1
        }
      })
  }

  /// Some sites of every prompt of a set, at all positions; its edits are applied.
  private func captures(of set: PromptSet, _ sites: [Site]) throws -> [RunResult] {
    guard set.sweep == nil else {
      throw Failure("a mean cannot be taken over a sweep")
    }
    let cases = try cases(of: set)
    var results = [RunResult](repeating: RunResult(), count: cases.count)
    let wanted = Dictionary(uniqueKeysWithValues: sites.map { ($0, RunRequest.Positions.all) })
    try run(
      cases, of: set, label: "mean", wants: { _ in (wanted, .none) },
      consume: { results[$0.index] = $1 })
    return results
  }
}

/// The columns that say which run a row is of: the prompt where there are several, and what the
/// sweep changed.
struct CaseColumns {
  private let hasPrompt: Bool
  private let sweeps: Bool
  private let hasHead: Bool
  private let hasPosition: Bool
  private var prompts: [Cell] = []
  private var components: [Cell] = []
  private var layers: [Cell] = []
  private var heads: [Cell] = []
  private var positions: [Cell] = []

  init(_ set: PromptSet) {
    hasPrompt = set.prompts.count > 1
    sweeps = set.sweep != nil
    hasHead = set.sweep?.targets.contains { $0.place.head != nil } ?? false
    hasPosition = set.sweep?.targets.contains { $0.position != nil } ?? false
  }

  mutating func append(_ item: Case) {
    prompts.append(.text(item.prompt.name))
    guard let variant = item.variant else { return }
    components.append(.text(variant.place.label))
    layers.append(variant.place.layer.map(Cell.integer) ?? .missing)
    heads.append(variant.place.head.map(Cell.integer) ?? .missing)
    positions.append(variant.position.map(Cell.integer) ?? .missing)
  }

  var columns: [Column] {
    var columns: [Column] = []
    if hasPrompt { columns.append(Column("prompt", cells: prompts)) }
    if sweeps {
      columns.append(Column("component", cells: components))
      columns.append(Column("layer", cells: layers, fallback: .integers))
      if hasHead { columns.append(Column("head", cells: heads, fallback: .integers)) }
      if hasPosition { columns.append(Column("position", cells: positions, fallback: .integers)) }
    }
    return columns
  }
}

extension PromptSet {
  var origin: Origin {
    Origin(
      model: model, prompts: prompts, edits: (edits + [sweep].compactMap { $0 }).map(\.description))
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
