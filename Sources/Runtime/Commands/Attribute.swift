import Lang
import Model

extension Command {
  static let dla = Command(
    name: "dla", group: .measures,
    summary: "Attribute the answer's logit to components, heads and source tokens.",
    details: """
      Direct logit attribution, the final norm frozen at its own run's scale: the parts sum to the \
      logit, and the check is stated. By component (the default), layer, head, source (a head and a \
      source position), head, span (a head and a labelled span, `bos`, `other`), or span (all heads \
      together). `on` takes other tokens than the answer, one column more for each, or their `mean`. \
      `of logit_diff` takes the answer less the mean of its foils; `centred` measures from the mean \
      over the vocabulary. In models that have biases on values, or norms with biases, what these give \
      whatever a head reads has a row of its own, `L3.attn.bias`; `unfolded` leaves it in the heads. \
      Where logits have a soft cap, what is attributed is the logit before it.
      """,
    input: .prompts,
    parameters: [
      .keyword("by", .word, list: true, "component, layer, head, source, span, or head, span"),
      .keyword("on", .tokens, list: true, "tokens to attribute instead of the answer"),
      .keyword("of", .word, "logit (the default) or logit_diff"),
      .word("mean", ["mean"], "one column: the mean over the tokens of `on`"),
      .word("centred", ["centred", "centered"], "less the mean over the vocabulary"),
      .word("unfolded", ["unfolded"], "leave what values have of biases in the heads"),
    ],
    examples: [
      "colosseum | dla by head | top 5",
      "colosseum | dla by head, span | group by span sum dla",
      "colosseum | dla by head of logit_diff | top 3",
    ],
    run: attribute)

  private static func attribute(_ call: Invocation) throws -> Value {
    let set = try placing(at: call.span) { try call.promptInput().withoutSweep(for: "dla") }
    let division = try division(call)
    let goal = try Goal(call, set)
    var rows = AttributionRows(set, division: division, columns: goal.columns)
    let isFolded = call.word("unfolded") == nil
    if !isFolded && !set.model.transformer.hasValueBiases {
      throw call.failure("`unfolded` does nothing: this model's values have no biases")
    }
    let check = try call.session.attribute(
      set, goal, bySource: division.needsSources, foldsBiases: isFolded, label: "dla",
      mayStop: true
    ) { rows.append($0, $1) }
    check.report(to: call, goal: goal)
    return .table(TableValue(rows.table, origins: [set.origin]))
  }

  private static func division(_ call: Invocation) throws -> AttributionDivision {
    let names = try call.columns("by")
    if names.isEmpty { return .component }
    if let division = AttributionDivision(names) { return division }
    let span = call.expressions("by").last?.span ?? call.span
    let words = ["component", "layer", "head", "source", "span"]
    let unknown = names.first { !words.contains($0) }
    throw Failure(
      "`dla` cannot be divided by \(names.joined(separator: ", "))",
      help: unknown.flatMap { suggestion(for: $0, among: words) }.map { "did you mean `\($0)`?" }
        ?? "by component, by layer, by head, by source, or by head, span", span: span)
  }
}

extension Session {
  /// Attributes the goal of every prompt, one attribution a column of it.
  ///
  /// - Returns: how far the sums of the parts are from what the model computed.
  func attribute(
    _ set: PromptSet, _ goal: Goal, bySource: Bool, foldsBiases: Bool = true, label: String,
    mayStop: Bool = false,
    consume: (Prompt, [Attribution]) -> Void
  ) throws -> SumCheck {
    let transformer = set.model.transformer
    var directions: [LogitTarget: Direction] = [:]
    var check = SumCheck()
    func attributor(_ item: Case) -> Attributor {
      Attributor(
        transformer, at: item.prompt.last, edits: item.edits, bySource: bySource,
        foldsBiases: foldsBiases)
    }
    try run(
      try cases(of: set), of: set, label: label, mayStop: mayStop, isUncapped: true,
      wants: { item in
        let targets = goal.targets(of: item.prompt)
        let logits: RunRequest.Logits =
          targets.contains(where: \.isCentred)
          ? .all([item.prompt.last])
          : .tokens(Goal.tokens(of: targets), position: item.prompt.last)
        return (attributor(item).captures, logits)
      },
      consume: { item, result in
        let targets = goal.targets(of: item.prompt)
        let attributions = try targets.map { target in
          let direction = try directions[target] ?? transformer.direction(of: target)
          directions[target] = direction
          let logit = Goal.value(of: target, among: targets, result.logits[0])
          return attributor(item).attribute(result, direction, logit: logit)
        }
        for attribution in attributions { check.add(attribution) }
        consume(item.prompt, attributions)
      })
    return check
  }
}

/// What is attributed: one target a column.
struct Goal {
  /// One for each prompt, or the same for all.
  private let perPrompt: [String: [LogitTarget]]?
  private let shared: [LogitTarget]
  let columns: [String]
  /// What it is called in the check.
  let name: String

