import Lang
import Model

extension Command {
  static let describe = Command(
    name: "describe", group: .weights,
    summary: "Score heads by what their weights do, and by where they look on repeated tokens.",
    details: """
      `describe heads` is one row for each head. Attention scores are means over sequences of random tokens \
      that are repeated once, after BOS where the model has one; the same `seed` gives the same tokens.
      """,
    input: .none,
    parameters: [
      .heads,
      .keyword("tokens", .number, "how many tokens are repeated; default: 50"),
      .keyword("sequences", .number, "how many sequences; default: 4"),
      .keyword("seed", .number, "the seed of the tokens; default: 0"),
    ],
    examples: ["describe L{20,23}H* | sort -copying | take 3"]
  ) { call in
    let selection = try HeadSelection(call)
    let sequences = try repeatedTokens(call, selection.model)
    var repetition: [[RepetitionScores]] = []
    let transformer = selection.model.transformer
    let requests = sequences.map { $0.request(of: selection.model.configuration) }
    var runs = try call.statement.runner.runs(
      of: requests, on: selection.model, label: "describe",
      share: RunShare(count: requests.count, of: requests.count), in: call.session)
    let reader = try call.statement.runner.compute { try RepetitionReader(transformer) }
    while let (index, result) = try runs.next() {
      let found = try call.statement.runner.compute { () throws -> [[RepetitionScores]]? in
        try reader?.scores(of: sequences[index], result)
      }
      if let found = found ?? nil { repetition.add(found, share: 1 / Double(sequences.count)) }
    }
    let scores = try call.statement.runner.compute { () throws -> [Int: [HeadWeightScores]] in
      let numbers = selection.layers.map(\.layer)
      let found = try transformer.headScores(
        layers: numbers, transformer.vocabularyProduct())
      return Dictionary(uniqueKeysWithValues: zip(numbers, found))
    }
    var table = DescriptionRows()
    for head in selection.heads {
      table.add(
        head, repetition.isEmpty ? nil : repetition[head.layer][head.head],
        scores?[head.layer]?[head.head])
    }
    return .table(TableValue(table.table.table(), origins: [selection.origin]))
  }

  private static func repeatedTokens(_ call: Invocation, _ model: LanguageModel) throws
    -> [RepeatedTokens]
  {
    let count = try call.integer("tokens") ?? 50
    let sequences = try call.integer("sequences") ?? 4
    let seed = try call.seed()
    let start = model.tokenizer.bos.map { [$0] } ?? []
    let limit = (model.configuration.context - start.count) / 2
    guard (2...max(2, min(limit, 10_000))).contains(count) else {
      throw Failure(
        "`tokens` is from 2 to \(min(limit, 10_000)), not \(count)", span: call.span(of: "tokens"))
    }
    guard (1...1000).contains(sequences) else {
      throw Failure(
        "`sequences` is from 1 to 1,000, not \(sequences)", span: call.span(of: "sequences"))
    }
    let ordinary = (0..<model.configuration.vocabulary).filter { id in
      !model.tokenizer.isSpecial(id) && (try? model.require(token: id)) != nil
    }
    guard ordinary.count >= count else {
      throw call.failure(
        "this model has \(ordinary.count) tokens to draw from, and \(count) are drawn")
    }
    return (0..<sequences).map { number in
      var generator = SplitMix64(seed: seed, stream: number)
      var drawn: [Int] = []
      var seen: Set<Int> = []
      // Each at most once, so that only the repetition tells what follows.
      while drawn.count < count {
        let token = ordinary[generator.index(below: ordinary.count)]
        if seen.insert(token).inserted { drawn.append(token) }
      }
      return RepeatedTokens(start: start, drawn)
    }
  }
}

extension [[RepetitionScores]] {
  /// Adds a share of other scores.
  fileprivate mutating func add(_ other: [[RepetitionScores]], share: Double) {
    if isEmpty { self = other.map { $0.map { _ in RepetitionScores() } } }
    for (l, heads) in other.enumerated() {
      for (h, scores) in heads.enumerated() {
        self[l][h].previousToken += share * scores.previousToken
        self[l][h].duplicateToken += share * scores.duplicateToken
        self[l][h].prefixMatching += share * scores.prefixMatching
        self[l][h].induction += share * scores.induction
      }
    }
  }
}

/// The rows of `describe`.
private struct DescriptionRows {
  var table = TableBuilder()
  private let columns: HeadColumns
  private let (previous, duplicate, prefix, induction): (Number, Number, Number, Number)
  private let (copying, ov, ovNorm, qkNorm): (Number, Number, Number, Number)

  private typealias Number = TableBuilder.Key<Double>

  init() {
    columns = HeadColumns(in: &table)
    (previous, duplicate) = (table.doubles("previous_token"), table.doubles("duplicate_token"))
    (prefix, induction) = (table.doubles("prefix_matching"), table.doubles("induction"))
    (copying, ov) = (table.doubles("copying"), table.doubles("ov_positivity"))
    (ovNorm, qkNorm) = (table.doubles("ov_norm"), table.doubles("qk_norm"))
  }

  mutating func add(
    _ head: HeadSelection.Head, _ repetition: RepetitionScores?, _ scores: HeadWeightScores?
  ) {
    table.addRow()
    columns.set(head, in: &table)
    (table[previous], table[duplicate]) = (repetition?.previousToken, repetition?.duplicateToken)
    (table[prefix], table[induction]) = (repetition?.prefixMatching, repetition?.induction)
    (table[copying], table[ov]) = (scores?.copying, scores?.ovPositivity)
    (table[ovNorm], table[qkNorm]) = (scores?.ovNorm, scores?.qkNorm)
  }
}
