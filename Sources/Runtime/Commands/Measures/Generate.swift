import Lang
import Model

extension Command {
  static let generate = Command(
    name: "generate", group: .measures,
    summary: "Continue prompts: the likeliest token each time, or one drawn.",
    details: """
      Greedy unless `temperature`, `top_k`, `top_p`, `min_p` or `samples` asks for draws. These and \
      `repeat_penalty` do what transformers does, in its order: the penalty, temperature, top_k, top_p, \
      min_p. Generation stops early at the model's end of text, and once the text has one of the texts \
      of `stop`. Edits stay active: at the prompt's positions as written. Edits without `@` that need no \
      other run (zero, scale, steer, knockout to `@*`) apply at every new position too. `| text` gives \
      the text, `| prompts` the prompts with what was generated.
      """,
    input: .prompts,
    parameters: [
      .positional("count", .number, "how many tokens at the most"),
      .keyword(
        "top_k", .number, "draw among the k likeliest tokens, and those that equal the last"),
      .keyword("top_p", .number, "draw among the likeliest that together have this probability"),
      .keyword("min_p", .number, "draw among those with this share of the likeliest's probability"),
      .keyword(
        "temperature", .number,
        "draw from the distribution, sharper below 1, flatter above; 0 is greedy"),
      .keyword(
        "repeat_penalty", .number, "make tokens that are there already less likely if above 1"),
      .keyword("stop", .text, list: true, "end once the text generated has one of these"),
      .keyword("samples", .number, "how many to draw for each prompt"),
      .keyword("seed", .number, "the seed of the draws; default: 0"),
    ],
    examples: [
      "colosseum | generate 5", "colosseum | generate 5 top_p 0.9 temperature 0.8 seed 1",
      #"colosseum | generate 20 samples 2 stop "." | text"#,
    ],
    run: continuePrompts)

  /// More than any model's context.
  private static let mostTokens = 1_000_000
  private static let mostSamples = 1000

  private static func continuePrompts(_ call: Invocation) throws -> Value {
    let set = try placing(at: call.span) { try call.promptInput().withoutSweep(for: "generate") }
    let count = try call.integer(required: "count")
    guard (1...mostTokens).contains(count) else {
      throw Failure(
        "`generate` takes a count from 1 to 1,000,000",
        span: call.span(of: "count"))
    }
    let settings = try GenerationSettings(call)
    let samples = try samples(call)
    if let samples, settings.isGreedy {
      throw Failure(
        "without a draw all \(samples) samples are the same", help: "omit `temperature 0`",
        span: call.span(of: "samples"))
    }
    var rows = GeneratedRows(set, hasSamples: samples != nil)
    let length = GenerationLength(tokens: count, samples: samples ?? 1)
    let groups = try call.groups(of: try call.session.cases(of: set), continuedBy: count)
    try call.statement.runner.generate(groups, of: set, length: length, in: call.session) { group in
      var continuation = try GroupContinuation(group, of: set, settings, length, call)
      let finished = try continuation.run(call)
      continuation.write(into: &rows)
      return finished
    }
    return .table(TableValue(rows.table, origins: [set.origin]))
  }

  private static func samples(_ call: Invocation) throws -> Int? {
    guard let samples = try call.integer("samples") else { return nil }
    guard (1...mostSamples).contains(samples) else {
      throw Failure(
        "`samples` is a number from 1 to \(thousands(mostSamples))",
        span: call.span(of: "samples"))
    }
    return samples
  }
}

extension Invocation {
  /// Cases that are continued together: as many as their keys and values, and the rows of a batch,
  /// allow.
  fileprivate func groups(of cases: [Case], continuedBy count: Int) throws -> [[Case]] {
    var groups: [[Case]] = []
    var (bytes, rows) = (0, 0)
    for item in cases {
      try Interruption.check()
      let own = try reserve(tokens: count, after: item.prompt)
      let length = item.prompt.tokens.count
      if !groups.isEmpty, rows + length <= Generation.rowsAtOnce, own <= session.memory / 2 - bytes
      {
        groups[groups.count - 1].append(item)
        (bytes, rows) = (bytes + own, rows + length)
      } else {
        groups.append([item])
        (bytes, rows) = (min(own, session.memory), length)
      }
    }
    return groups
  }

  /// The keys and values of a text that is to be so much longer than its prompt.
  ///
  /// - Returns: their bytes.
  private func reserve(tokens: Int, after prompt: Prompt) throws -> Int {
    let bytes = prompt.model.transformer.generationBytes(of: tokens, after: prompt.tokens.count)
    try placing(at: span) {
      try session.reserve(
        bytes, for: "a text of \(thousands(prompt.tokens.count + tokens)) tokens",
        help: "generate fewer tokens")
    }
    return bytes
  }
}

extension Session {
  /// The edits that hold at positions which are not there yet: those without `@`, or at `@*`, whose
  /// change is the same everywhere.
  func openEdits(of set: PromptSet, on prompt: Prompt) throws -> [Edit] {
    try set.edits.flatMap { spec -> [Edit] in
      guard spec.circuit == nil else { return [] }
      var cut: Edit.Change?
      if case .knockout(let source) = spec.mode {
        cut = .cut(sources: try prompt.positions(source))
      }
      return try spec.targets.filter { $0.position ?? .all == .all }.flatMap { target in
        try target.place.sites.compactMap { part in
          guard let change = try cut ?? spec.mode.uniformChange(of: part) else { return nil }
          return Edit(
            site: part.site, units: part.feature == nil ? part.units : nil, positions: [],
            change: change)
        }
      }
    }
  }
}
