import Lang
import Model

/// What is attributed: a target for each column, of every prompt.
struct AttributionGoal {
  let columns: [String]
  /// What it is called in the check.
  let name: String

  private let kinds: [Kind]
  private let isCentred: Bool

  /// A column's target; which tokens it has may depend on the prompt.
  private enum Kind {
    case answer
    /// The answer less the mean of its foils.
    case difference
    /// A metric of one's own, with the tokens that it names.
    case metric(ChosenMetric, named: [MetricExpression.Tokens: Int])
    case token(Int)
    case mean([Int])
    /// The mean over R without the answer, or over S.
    case attributes(KeyPath<Fact, Fact.Attributes> & Sendable)
    /// The mean over as many tokens that have nothing to do with any R or S.
    case controls(KeyPath<Fact, Fact.Attributes> & Sendable, ControlTokens)
  }

  /// A target of one prompt, and how its direction is made.
  struct Target {
    var target: LogitTarget
    /// Weighed, these sum to the target, and other prompts have some of them too. Empty: nothing is
    /// shared.
    var parts: [(weight: Double, target: LogitTarget)] = []
  }

  /// - Parameter tokens: what is attributed in the place of the answer.
  init(_ call: Invocation, _ set: PromptSet, tokens: AttributedTokens = AttributedTokens()) throws {
    isCentred = call.hasFlag("centred")
    let metric = try call.metric("of", AttributedLogit.self) { ChosenMetric($0.metric) }
    name =
      (isCentred ? "centred " : "") + (metric?.name ?? "logit")
      + (set.model.configuration.logitCap == nil ? "" : " before its soft cap")
    let wanted = tokens.wanted
    if wanted.isEmpty {
      columns = ["dla"]
      kinds = [try Self.kind(of: metric, set, call)]
    } else {
      if call.has("of") { throw call.failure("`on` and `of` do not go together") }
      if tokens.isMean {
        columns = ["dla"]
        kinds = [.mean(try tokens.ids(call))]
      } else {
        columns = wanted.map { $0.name(isAlone: wanted.count == 1) }
        let controls = wanted.contains(where: \.isControl) ? ControlTokens(set) : nil
        kinds = wanted.compactMap { Self.kind(of: $0, controls) }
      }
    }
    try check(set, call)
  }

  private static func kind(of metric: ChosenMetric?, _ set: PromptSet, _ call: Invocation) throws
    -> Kind
  {
    guard let metric else { return .answer }
    switch metric.known {
    case .logit: return .answer
    case .logitDiff: return .difference
    default:
      // What is wrong with it is said now, and of every prompt.
      return try placing(at: call.span(of: "of")) {
        var named: [MetricExpression.Tokens: Int] = [:]
        try metric.expression.addNamed(to: &named, of: set.model)
        try set.prompts.forEachChecked { prompt in
          _ = try PromptMetrics([metric], of: prompt, named: named).logitWeights()
        }
        return .metric(metric, named: named)
      }
    }
  }

  /// - Parameter controls: not nil for a control.
  private static func kind(
    of wanted: AttributedTokens.Wanted, _ controls: ControlTokens?
  ) -> Kind? {
    switch wanted {
    case .word(.answer): .answer
    case .word(.ofRelation): .attributes(\.ofRelation)
    case .word(.ofSubject): .attributes(\.ofSubject)
    case .word(.likeRelation): controls.map { .controls(\.ofRelation, $0) }
    case .word(.likeSubject): controls.map { .controls(\.ofSubject, $0) }
    case .token(let token): .token(token.token)
    }
  }

  /// What each column is of, for the token after the last of the prompt, or after what is fed of an
  /// answer; nil where it has nothing there.
  func targets(of prompt: Prompt) -> [Target?] {
    kinds.map { kind in
      switch kind {
      case .answer, .difference, .metric: target(kind, prompt)
      case .token, .mean, .attributes, .controls:
        prompt.completion ?? 0 == 0 ? target(kind, prompt) : nil
      }
    }
  }

  /// What is fed of the answers for every token that is attributed, a run each; `[[]]` where all are one
  /// token.
  func inputs(of prompt: Prompt) -> [[Int]] {
    var inputs: [[Int]] = []
    for kind in kinds {
      for (completion, _) in weights(kind, prompt) ?? [([0], 1)] {
        for length in completion.indices {
          let input = Array(completion.prefix(length))
          if !inputs.contains(input) { inputs.append(input) }
        }
      }
    }
    // Without an answer of its own, as of `-> next`, a prompt is run as it is.
    return inputs.isEmpty ? [[]] : inputs
  }

  /// What the logits of the prompt's answers and foils are multiplied by; nil for a kind that is not of
  /// these.
  private func weights(_ kind: Kind, _ prompt: Prompt) -> [(tokens: [Int], weight: Float)]? {
    func mean(_ answers: [Answer], _ sign: Float) -> [(tokens: [Int], weight: Float)] {
      answers.map { ($0.tokens, sign / Float(answers.count)) }
    }
    switch kind {
    case .answer: return mean(prompt.answers, 1)
    case .difference: return mean(prompt.answers, 1) + mean(prompt.foils, -1)
    case .metric(let metric, let named):
      return try? PromptMetrics([metric], of: prompt, named: named).logitWeights()
    case .token, .mean, .attributes, .controls: return nil
    }
  }

