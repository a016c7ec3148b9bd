import Model

extension Session {
  /// How the answers of the same prompts fare under two models: a row a prompt.
  func compareAnswers(_ a: PromptSet, _ b: PromptSet) throws -> Table {
    let sharesTokens = a.model.sharesTokens(with: b.model)
    if !sharesTokens {
      note("compare: the two models have different tokens, so kl and largest_gap are missing")
    }
    var rows = ComparedAnswers(a, sharesTokens: sharesTokens)
    // Whole distributions are held of a few prompts at a time.
    let bytes = a.model.configuration.vocabulary * MemoryLayout<Float>.size
    let count = max(1, min(32, memory / 8 / bytes))
    let measured = a.measuredIndices
    try inTurns(measured.count, of: count) { range in
      let places = Array(measured[range])
      let (ofA, ofB) = (try sides(of: a, places), try sides(of: b, places))
      for (index, (ofA, ofB)) in zip(places, zip(ofA, ofB)) {
        rows.append(a.prompts[index], ofA, ofB)
      }
    }
    return rows.table
  }

  /// Puts some prompts at a time to both models. What was finished before Ctrl-C is of use.
  ///
  /// - Parameter body: what adds the rows of a range of prompts, or throws before it adds any.
  func inTurns(
    _ prompts: Int, of count: Int, _ body: (Range<Int>) throws -> Void
  ) throws {
    for start in stride(from: 0, to: prompts, by: count) {
      do {
        try body(start..<min(prompts, start + count))
      } catch let stop as Interruption.Stopped {
        guard start > 0 else { throw stop }
        return goOn(with: 2 * start, of: 2 * prompts)
      }
    }
  }

  /// What one model says of some prompts of a set.
  private func sides(of set: PromptSet, _ places: [Int]) throws -> [ComparedAnswers.Side] {
    let part = set.part(places)
    var results = try results(of: try cases(of: part), on: part.model, label: "compare") { item in
      Measurement(logits: .all([item.prompt.last])) {
        ComparedAnswers.Side(item.prompt, Distribution($0.logits[0]))
      }
    }
    var found: [ComparedAnswers.Side] = []
    while let (_, side) = try results.next() { found.append(side) }
    guard part.prompts.contains(where: \.hasLongAnswer) else { return found }
    let values = try answerValues(of: part, label: "compare")
    for (index, values) in values.enumerated() {
      found[index].answer = values ?? found[index].answer
    }
    return found
  }

  /// How the answers of each prompt fare, those of several tokens among them; nil where there is none.
  private func answerValues(of set: PromptSet, label: String) throws -> [AnswerValues?] {
    let measured = try MeasuredMetrics(set, Readings(lastOf: set)) {
      $0.answers.isEmpty ? [] : AnswerValues.metrics
    }
    var gatherer = measured.gatherer
    var found: [AnswerValues?] = []
    var results = try results(
      of: try cases(of: measured.completed.set), on: set.model, label: label
    ) { measured.measurement(of: $0) }
    while let (item, parts) = try results.next() {
      guard let runs = gatherer.add(item, parts) else { continue }
      for (_, metrics, parts) in measured.found(item, runs) {
        let values = metrics.values(parts)
        found.append(values.isEmpty ? nil : AnswerValues(values))
      }
    }
    return found
  }
}

extension PromptSet {
  /// Some of the prompts, as they are.
  func part(_ places: [Int]) -> PromptSet {
    PromptSet(prompts: places.map { prompts[$0] }, pool: pool)
  }
}

extension LanguageModel {
  /// Whether every id stands for the same to both, so that logits can be held side by side.
  func sharesTokens(with other: LanguageModel) -> Bool {
    let count = configuration.vocabulary
    guard self !== other else { return true }
    guard count == other.configuration.vocabulary else { return false }
    return (0..<count).allSatisfy { tokenizer.bytes(of: $0) == other.tokenizer.bytes(of: $0) }
  }
}

