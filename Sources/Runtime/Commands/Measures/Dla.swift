import Lang
import Model

extension Command {
  static let dla = Command(
    name: "dla", group: .measures,
    summary: "Attribute the answer's logit to components, heads and source tokens.",
    details: """
      Direct logit attribution, with the final norm frozen at its own run's scale. The parts sum \
      to the logit; a line states the gap. Divisions:
      - component (the default), layer, head
      - source: a head and a position that it reads
      - head, span: a head and all of a labelled span, `bos` or `other`
      - span: all heads together
      `on` attributes other tokens: one column each, or one for their `mean`. For facts, R and S \
      are the means over the attributes of the relation and of the subject, without the answer.
      With biases on values or norms, a head adds something whatever it reads. This part is in \
      the row `L3.attn.bias`; `unfolded` leaves it in the heads. If logits have a soft cap, the \
      logit before the cap is attributed.
      """,
    input: .prompts,
    parameters: [
      .keyword(
        "by", .choice(AttributionPart.self), list: true, "what each row is; default: component"),
      .keyword(
        "on", .tokens(or: AttributedWord.self), list: true,
        "tokens to attribute instead of the answer"),
      .keyword("of", .choice(AttributedLogit.self), "what is attributed; default: logit"),
      .flag("mean", "one column: the mean over the tokens of `on`"),
      .flag("centred", also: ["centered"], "minus the mean over the vocabulary"),
      .flag("unfolded", "leave the parts of biases in the heads"),
      .at,
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
    let goal = try AttributionGoal(call, set, tokens: AttributedTokens(call, set))
    let readings = try Readings(
      call, of: set, asking: goal.needsAnswer ? .answer : .everything)
    let bytes = set.prompts.indices.reduce(0) {
      $0
        + AttributionRows.bytes(
          of: set.prompts[$1], division, columns: goal.columns.count, set.model.configuration)
        * readings[ofPrompt: $1].count
    }
    try placing(at: call.span) {
      try call.session.reserve(
        bytes, for: "the table of `dla`", help: "take fewer prompts, or divide `by` less finely")
    }
    var rows = AttributionRows(set, readings, division: division, columns: goal.columns)
    var check = SumCheck()
    var results = try call.session.attributions(
      of: set, goal, at: readings,
      AttributionDetail(
        bySource: division.needsSources, foldsBiases: !call.hasFlag("unfolded")),
      label: "dla", mayStop: true)
    while let (item, found) = try results.next() {
      for (reading, attributions) in zip(readings[item], found) {
        check.add(attributions)
        rows.append(reading, attributions)
      }
    }
    check.report(to: call, goal: goal)
    return .table(TableValue(rows.table, origins: [set.origin]))
  }

  private static func division(_ call: Invocation) throws -> AttributionDivision {
    let parts = try call.choices("by", AttributionPart.self)
    if let division = AttributionDivision(parts) { return division }
    throw Failure(
      "`dla` cannot be divided by \(listed(parts.map(\.rawValue)))",
      help: "only head, span can be combined", span: call.span(of: "by"))
  }
}
