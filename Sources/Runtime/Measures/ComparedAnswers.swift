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
    try inTurns(a.prompts.count, of: count) { range in
      var ofA: [Distribution] = []
      try distributions(of: a, range) { ofA.append($1) }
      var ofB: [(Prompt, Distribution)] = []
      try distributions(of: b, range) { ofB.append(($0, $1)) }
      for (index, (prompt, distribution)) in zip(range, ofB) {
        try rows.append(a.prompts[index], ofA[index - range.lowerBound], prompt, distribution)
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

  /// Of some prompts of a set the model's next token.
  private func distributions(
    of set: PromptSet, _ range: Range<Int>, _ body: (Prompt, Distribution) -> Void
  ) throws {
    let part = set.part(range)
    try run(
      try cases(of: part), of: part, label: "compare",
      wants: { ([:], .all([$0.prompt.last])) },
      consume: { body($0.prompt, Distribution($1.logits[0])) })
  }
}

extension PromptSet {
  /// Some of the prompts, as they are.
  func part(_ range: Range<Int>) -> PromptSet {
    PromptSet(prompts: Array(prompts[range]), pool: pool)
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
  private var prompts: PromptColumn
  private var answers: [String?] = []
  private var (a, b) = (Side(), Side())
  private var (divergences, gaps): ([Double], [Float]) = ([], [])

  /// What one model says.
  private struct Side {
    var logits: [Float] = []
    var logprobs: [Double] = []
    var ranks: [Int?] = []
    var best: [String?] = []
    var bestBytes: [[UInt8]?] = []

    mutating func append(_ prompt: Prompt, _ distribution: Distribution) throws {
      let answer = prompt.answer?.token
      logits.append(answer.map(distribution.logit) ?? .nan)
      logprobs.append(answer.map(distribution.logProbability) ?? .nan)
      ranks.append(answer.flatMap(distribution.rank))
      let token = try distribution.isFinite ? distribution.largest(1)[0] : nil
      best.append(token.map(prompt.model.tokenizer.text))
      bestBytes.append(token.flatMap(prompt.model.tokenizer.bytes))
    }
  }

  init(_ set: PromptSet, sharesTokens: Bool) {
    self.sharesTokens = sharesTokens
    prompts = PromptColumn(set)
  }

  mutating func append(
    _ promptA: Prompt, _ distributionA: Distribution, _ promptB: Prompt,
    _ distributionB: Distribution
  ) throws {
    prompts.append(promptA)
    answers.append(promptA.answer?.text)
    try a.append(promptA, distributionA)
    try b.append(promptB, distributionB)
    let (ours, theirs) = (distributionA.logits, distributionB.logits)
    gaps.append(sharesTokens ? distributionA.largestGap(from: distributionB) : .nan)
    // Of a distribution from itself: exactly 0, whatever the rounding of its sum.
    divergences.append(
      !sharesTokens ? .nan : ours == theirs ? 0 : distributionA.divergence(from: distributionB))
  }

  /// Whether both hold the same token the likeliest; missing where one holds none.
  private var agreements: [Bool?] {
    a.best.indices.map { row -> Bool? in
      if a.best[row] == nil || b.best[row] == nil { return nil }
      return a.bestBytes[row] == b.bestBytes[row]
    }
  }

  var table: Table {
    Table(
      columns: prompts.columns + [
        Column("answer", .texts(answers)),
        Column("logit_a", .singles(a.logits)), Column("logit_b", .singles(b.logits)),
        Column("difference", .doubles(zip(a.logits, b.logits).map { Double($1) - Double($0) })),
        Column("logprob_a", .doubles(a.logprobs)), Column("logprob_b", .doubles(b.logprobs)),
        Column("rank_a", .integers(a.ranks)), Column("rank_b", .integers(b.ranks)),
        Column("kl", .doubles(divergences)), Column("largest_gap", .singles(gaps)),
        Column("top_a", .texts(a.best)), Column("top_b", .texts(b.best)),
        Column("agree", .booleans(agreements)),
      ], measure: sharesTokens ? "kl" : "difference")
  }
}

extension Distribution {
  /// NaN where a logit of either is not finite.
  fileprivate func largestGap(from other: Distribution) -> Float {
    guard isFinite, other.isFinite else { return .nan }
    return zip(logits, other.logits).reduce(0) { max($0, abs($1.0 - $1.1)) }
  }
}
