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
    // Of equal ones the first.
    if isGreedy, rules.penalty == nil { return distribution.largest(1)[0] }
    let scores = rules.penalized(distribution.logits, after: tokens)
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

/// Prompts being continued together.
struct GroupContinuation {
  private let cases: [Case]
  private let settings: GenerationSettings
  private let length: GenerationLength
  private var generation: Generation
  /// Of each prompt, for each of its samples so far.
  private var samples: [[Sample]]
  /// What a person who watches was shown last: of the prompts and their samples in their order.
  private var shown = (prompt: 0, sample: 0, bytes: 0)

  /// What was drawn so far.
  private struct Sample {
    var generator: SplitMix64
    var tokens: [GeneratedToken] = []
    var text: [UInt8] = []
    var isFinished = false
  }

  /// - Throws: `Interruption.Stopped`.
  init(
    _ cases: [Case], of set: PromptSet, _ settings: GenerationSettings, _ length: GenerationLength,
    _ call: Invocation
  ) throws {
    self.cases = cases
    self.settings = settings
    self.length = length
    samples = cases.map { _ in [] }
    generation = try Generation(
      set.model.transformer,
      try cases.map { item in
        Generation.Prompt(
          tokens: item.prompt.tokens, edits: item.edits,
          addedEdits: try call.session.openEdits(of: set, on: item.prompt))
      }, count: length.tokens)
  }

  /// - Returns: how many of the prompts are finished: fewer than all where Ctrl-C has ended it.
  mutating func run(_ call: Invocation) throws -> Int {
    do {
      // The prompts themselves are run once.
      let first = try generation.logits()
      noteFired(call)
      for sample in 0..<length.samples {
        if sample > 0 { generation.rewind() }
        for (index, item) in cases.enumerated() {
          samples[index].append(Sample(generator: generator(of: sample, after: item.prompt)))
        }
        var (open, logits) = (Array(cases.indices), first)
        while !open.isEmpty {
          var chosen: [(text: Int, token: Int)] = []
          for (index, logits) in zip(open, logits) {
            if let token = try next(of: index, Distribution(logits), call) {
              chosen.append((index, token))
            }
            show(call.host)
          }
          open = chosen.map(\.text)
          if open.isEmpty { continue }
          logits = try generation.logits(after: chosen)
          noteFired(call)
        }
      }
    } catch is Interruption.Stopped {
      return samples.count { $0.count == length.samples && $0.allSatisfy(\.isFinished) }
    }
    return cases.count
  }

  /// For the warning of edited features that never fire.
  private func noteFired(_ call: Invocation) {
    for (edits, features) in generation.fired {
      call.statement.silentFeatures.add(features, of: edits)
    }
  }

  /// Each sample's draws begin where no other's do.
  private func generator(of sample: Int, after prompt: Prompt) -> SplitMix64 {
    sample == 0
      ? SplitMix64(seed: settings.seed, stream: prompt.number)
      : SplitMix64(seed: settings.seed, streams: prompt.number, sample)
  }

  /// Adds a token to a prompt's last sample.
  ///
  /// - Returns: it; nil once the sample is finished.
  private mutating func next(of index: Int, _ distribution: Distribution, _ call: Invocation)
    throws -> Int?
  {
    let (item, last) = (cases[index], samples[index].count - 1)
    let model = item.prompt.model
    let tokens = generation.tokens(of: index)
    guard distribution.isFinite else {
      call.session.noteNotFinite(RunRequest(tokens: tokens, edits: item.edits), on: model)
      samples[index][last].isFinished = true
      return nil
    }
    let token = try settings.choose(
      distribution, after: tokens, &samples[index][last].generator)
    let bytes = model.tokenizer.bytes(of: token) ?? []
    samples[index][last].tokens.append(GeneratedToken(token, distribution))
    samples[index][last].text += bytes
    let sample = samples[index][last]
    guard
      model.endTokens.contains(token) || sample.tokens.count == length.tokens
        || hasStopped(sample.text, added: bytes.count)
    else { return token }
    samples[index][last].isFinished = true
    return nil
  }

  /// Streams what was added, as if one prompt was continued after the other.
  private mutating func show(_ host: any Host) {
    while shown.prompt < samples.count, shown.sample < samples[shown.prompt].count {
      let sample = samples[shown.prompt][shown.sample]
      if sample.text.count > shown.bytes { host.stream(Array(sample.text[shown.bytes...])) }
      shown.bytes = sample.text.count
      guard sample.isFinished else { return }
      host.stream(Array("\n".utf8))
      shown = (shown.prompt, shown.sample + 1, 0)
      if shown.sample == length.samples { shown = (shown.prompt + 1, 0, 0) }
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

  /// Adds the rows of all that was made.
  func write(into rows: inout GeneratedRows) {
    for (item, samples) in zip(cases, samples) {
      for (sample, made) in samples.enumerated() {
        for (step, token) in made.tokens.enumerated() {
          rows.append(item.prompt, sample, token, at: item.prompt.tokens.count + step)
        }
      }
    }
  }
}

/// A token that was generated, and how likely it was.
struct GeneratedToken {
  var id: Int
  var prob: Double
  var logprob: Double

  init(_ id: Int, _ distribution: Distribution) {
    self.id = id
    prob = distribution.probability(id)
    logprob = distribution.logProbability(id)
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
    _ prompt: Prompt, _ sample: Int, _ token: GeneratedToken, at position: Int
  ) {
    rows.addRow()
    self.prompt.set(prompt, in: &rows)
    rows[self.sample] = sample
    rows[self.position] = position
    self.token.set(token.id, of: prompt.model.tokenizer, in: &rows)
    (rows[prob], rows[logprob]) = (token.prob, token.logprob)
  }

  var table: Table { rows.table(measure: "logprob") }
}
