import Lang
import Model

extension Command {
  static let tokens = Command(
    name: "tokens", group: .measures,
    summary: "List the tokens of prompts, as the model reads them.",
    input: .prompts, examples: ["colosseum | tokens"]
  ) { call in
    let set = try call.promptInput()
    var columns = PromptColumn(set)
    var (positions, ids): ([Int], [Int]) = ([], [])
    var (texts, spans): ([String], [String?]) = ([], [])
    try set.prompts.forEachChecked { prompt in
      for position in prompt.tokens.indices {
        columns.append(prompt)
        positions.append(position)
        ids.append(prompt.tokens[position])
        texts.append(prompt.tokenText(position))
        spans.append(prompt.label(of: position))
      }
    }
    return .table(
      TableValue(
        Table(
          columns: columns.columns + [
            Column("position", .integers(positions)), Column("token_id", .integers(ids)),
            Column("token", .texts(texts)), Column("span", .texts(spans)),
          ]), origins: [set.origin]))
  }

  static let logits = Command(
    name: "logits", group: .measures,
    summary: "Rank the whole vocabulary as the model's next token.", input: .prompts,
    examples: ["colosseum | ablate L17H2 | logits | top 5"]
  ) { try distribution($0, measure: "logit") }

  static let probs = Command(
    name: "probs", group: .measures,
    summary: "Rank the whole vocabulary by probability as the next token.", input: .prompts,
    examples: ["colosseum | probs | top 3"]
  ) { try distribution($0, measure: "prob") }

  private static func distribution(_ call: Invocation, measure: String) throws -> Value {
    let set = try call.promptInput()
    let cases = try call.session.cases(of: set)
    let count = min(call.rowsWanted ?? .max, set.model.configuration.vocabulary)
    try call.reserve(
      rows: cases.count, count, bytes: DistributionRows.bytesPerRow,
      help: "`\(call.command.name) | top 10` keeps the best tokens alone")
    var rows = DistributionRows(set, count: cases.count * count)
    try call.session.run(
      cases, of: set, label: call.command.name, mayStop: true,
      wants: { ([:], .all([$0.prompt.last])) },
      consume: { item, result in
        // `top N` after several prompts ranks them all together: N of each are enough.
        try rows.append(item, Distribution(result.logits[0]), most: call.rowsWanted)
      })
    return .table(TableValue(rows.table(measure: measure), origins: [set.origin]))
  }

  static let rank = Command(
    name: "rank", group: .measures,
    summary: "Say how the answer fares: its logit, probability and rank.", input: .prompts,
    examples: ["colosseum | rank"]
  ) { try answers($0, measure: "rank") }

  static let logitDiff = Command(
    name: "logit_diff", group: .measures,
    summary: "Hold the answer against its foils: its logit less the mean of theirs.",
    input: .prompts, examples: ["colosseum | logit_diff"]
  ) { call in
    let set = try call.promptInput()
    if let bare = set.prompts.first(where: \.foils.isEmpty) {
      throw call.failure(
        "`logit_diff` needs foils, and '\(bare.name)' has none",
        help: "give some: prompt \"…\" -> \" answer\" vs \" foil\"")
    }
    return try answers(call, measure: "logit_diff")
  }

  private static func answers(_ call: Invocation, measure: String) throws -> Value {
    let set = try call.promptInput()
    _ = try placing(at: call.span) { try set.answers(for: call.command.name) }
    let cases = try call.session.cases(of: set)
    var columns = CaseColumns(set)
    var answers: [String] = []
    var logits: [Float] = []
    var (probs, logprobs, differences): ([Double], [Double], [Double]) = ([], [], [])
    var ranks: [Int?] = []
    try call.session.run(
      cases, of: set, label: call.command.name, mayStop: true,
      wants: { ([:], .all([$0.prompt.last])) },
      consume: { item, result in
        guard let answer = item.prompt.answer else { return }
        let distribution = Distribution(result.logits[0])
        columns.append(item)
        answers.append(answer.text)
        logits.append(distribution.logit(answer.token))
        probs.append(distribution.probability(answer.token))
        logprobs.append(distribution.logProbability(answer.token))
        ranks.append(distribution.rank(answer.token))
        let foils = item.prompt.foils.map { Double(distribution.logit($0.token)) }
        differences.append(
          foils.isEmpty
            ? .nan
            : Double(distribution.logit(answer.token))
              - foils.reduce(0, +) / Double(foils.count))
      })
    return .table(
      TableValue(
        Table(
          columns: columns.columns + [
            Column("answer", .texts(answers)), Column("logit", .singles(logits)),
            Column("prob", .doubles(probs)), Column("logprob", .doubles(logprobs)),
            Column("rank", .integers(ranks)), Column("logit_diff", .doubles(differences)),
          ], measure: measure), origins: [set.origin]))
  }
}

