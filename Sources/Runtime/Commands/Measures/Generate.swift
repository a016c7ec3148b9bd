import Lang
import Model

extension Command {
  static let generate = Command(
    name: "generate", group: .measures,
    summary: "Continue prompts: the likeliest token each time, or one drawn.",
    details: """
      Greedy without `temperature`. Generation stops early at the model's end of text.
      Edits stay active: at the prompt's positions as written. Edits without `@` that need no \
      other run (zero, scale, steer, knockout to `@*`) apply at every new position too.
      """,
    input: .prompts,
    parameters: [
      .positional("count", .number, "how many tokens at the most"),
      .keyword(
        "temperature", .number, "draw from the distribution, sharper below 1, flatter above"),
      .keyword("seed", .number, "the seed of the draw; default: 0"),
    ],
    examples: ["colosseum | generate 5", "colosseum | generate 5 temperature 0.8 seed 1"],
    run: continuePrompts)

  /// More than any model's context.
  private static let mostTokens = 1_000_000

  private static func continuePrompts(_ call: Invocation) throws -> Value {
    let set = try placing(at: call.span) { try call.promptInput().withoutSweep(for: "generate") }
    let count = try call.integer(required: "count")
    guard (1...mostTokens).contains(count) else {
      throw Failure(
        "`generate` takes a count from 1 to 1,000,000",
        span: call.span(of: "count"))
    }
    let temperature = try temperature(call)
    let seed = try temperature == nil ? 0 : call.seed()
    var rows = GeneratedRows(set)
    let cases = try call.session.cases(of: set)
    try call.statement.runner.generate(cases, of: set, count: count, in: call.session) { item in
      let prompt = item.prompt
      try call.reserve(tokens: count, after: prompt)
      var sampler = Sampler(temperature: temperature, seed: seed, stream: prompt.number)
      var generation = try Generation(
        set.model.transformer, tokens: prompt.tokens, edits: item.edits,
        addedEdits: try call.session.openEdits(of: set, on: prompt), count: count)
      var logits = try generation.logits()
      for step in 0..<count {
        let distribution = Distribution(logits)
        guard distribution.isFinite else {
          call.session.noteNotFinite(
            RunRequest(tokens: generation.tokens, edits: item.edits), on: set.model)
          break
        }
        let token = try sampler.choose(distribution)
        rows.append(prompt, token, distribution, at: prompt.tokens.count + step)
        call.host.stream(prompt.model.tokenizer.bytes(of: token) ?? [])
        if prompt.model.endTokens.contains(token) || step + 1 == count { break }
        logits = try generation.logits(after: token)
      }
      call.host.stream(Array("\n".utf8))
    }
    return .table(TableValue(rows.table, origins: [set.origin]))
  }

  private static func temperature(_ call: Invocation) throws -> Double? {
    guard let temperature = try call.number("temperature") else {
      if call.has("seed") {
        throw call.failure(
          "`seed` goes with `temperature`", help: "without a temperature nothing is drawn")
      }
      return nil
    }
    guard temperature > 0 else {
      throw Failure(
        "a temperature is above 0", help: "omit it for greedy decoding",
        span: call.span(of: "temperature"))
    }
    return temperature
  }
}

/// Chooses the next token.
private struct Sampler {
  let temperature: Double?
  private var generator: SplitMix64

  init(temperature: Double?, seed: Int, stream: Int) {
    self.temperature = temperature
    generator = SplitMix64(seed: seed, stream: stream)
  }

  /// The likeliest, of equal ones the first; or one drawn with probability ∝ e^(logit / T).
  mutating func choose(_ distribution: Distribution) throws -> Int {
    guard let temperature else { return distribution.largest(1)[0] }
    let logits = distribution.logits
    let most = Double(logits.max() ?? 0)
    let weights = logits.map { Numerics.exp((Double($0) - most) / temperature) }
    var left = Double.random(in: 0..<1, using: &generator) * weights.reduce(0, +)
    for (token, weight) in weights.enumerated() {
      left -= weight
      if left < 0 { return token }
    }
    return weights.count - 1
  }
}

/// position, token_id, token, prob, logprob
private struct GeneratedRows {
  private var rows = TableBuilder()
  private let prompt: PromptColumns
  private let position: TableBuilder.Key<Int>
  private let token: TokenColumns
  private let (prob, logprob): (TableBuilder.Key<Double>, TableBuilder.Key<Double>)

  init(_ set: PromptSet) {
    prompt = PromptColumns(set, in: &rows)
    position = rows.integers("position")
    token = TokenColumns(in: &rows)
    (prob, logprob) = (rows.doubles("prob"), rows.doubles("logprob"))
  }

  mutating func append(
    _ prompt: Prompt, _ token: Int, _ distribution: Distribution, at position: Int
  ) {
    rows.addRow()
    self.prompt.set(prompt, in: &rows)
    rows[self.position] = position
    self.token.set(token, of: prompt.model.tokenizer, in: &rows)
    rows[prob] = distribution.probability(token)
    rows[logprob] = distribution.logProbability(token)
  }

  var table: Table { rows.table(measure: "logprob") }
}

extension Invocation {
  /// The keys and values of a text that is to be so much longer than its prompt.
  fileprivate func reserve(tokens: Int, after prompt: Prompt) throws {
    let length = prompt.tokens.count + tokens
    try placing(at: span) {
      try session.reserve(
        prompt.model.transformer.generationBytes(tokens: length),
        for: "a text of \(thousands(length)) tokens", help: "generate fewer tokens")
    }
  }
}

extension Session {
  /// The edits that hold at positions which are not there yet: those without `@`, or at `@*`, whose
  /// change is the same everywhere.
  fileprivate func openEdits(of set: PromptSet, on prompt: Prompt) throws -> [Edit] {
    try set.edits.flatMap { spec -> [Edit] in
      let change: Edit.Change
      switch spec.mode {
      case .zero: change = .zero
      case .scale(let factor): change = .scale(factor)
      case .steer(let vector): change = .add(vector)
      case .knockout(let source): change = .cut(sources: try prompt.positions(source))
      case .mean, .resample, .patch, .patchFromCounterpart, .freeze: return []
      }
      return spec.targets.filter { $0.position ?? .all == .all }.flatMap { target in
        target.place.sites.map {
          Edit(site: $0.site, units: $0.units, positions: [], change: change)
        }
      }
    }
  }
}
