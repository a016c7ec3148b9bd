import Lang
import Model

/// How `generate` chooses tokens, and where it ends.
struct GenerationSettings {
  private(set) var rules = SamplingRules()
  private(set) var isGreedy: Bool
  fileprivate let seed: Int
  /// In UTF-8.
  fileprivate let stops: [[UInt8]]

  private static let draws = ["temperature", "top_k", "top_p", "min_p", "samples"]

  init(_ call: Invocation) throws {
    func number(_ name: String, _ range: ClosedRange<Double>, _ wanted: String) throws -> Double? {
      guard let value = try call.number(name) else { return nil }
      guard range.contains(value) else {
        throw Failure("`\(name)` is \(wanted)", span: call.span(of: name))
      }
      return value
    }
    rules.penalty = try number("repeat_penalty", 1e-6...1e6, "a number above 0, such as 1.1")
    rules.temperature = try number("temperature", 0...1e6, "a number from 0 on")
    rules.topP = try number("top_p", 0...1, "a probability from 0 to 1")
    rules.minP = try number("min_p", 0...1, "a share from 0 to 1")
    if let topK = try call.integer("top_k") {
      guard topK > 0 else {
        throw Failure(
          "`top_k` is a whole number from 1 on", help: "omit it to draw among all tokens",
          span: call.span(of: "top_k"))
      }
      rules.topK = topK
    }
    isGreedy = rules.temperature == 0 || !Self.draws.contains(where: call.has)
    if rules.temperature == 0 {
      rules.temperature = nil
      for name in ["top_k", "top_p", "min_p"] where call.has(name) {
        throw Failure(
          "`temperature 0` is greedy, and `\(name)` is of draws", help: "omit one of them",
          span: call.span(of: name))
      }
    } else if let temperature = rules.temperature, temperature < 1e-6 {
      throw Failure(
        "`temperature` is 0, or 0.000001 and more", span: call.span(of: "temperature"))
    }
    if isGreedy, call.has("seed") {
      throw Failure(
        "`seed` goes with draws", help: "`temperature 1` draws from the distribution as it is",
        span: call.span(of: "seed"))
    }
    seed = isGreedy ? 0 : try call.seed()
    stops = try call.names("stop").map { text in
      guard !text.isEmpty else {
        throw Failure("an empty text stops nothing", span: call.span(of: "stop"))
      }
      return Array(text.utf8)
    }
  }

  /// The next token.
  fileprivate func choose(
    _ distribution: Distribution, after tokens: [Int], _ generator: inout SplitMix64
  ) throws -> Int {
    let scores = rules.penalized(distribution.logits, after: tokens)
    // Of equal ones the first.
    guard !isGreedy else {
      return scores.indices.max { scores[$0] < scores[$1] || scores[$0] == scores[$1] && $0 > $1 }
        ?? 0
    }
    let weights = SamplingRules.weights(rules.filtered(scores))
    var left = Double.random(in: 0..<1, using: &generator) * weights.reduce(0, +)
    for (token, weight) in weights.enumerated() where weight > 0 {
      left -= weight
      if left < 0 { return token }
    }
    return weights.lastIndex { $0 > 0 } ?? 0
  }
}

/// One prompt being continued.
struct PromptContinuation {
  let prompt: Prompt
  var generation: Generation
  let settings: GenerationSettings
  let count: Int

  /// Adds the rows of each sample. The prompt itself is run once.
  mutating func write(
    samples: Int, _ call: Invocation, _ item: Case, into rows: inout GeneratedRows
  ) throws {
    let first = try generation.logits()
    for sample in 0..<samples {
      if sample > 0 { generation.rewind() }
      var generator = SplitMix64(seed: settings.seed, stream: prompt.number)
      // Each sample's draws begin where no other's do.
      if sample > 0 {
        generator = SplitMix64(seed: Int(truncatingIfNeeded: generator.next()), stream: sample)
      }
      var logits = first
      var written: [UInt8] = []
      for step in 0..<count {
        let distribution = Distribution(logits)
        guard distribution.isFinite else {
          call.session.noteNotFinite(
            RunRequest(tokens: generation.tokens, edits: item.edits), on: prompt.model)
          break
        }
        let token = try settings.choose(distribution, after: generation.tokens, &generator)
        rows.append(prompt, sample, token, distribution, at: prompt.tokens.count + step)
        let bytes = prompt.model.tokenizer.bytes(of: token) ?? []
        call.host.stream(bytes)
        written += bytes
        if prompt.model.endTokens.contains(token) || step + 1 == count
          || hasStopped(written, added: bytes.count)
        {
          break
        }
        logits = try generation.logits(after: token)
      }
      call.host.stream(Array("\n".utf8))
    }
  }

  /// Whether one of the texts stands in what was written, with some of its end in the last token.
  private func hasStopped(_ written: [UInt8], added: Int) -> Bool {
    settings.stops.contains { stop in
      let start = max(0, written.count - added - stop.count + 1)
      guard written.count - start >= stop.count else { return false }
      return (start...written.count - stop.count).contains {
        written[$0..<$0 + stop.count].elementsEqual(stop)
      }
    }
  }
}

/// sample, position, token_id, token, prob, logprob
struct GeneratedRows {
  private var rows = TableBuilder()
  private let prompt: PromptColumns
  private let sample: TableBuilder.Key<Int>?
  private let position: TableBuilder.Key<Int>
  private let token: TokenColumns
  private let (prob, logprob): (TableBuilder.Key<Double>, TableBuilder.Key<Double>)

  init(_ set: PromptSet, hasSamples: Bool) {
    prompt = PromptColumns(set, in: &rows)
    sample = hasSamples ? rows.integers("sample") : nil
    position = rows.integers("position")
    token = TokenColumns(in: &rows)
    (prob, logprob) = (rows.doubles("prob"), rows.doubles("logprob"))
  }

  mutating func append(
    _ prompt: Prompt, _ sample: Int, _ token: Int, _ distribution: Distribution, at position: Int
  ) {
    rows.addRow()
    self.prompt.set(prompt, in: &rows)
    rows[self.sample] = sample
    rows[self.position] = position
    self.token.set(token, of: prompt.model.tokenizer, in: &rows)
    rows[prob] = distribution.probability(token)
    rows[logprob] = distribution.logProbability(token)
  }

  var table: Table { rows.table(measure: "logprob") }
}