  private func target(_ kind: Kind, _ prompt: Prompt) -> Target? {
    switch kind {
    case .answer, .difference, .metric:
      let fed = prompt.tokens.suffix(prompt.completion ?? 0)
      var coefficients: [Int: Float] = [:]
      for (tokens, weight) in weights(kind, prompt) ?? []
      where tokens.count > fed.count && tokens.starts(with: fed) {
        coefficients[tokens[fed.count], default: 0] += weight
      }
      return coefficients.isEmpty ? nil : Target(target: centred(LogitTarget(coefficients)))
    case .token(let token): return Target(target: centred(.token(token)))
    case .mean(let tokens): return Target(target: centred(.mean(tokens)))
    case .attributes(let path):
      guard let set = prompt.fact?[keyPath: path] else { return nil }
      let others = set.others
      guard !others.isEmpty else { return nil }
      var target = Target(target: centred(.mean(others)))
      if !set.right.isEmpty {
        let count = Double(others.count)
        target.parts =
          [(Double(set.whole.count) / count, centred(.mean(set.whole)))]
          + set.right.map { (-1 / count, centred(.token($0))) }
      }
      return target
    case .controls(let path, let controls):
      let tokens = controls.tokens(for: prompt.fact?[keyPath: path].whole ?? [])
      return tokens.isEmpty ? nil : Target(target: centred(.mean(tokens)))
    }
  }

  private func centred(_ target: LogitTarget) -> LogitTarget {
    LogitTarget(target.coefficients, isCentred: isCentred)
  }

  // MARK: What the run must give

  func logits(at readings: [Reading]) -> RunRequest.Logits {
    isCentred
      ? .summaries(
        readings.map {
          LogitQuery(
            position: $0.position, tokens: tokens(of: $0.prompt), ranksTokens: false,
            takesMean: true)
        })
      : .chosen(
        readings.map { .init(tokens: tokens(of: $0.prompt), position: $0.position) })
  }

  /// What the run found of what was asked for the i-th reading.
  func logits(_ i: Int, of run: RunResult) -> GoalLogits {
    guard isCentred else { return GoalLogits(tokens: run.logits[i]) }
    return GoalLogits(tokens: run.summaries[i].tokens.map(\.logit), mean: run.summaries[i].mean)
  }

  /// Whether the prompt's own answer is among what is attributed.
  var needsAnswer: Bool {
    kinds.contains {
      switch $0 {
      case .answer, .difference: true
      case .metric(let metric, _): metric.expression.needsAnswers
      case .token, .mean, .attributes, .controls: false
      }
    }
  }

  /// Of all columns, each token once.
  private func tokens(of prompt: Prompt) -> [Int] {
    var seen: Set<Int> = []
    return targets(of: prompt).compactMap(\.self).flatMap(\.target.tokens)
      .filter { seen.insert($0).inserted }
  }

  /// A target's value as the model computed it.
  func value(of target: Target, in prompt: Prompt, _ logits: GoalLogits) -> Double {
    let target = target.target
    let known = Dictionary(uniqueKeysWithValues: zip(tokens(of: prompt), logits.tokens))
    let value = target.value(of: target.tokens.map { known[$0] ?? .nan })
    guard let mean = logits.mean else { return value }
    let weight = target.coefficients.sorted { $0.key < $1.key }.reduce(0.0) {
      $0 + Double($1.value)
    }
    return value - weight * mean
  }

  // MARK: Whether the prompts have it

  private func check(_ set: PromptSet, _ call: Invocation) throws {
    for (kind, column) in zip(kinds, columns) {
      switch kind {
      case .token, .mean, .metric: break
      case .answer:
        try placing(at: call.span) { try set.checkAnswersOrNext(for: call.command.name) }
      case .difference:
        try placing(at: call.span) { try set.checkAnswersOrNext(for: call.command.name) }
        if let bare = set.prompts.first(where: \.foils.isEmpty) {
          throw call.failure("logit_diff needs foils, and '\(bare.name)' has none")
        }
      case .attributes(let path), .controls(let path, _):
        try checkAttributes(
          kind, named: String(column.dropFirst("dla_".count)),
          of: path == \.ofRelation ? "relation" : "subject", set, call)
      }
    }
  }

  /// A set without attributes is a mistake; some prompts without them are a gap in the table.
  private func checkAttributes(
    _ kind: Kind, named name: String, of what: String, _ set: PromptSet, _ call: Invocation
  ) throws {
    let without = set.prompts.filter { target(kind, $0) == nil }
    guard let first = without.first else { return }
    guard without.count < set.prompts.count else {
      if case .controls(let path, _) = kind,
        set.prompts.contains(where: { $0.fact?[keyPath: path].whole.isEmpty == false })
      {
        throw call.failure(
          "`on \(name)` needs words that are not attributes, and this vocabulary has none")
      }
      throw call.failure(
        "`on \(name)` needs the attributes of the \(what), and "
          + (set.prompts.count == 1 ? "'\(first.name)' has none" : "these prompts have none"),
        help:
          "they come with a folder of facts, read by the model in use: facts \"Examples/facts\" …")
    }
    call.warn(
      "\(without.count) of \(set.prompts.count) prompts have no \(name), and no value there: "
        + "'\(first.name)'" + (without.count > 1 ? ", and \(without.count - 1) more" : ""))
  }
}

/// What a run gives of the logits at one reading.
struct GoalLogits {
  /// Of the tokens that are attributed.
  var tokens: [Float]
  /// Of the whole vocabulary, where the targets are centred.
  var mean: Double?
}
