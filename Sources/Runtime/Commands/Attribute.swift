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
      together). `on` takes other tokens than the answer, one column more for each, or their `mean`; \
      of facts also `answer`, and R and S: the means over the attributes of the relation and of the \
      subject, the answer not among them. \
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
      #"facts "Examples/facts" relation landmark_country | take 2 | dla by head on answer, R | top 3"#,
    ],
    run: attribute)

  private static func attribute(_ call: Invocation) throws -> Value {
    let set = try placing(at: call.span) { try call.promptInput().withoutSweep(for: "dla") }
    let division = try division(call)
    let goal = try AttributionGoal(call, set)
    let bytes = set.prompts.reduce(0) {
      $0
        + AttributionRows.bytes(
          of: $1, division, columns: goal.columns.count, set.model.configuration)
    }
    try placing(at: call.span) {
      try call.session.reserve(
        bytes, for: "the table of `dla`", help: "take fewer prompts, or divide `by` less finely")
    }
    var rows = AttributionRows(set, division: division, columns: goal.columns)
    let check = try call.session.attribute(
      set, goal, bySource: division.needsSources, foldsBiases: call.word("unfolded") == nil,
      label: "dla", mayStop: true
    ) { rows.append($0, $1) }
    check.report(to: call, goal: goal)
    return .table(TableValue(rows.table, origins: [set.origin]))
  }

  private static func division(_ call: Invocation) throws -> AttributionDivision {
    let names = try call.choices("by")
    if names.isEmpty { return .component }
    if let division = AttributionDivision(names) { return division }
    let span = call.expressions("by").last?.span ?? call.span
    let words = ["component", "layer", "head", "source", "span"]
    let unknown = names.first { !words.contains($0) }
    throw Failure(
      "`dla` cannot be divided by \(listed(names))",
      help: unknown.flatMap { suggestion(for: $0, among: words) }.map { "did you mean `\($0)`?" }
        ?? "by component, by layer, by head, by source, or by head, span", span: span)
  }
}

extension Session {
  /// Attributes the goal of every prompt, one attribution a column of it; nil where the prompt has
  /// nothing for that column.
  ///
  /// - Returns: how far the sums of the parts are from what the model computed.
  func attribute(
    _ set: PromptSet, _ goal: AttributionGoal, bySource: Bool, foldsBiases: Bool = true,
    label: String,
    mayStop: Bool = false,
    consume: (Prompt, [Attribution?]) -> Void
  ) throws -> SumCheck {
    let transformer = set.model.transformer
    var directions = Directions(transformer)
    var check = SumCheck()
    func attributor(_ item: Case) -> Attributor {
      Attributor(
        transformer, at: item.prompt.last, edits: item.edits, bySource: bySource,
        foldsBiases: foldsBiases)
    }
    try run(
      try cases(of: set), of: set, label: label, mayStop: mayStop, isUncapped: true,
      wants: { item in
        (attributor(item).captures, goal.logits(of: item.prompt))
      },
      consume: { item, result in
        let attributions = try goal.targets(of: item.prompt).map { target in
          try target.map { target in
            attributor(item).attribute(
              result, try directions.direction(of: target),
              logit: goal.value(of: target, in: item.prompt, result.logits[0]))
          }
        }
        for case let attribution? in attributions { check.add(attribution) }
        consume(item.prompt, attributions)
      })
    return check
  }
}

/// The check that every attribution states.
struct SumCheck {
  /// Of the attributions whose parts and logit are numbers.
  private var count = 0
  private var unchecked = 0
  private var sum = 0.0
  private var logit = 0.0
  private var gap = 0.0

  mutating func add(_ attribution: Attribution) {
    guard attribution.isFinite else {
      unchecked += 1
      return
    }
    count += 1
    sum = attribution.sum
    logit = attribution.logit
    gap = max(gap, abs(attribution.gap))
  }

  /// Of more attributions.
  mutating func add(_ other: SumCheck) {
    count += other.count
    unchecked += other.unchecked
    (sum, logit) = (other.sum, other.logit)
    gap = max(gap, other.gap)
  }

  /// - Parameter name: what was attributed, where it is not the command that says so.
  func report(to call: Invocation, goal: AttributionGoal, of name: String = "dla") {
    let gapText = Self.short(gap)
    if unchecked > 0 {
      call.session.note(
        "\(name): \(unchecked) of \(count + unchecked) attributions are not numbers, and have no sum to "
          + "check")
    }
    if count == 0 { return }
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
