import Lang
import Model

/// Metrics of the prompts of a set, wherever each is read: what the runs must give, and what comes of
/// them.
struct MeasuredMetrics {
  let readings: Readings
  /// The prompts as they are run.
  let completed: CompletedSet
  /// Of each prompt of the set, for each of its readings.
  private let metrics: [[PromptMetrics]]
  /// Of each prompt that is run.
  private let shares: [SharedLogits]

  /// - Parameters:
  ///   - readings: of `set`.
  ///   - chosen: the metrics of a prompt as it is read.
  /// - Throws: `Failure` where a prompt lacks what a metric needs.
  init(
    _ set: PromptSet, _ readings: Readings, _ chosen: (Prompt) -> [ChosenMetric]
  ) throws {
    self.readings = readings
    var named: [MetricExpression.Tokens: Int] = [:]
    func resolved(_ prompt: Prompt) throws -> PromptMetrics {
      let chosen = chosen(prompt)
      for metric in chosen { try metric.expression.addNamed(to: &named, of: set.model) }
      return try PromptMetrics(chosen, of: prompt, named: named)
    }
    metrics = try set.prompts.enumerated().mapChecked { index, prompt in
      let places = readings[ofPrompt: index]
      // Each position has an answer of its own only where the text itself is asked for.
      if prompt.asksForNext || readings.isOfText {
        return try places.map { try resolved($0.prompt) }
      }
      guard !places.isEmpty else { return [] }
      let metrics = try resolved(prompt)
      return places.map { _ in metrics }
    }
    let inputs = metrics.map { $0.first?.inputs ?? [[]] }
    if readings.kind != nil,
      let long = zip(set.prompts, inputs).first(where: { $0.1 != [[]] })?.0
    {
      throw Failure(
        "`at` reads one token at each position, and '\(long.name)' has an answer of several",
        help: "omit `at`: such an answer is read where its tokens are predicted",
        span: readings.span)
    }
    let completed = try CompletedSet(set, inputs: inputs)
    self.completed = completed
    shares = completed.inputs.indices.map { [metrics] index in
      let owner = completed.owner(ofPrompt: index)
      return SharedLogits(
        zip(readings[ofPrompt: owner], metrics[owner]).map { reading, metrics in
          SharedLogits.Share(
            metrics: metrics, input: completed.inputs[index], position: reading.position)
        })
    }
  }

  func measurement(of item: Case) -> Measurement<[PromptMetrics.Part]> {
    let shares = shares[item.index]
    return Measurement(logits: shares.logits, read: shares.parts)
  }

  /// The same of a case that other runs are compared with than those that vary it.
  func comparedMeasurement(of item: Case) -> Measurement<[PromptMetrics.Part]> {
    let shares = shares[item.index].keepingVocabularies
    return Measurement(logits: shares.logits, read: shares.parts)
  }

  /// What is asked of a case's run, of metrics that read more than a few logits.
  func queries(of item: Case) -> [LogitQuery] {
    guard case .summaries(let queries) = shares[item.index].logits else { return [] }
    return queries
  }

  /// What the queries found, for each reading.
  func parts(of item: Case, _ summaries: [LogitSummary]) -> [PromptMetrics.Part] {
    shares[item.index].parts(of: summaries)
  }

  var gatherer: CompletedSet.Gatherer<[PromptMetrics.Part]> { CompletedSet.Gatherer(completed) }

  /// Where the prompt of a case is read, with the metrics there and what its runs gave of them.
  func found(_ item: Case, _ runs: [[PromptMetrics.Part]]) -> [(
    reading: Reading, metrics: PromptMetrics, parts: [PromptMetrics.Part]
  )] {
    let owner = completed.owner(of: item)
    return zip(readings[ofPrompt: owner], metrics[owner]).enumerated().map { i, pair in
      (pair.0, pair.1, runs.map { $0[i] })
    }
  }

  /// Where a prompt of the set is read, with the metrics there.
  func metrics(ofPrompt index: Int) -> [(reading: Reading, metrics: PromptMetrics)] {
    zip(readings[ofPrompt: index], metrics[index]).map { ($0, $1) }
  }

  /// What a donor is asked for each prompt that it is taken for.
  ///
  /// - Parameters:
  ///   - index: of the prompt that is run.
  ///   - positions: where the donor is read.
  func shares(ofPrompt index: Int, at positions: [Int]) -> [SharedLogits.Share] {
    zip(metrics[completed.owner(ofPrompt: index)], positions).map { metrics, position in
      SharedLogits.Share(metrics: metrics, input: completed.inputs[index], position: position)
    }
  }
}

/// What several readings ask of one run, each its share of what the run gives.
struct SharedLogits {
  struct Share {
    var metrics: PromptMetrics
    /// What is fed after the prompt.
    var input: [Int]
    var position: Int

    fileprivate var positions: [Int] { (0...input.count).map { position + $0 } }
  }

  private let all: [Share]
  let logits: RunRequest.Logits
  /// Where whole vocabularies are asked for: the place of each position.
  private var places: [Int: Int] = [:]

  init(_ shares: [Share]) { self.init(shares, keepsVocabularies: false) }

  private init(_ shares: [Share], keepsVocabularies: Bool) {
    all = shares
    if keepsVocabularies {
      var positions: [Int] = []
      for position in shares.flatMap(\.positions) where places[position] == nil {
        places[position] = positions.count
        positions.append(position)
      }
      logits = .all(positions)
    } else if shares.allSatisfy({ $0.metrics.needsLogitsAlone(after: $0.input) }) {
      logits = .chosen(
        shares.map { .init(tokens: $0.metrics.lasts(after: $0.input), position: $0.position) })
    } else {
      logits = .summaries(
        shares.flatMap { $0.metrics.queries(after: $0.input, at: $0.position) })
    }
  }

  /// The same, with the vocabularies kept where distributions are compared: for runs that do not vary each
  /// other.
  var keepingVocabularies: SharedLogits {
    all.contains(where: \.metrics.comparesDistributions)
      ? SharedLogits(all, keepsVocabularies: true) : self
  }

  func parts(of run: RunResult) -> [PromptMetrics.Part] {
    switch logits {
    case .none: return []
    case .all:
      return all.map { share in
        share.metrics.read(
          vocabularies: share.positions.compactMap { places[$0].map { run.logits[$0] } },
          after: share.input)
      }
    case .chosen:
      return zip(all, run.logits).map { $0.metrics.read($1, after: $0.input) }
    case .summaries: return parts(of: run.summaries)
    }
  }

  fileprivate func parts(of summaries: [LogitSummary]) -> [PromptMetrics.Part] {
    var left = summaries[...]
    return all.map { share in
      defer { left = left.dropFirst(share.input.count + 1) }
      return share.metrics.read(left.prefix(share.input.count + 1), after: share.input)
    }
  }
}
