import Lang
import Model

/// A metric as a function of the logits of each prompt's own run.
struct DifferentiatedMetric {
  /// One number that is differentiated.
  struct Number {
    /// Where it is read; nil for one that is of several positions.
    var reading: Reading?
    var terms: [LogitTerm]
  }

  let metric: ChosenMetric
  let readings: Readings
  /// The prompts as they are run: followed by what is fed of an answer of several tokens.
  let set: PromptSet
  /// Of each prompt of the set.
  private let numbers: [[Number]]

  /// - Parameter isReadAt: whether `at` says where the metric is read.
  /// - Throws: `Failure` for a metric that has no derivative, and answers of several tokens that need
  ///   several runs.
  init(_ call: Invocation, of set: PromptSet, isReadAt: Bool) throws {
    let span = call.has("of") ? call.span(of: "of") : call.span
    let metric =
      try call.metric("of", Metric.self) { ChosenMetric($0) } ?? ChosenMetric.usual(for: set)
    self.metric = metric
    // From what an edited prompt was without its edits it has a slope.
    let isDivergence = metric.known == .kl && !isReadAt && !set.edits.isEmpty
    if !isDivergence { try placing(at: span) { try metric.expression.checkSlopes() } }
    let readings = try Readings(call, of: set, asking: metric.question, isReadAt: isReadAt)
    self.readings = readings
    if isDivergence {
      self.set = set
      numbers = try Self.divergences(call, of: set, readings)
      return
    }
    (self.set, numbers) = try placing(at: span) {
      let measured = try MeasuredMetrics(set, readings) { _ in [metric] }
      let numbers = try set.prompts.enumerated().map { index, prompt in
        let found = measured.metrics(ofPrompt: index)
        for (_, metrics) in found { try metric.checkAnswer(metrics, of: prompt) }
        return Self.numbers(found, areOne: metric.isMean(at: readings))
      }
      return (measured.completed.set, numbers)
    }
  }

  /// - Parameter areOne: whether it is their mean that is asked for.
  private static func numbers(
    _ found: [(reading: Reading, metrics: PromptMetrics)], areOne: Bool
  ) -> [Number] {
    guard areOne else {
      return found.map { Number(reading: $0, terms: $1.terms(at: $0.position)) }
    }
    let terms = found.flatMap { $1.terms(at: $0.position, times: 1 / Double(found.count)) }
    return terms.isEmpty ? [] : [Number(reading: nil, terms: terms)]
  }

  /// KL(base ‖ edited): the base is the prompt without any edit.
  private static func divergences(
    _ call: Invocation, of set: PromptSet, _ readings: Readings
  ) throws -> [[Number]] {
    let floats = set.measuredIndices.count.multipliedReportingOverflow(
      by: set.model.configuration.vocabulary)
    try call.session.reserve(
      floats.overflow ? .max : floats.partialValue.multipliedReportingOverflow(by: 4).partialValue,
      for: "what \(set.measuredIndices.count) runs predict", help: "take fewer prompts")
    let base = set.unedited.divided(as: set)
    var numbers = [[Number]](repeating: [], count: set.prompts.count)
    var results = try call.session.results(
      of: try call.session.cases(of: base), on: set.model, label: "base"
    ) { item in
      Measurement(logits: .all(readings[item].map(\.position))) { $0.logits }
    }
    while let (item, rows) = try results.next() {
      numbers[item.index] = zip(readings[item], rows).map { reading, logits in
        let summary = LogitSummary(logits, LogitQuery(position: reading.position))
        let shares = logits.map { Float(summary.probability(ofLogit: $0)) }
        return Number(
          reading: reading,
          terms: [LogitTerm(position: reading.position, .divergence(from: shares))])
      }
    }
    return numbers
  }

  subscript(ofPrompt index: Int) -> [Number] { numbers[index] }
}

extension ChosenMetric {
  /// What a set is measured by where the line does not say.
  static func usual(for set: PromptSet) -> ChosenMetric {
    if set.prompts.contains(where: \.hasLongAnswer) { return ChosenMetric(.logprob) }
    return ChosenMetric(set.prompts.allSatisfy { !$0.foils.isEmpty } ? .logitDiff : .logit)
  }

  /// What an answer of several tokens takes is one run if it is the only one, and its logits add up.
  fileprivate func checkAnswer(_ metrics: PromptMetrics, of prompt: Prompt) throws {
    guard metrics.completions.contains(where: { $0.count > 1 }) else { return }
    guard metrics.completions.count == 1, known == .logit || known == .logprob else {
      throw Failure(
        "'\(excerpt(prompt.name))' has answers of several tokens: only the logit or logprob of one "
          + "answer has a derivative",
        help:
          "write `of logprob` and give one answer; or take first tokens: omit `whole`, or write "
          + "`first`")
    }
  }

  /// Whether it is one number of all positions: the loss of a whole text.
  func isMean(at readings: Readings) -> Bool { known == .loss && readings.kind == nil }
}

/// Counts the runs with derivatives that are infinite or NaN.
struct MissingDerivatives {
  private var missing = 0
  private var all = 0

  mutating func add(_ result: GradientResult) {
    all += 1
    if result.edges.contains(where: { !$0.isFinite })
      || result.gradients.values.contains(where: {
        $0.rows.contains { $0.contains { !$0.isFinite } }
      })
    {
      missing += 1
    }
  }

  /// Warns once of them.
  func warn(_ call: Invocation, _ metric: ChosenMetric) {
    guard missing > 0 else { return }
    call.warn(
      "`\(excerpt(metric.name))` has derivatives that are infinite or NaN in \(missing) of "
        + "\(all) runs: they are missing",
      help: "it divides by zero there, or takes a root or a logarithm of 0 or less; or the model's "
        + "own numbers are none: `verify` checks it")
  }
}