/// The columns that say which prompt a row is of: `prompt` where there are several, and `relation`
/// where they are facts that have one.
struct PromptColumn {
  private let isShown: Bool
  private let hasRelation: Bool
  private var names: [String?] = []
  private var relations: [String?] = []

  init(_ set: PromptSet) {
    isShown = set.prompts.count > 1
    hasRelation = set.prompts.contains { $0.fact?.relation != nil }
  }

  mutating func append(_ prompt: Prompt) {
    if isShown { names.append(prompt.name) }
    if hasRelation { relations.append(prompt.fact?.relation) }
  }

  var columns: [Column] {
    (isShown ? [Column("prompt", .texts(names))] : [])
      + (hasRelation ? [Column("relation", .texts(relations))] : [])
  }
}

/// Rows of rank, token_id, token, logit, prob, logprob.
struct DistributionRows {
  private var columns: CaseColumns
  private var (ranks, ids): ([Int?], [Int?]) = ([], [])
  private var tokens: [String?] = []
  private var logits: [Float] = []
  private var (probs, logprobs): ([Double], [Double]) = ([], [])

  /// Of a table of several prompts with a sweep: integers and texts take 16 each.
  static let bytesPerRow = 9 * 16 + 4 + 2 * 8

  /// - Parameter count: how many rows there will be.
  init(_ set: PromptSet, count: Int) {
    columns = CaseColumns(set)
    // An array that grows is there twice for a while.
    ranks.reserveCapacity(count)
    ids.reserveCapacity(count)
    tokens.reserveCapacity(count)
    logits.reserveCapacity(count)
    probs.reserveCapacity(count)
    logprobs.reserveCapacity(count)
  }

  /// Largest first; equal logits in the order of their ids, under the same rank. Logits that are not
  /// finite are missing and last, and no token has a rank then.
  mutating func append(_ item: Case, _ distribution: Distribution, most: Int?) throws {
    let values = distribution.logits
    let order = try distribution.largest(most ?? values.count)
    var rank = 0
    try order.enumerated().forEachChecked { i, token in
      if i == 0 || values[token] != values[order[i - 1]] { rank = i + 1 }
      columns.append(item)
      ranks.append(distribution.isFinite ? rank : nil)
      ids.append(token)
      tokens.append(item.prompt.model.tokenizer.text(of: token))
      logits.append(distribution.logit(token))
      probs.append(distribution.probability(token))
      logprobs.append(distribution.logProbability(token))
    }
  }

  func table(measure: String) -> Table {
    Table(
      columns: columns.columns + [
        Column("rank", .integers(ranks)), Column("token_id", .integers(ids)),
        Column("token", .texts(tokens)), Column("logit", .singles(logits)),
        Column("prob", .doubles(probs)), Column("logprob", .doubles(logprobs)),
      ], measure: measure)
  }
}

extension Distribution {
  /// The tokens with the largest logits, largest first; of equal ones the smaller id first. Those whose
  /// logits are not finite come last.
  func largest(_ count: Int) throws -> [Int] {
    let values = isFinite ? logits : logits.map { $0.isFinite ? $0 : -.infinity }
    // To sort a vocabulary for the few that are looked at takes longer than to compute it.
    guard count < values.count / 16 else {
      let order = try values.indices.sortedChecked {
        values[$0] != values[$1] ? values[$0] > values[$1] : $0 < $1
      }
      return Array(order.prefix(count))
    }
    var best: [Int] = []
    try values.indices.forEachChecked { token in
      if best.count == count, let last = best.last, values[token] <= values[last] { return }
      let place = best.firstIndex { values[$0] < values[token] } ?? best.count
      best.insert(token, at: place)
      if best.count > count { best.removeLast() }
    }
    return best
  }
}