/// The rows of `compare` without `by`.
private struct ComparedAnswers {
  private let sharesTokens: Bool
  private var rows = TableBuilder()
  private let prompt: PromptColumns
  private let answer: TableBuilder.Key<String>
  private let (logitA, logitB): (TableBuilder.Key<Float>, TableBuilder.Key<Float>)
  private let difference: TableBuilder.Key<Double>
  private let (logprobA, logprobB): (TableBuilder.Key<Double>, TableBuilder.Key<Double>)
  private let (rankA, rankB): (TableBuilder.Key<Int>, TableBuilder.Key<Int>)
  private let divergence: TableBuilder.Key<Double>
  private let gap: TableBuilder.Key<Float>
  private let (topA, topB): (TableBuilder.Key<String>, TableBuilder.Key<String>)
  private let agree: TableBuilder.Key<Bool>

  init(_ set: PromptSet, sharesTokens: Bool) {
    self.sharesTokens = sharesTokens
    prompt = PromptColumns(set, in: &rows)
    answer = rows.texts("answer")
    (logitA, logitB) = (rows.singles("logit_a"), rows.singles("logit_b"))
    difference = rows.doubles("difference")
    (logprobA, logprobB) = (rows.doubles("logprob_a"), rows.doubles("logprob_b"))
    (rankA, rankB) = (rows.integers("rank_a"), rows.integers("rank_b"))
    divergence = rows.doubles("kl")
    gap = rows.singles("largest_gap")
    (topA, topB) = (rows.texts("top_a"), rows.texts("top_b"))
    agree = rows.booleans("agree")
  }

  /// What one model says.
  fileprivate struct Side {
    let distribution: Distribution
    var answer: AnswerValues?
    /// The likeliest token; nil where a logit is not finite.
    let top: String?
    let topBytes: [UInt8]?

    init(_ prompt: Prompt, _ distribution: Distribution) {
      self.distribution = distribution
      if !prompt.answers.isEmpty {
        let summary = LogitSummary(
          distribution.logits, LogitQuery(position: 0, tokens: prompt.answers.map(\.token)))
        let scores = summary.tokens.map { Score($0, of: summary) }
        answer = AnswerValues([Score.Kind.logit, .prob, .logprob, .rank].map { $0.ofSet(scores) })
      }
      let token = distribution.isFinite ? distribution.largest(1)[0] : nil
      top = token.map(prompt.model.tokenizer.text)
      topBytes = token.flatMap(prompt.model.tokenizer.bytes)
    }
  }

  fileprivate mutating func append(_ prompt: Prompt, _ a: Side, _ b: Side) {
    rows.addRow()
    self.prompt.set(prompt, in: &rows)
    rows[answer] = prompt.answerText
    (rows[logitA], rows[logitB]) = (a.answer?.logit, b.answer?.logit)
    if let a = a.answer?.logit, let b = b.answer?.logit { rows[difference] = Double(b) - Double(a) }
    (rows[logprobA], rows[logprobB]) = (a.answer?.logprob, b.answer?.logprob)
    (rows[rankA], rows[rankB]) = (a.answer?.rank, b.answer?.rank)
    if sharesTokens {
      rows[divergence] = a.distribution.divergence(from: b.distribution)
      rows[gap] = a.distribution.largestGap(from: b.distribution)
    }
    (rows[topA], rows[topB]) = (a.top, b.top)
    // Whether both hold the same token the likeliest; missing where one holds none.
    if a.top != nil, b.top != nil { rows[agree] = a.topBytes == b.topBytes }
  }

  var table: Table { rows.table(measure: sharesTokens ? "kl" : "difference") }
}

extension Distribution {
  /// NaN where a logit of either is not finite.
  fileprivate func largestGap(from other: Distribution) -> Float {
    guard isFinite, other.isFinite else { return .nan }
    return zip(logits, other.logits).reduce(0) { max($0, abs($1.0 - $1.1)) }
  }
}