  init(_ call: Invocation, _ set: PromptSet) throws {
    let isCentred = call.word("centred") != nil
    let tokens = try Self.tokens(call, set)
    let isDifference = try Self.isDifference(call)
    let isCapped = set.model.configuration.logitCap != nil
    name =
      (isCentred ? "centred " : "") + (isDifference ? "logit_diff" : "logit")
      + (isCapped ? " before its soft cap" : "")
    if !tokens.isEmpty {
      if call.has("of") { throw call.failure("`on` and `of` do not go together") }
      perPrompt = nil
      if call.word("mean") != nil {
        shared = [Self.centred(.mean(tokens.map(\.token)), isCentred)]
        columns = ["dla"]
      } else {
        shared = tokens.map { Self.centred(.token($0.token), isCentred) }
        columns = tokens.count == 1 ? ["dla"] : tokens.map { "dla\($0.text)" }
      }
      return
    }
    if call.word("mean") != nil {
      throw call.failure(
        "`mean` needs tokens to take it over", help: "dla … on \" a\", \" b\" mean")
    }
    _ = try placing(at: call.span) { try set.answers(for: call.command.name) }
    var targets: [String: [LogitTarget]] = [:]
    for prompt in set.prompts {
      let answer = prompt.answer?.token ?? 0
      if isDifference && prompt.foils.isEmpty {
        throw call.failure("logit_diff needs foils, and '\(prompt.name)' has none")
      }
      let target: LogitTarget =
        isDifference ? .difference(answer, prompt.foils.map(\.token)) : .token(answer)
      targets[Self.key(prompt)] = [Self.centred(target, isCentred)]
    }
    perPrompt = targets
    shared = []
    columns = ["dla"]
  }

  func targets(of prompt: Prompt) -> [LogitTarget] { perPrompt?[Self.key(prompt)] ?? shared }

  /// Two prompts of one text may have different answers.
  private static func key(_ prompt: Prompt) -> String {
    "\(prompt.tokens) \(prompt.answer?.token ?? -1) \(prompt.foils.map(\.token))"
  }

  private static func centred(_ target: LogitTarget, _ isCentred: Bool) -> LogitTarget {
    LogitTarget(target.coefficients, isCentred: isCentred)
  }

  private static func isDifference(_ call: Invocation) throws -> Bool {
    guard let expression = call.expression("of") else { return false }
    switch call.session.source.text(in: expression.span) {
    case "logit_diff": return true
    case "logit": return false
    case let other:
      throw Failure(
        "`\(call.command.name)` is of logit or logit_diff, not of '\(other)'",
        span: expression.span)
    }
  }

  /// The tokens of `on`: texts of one token each, or lists of them.
  private static func tokens(_ call: Invocation, _ set: PromptSet) throws -> [Prompt.Target] {
    let reader = AnswerReader(model: set.model)
    func read(_ value: Value) throws -> [Prompt.Target] {
      switch value {
      case .text(let text): return [try reader.target(text)]
      case .integer(let id) where (0..<set.model.configuration.vocabulary).contains(id):
        let text = set.model.tokenizer.text(of: id)
        return [Prompt.Target(token: id, text: text, written: text)]
      case .list(let values): return try values.flatMap(read)
      case let other: throw Failure("a token is wanted here, not \(other.kind)")
      }
    }
    let tokens = try call.expressions("on").flatMap { expression in
      try placing(at: expression.span) { try read(try call.session.evaluate(expression)) }
    }
    var seen: Set<Int> = []
    return tokens.filter { seen.insert($0.token).inserted }
  }

  // MARK: What the run must give

  static func tokens(of targets: [LogitTarget]) -> [Int] { targets.flatMap(\.tokens) }

  /// A target's value, from the logits of `tokens(of:)`, or from all of them.
  static func value(of target: LogitTarget, among targets: [LogitTarget], _ logits: [Float])
    -> Double
  {
    guard target.isCentred else {
      var start = 0
      for other in targets {
        if other == target { break }
        start += other.tokens.count
      }
      if targets.contains(where: \.isCentred) {
        return target.value(of: target.tokens.map { logits[$0] })
      }
      return target.value(of: Array(logits[start..<start + target.tokens.count]))
    }
    let mean = logits.reduce(0.0) { $0 + Double($1) } / Double(logits.count)
    let weight = target.coefficients.sorted { $0.key < $1.key }.reduce(0.0) {
      $0 + Double($1.value)
    }
    return target.value(of: target.tokens.map { logits[$0] }) - weight * mean
  }
}

/// The check that every attribution states.
struct SumCheck {
  private var count = 0
  private var sum = 0.0
  private var logit = 0.0
  private var gap = 0.0

  mutating func add(_ attribution: Attribution) {
    count += 1
    sum = attribution.sum
    logit = attribution.logit
    gap = max(gap, abs(attribution.gap))
  }

  /// - Parameter name: what was attributed, where it is not the command that says so.
  func report(to call: Invocation, goal: Goal, of name: String = "dla") {
    let gapText = Self.short(gap)
    if count == 1 {
      call.session.note(
        "\(name): the parts sum to \(Self.fixed(sum)), the model's \(goal.name) is "
          + "\(Self.fixed(logit)), the gap is \(gapText)")
    } else {
      call.session.note(
        "\(name): over \(count) attributions the parts sum to the model's \(goal.name) within "
          + gapText)
    }
    if gap > 1e-2 {
      call.warn(
        "the parts do not sum to the \(goal.name): the gap is \(gapText)",
        help: "do not trust this attribution; please report the model and the prompt")
    }
  }

  private static func fixed(_ x: Double) -> String {
    DecimalText((x * 1e5).rounded() / 1e5).fixed(decimals: 5)
  }

  /// A gap for people: `5.4e-7`.
  static func short(_ x: Double) -> String {
    x == 0 ? "0" : DecimalText(x).scientific(decimals: 1)
  }
}
