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
      - neuron: a neuron of an MLP, and the MLP's bias
      - feature: active features of the dictionaries in use, what these leave over (`L12.error`), and all \
      that has no dictionary. A dictionary of the stream stands for all that was written before it
      - head, span: a head and all of a labelled span, `bos` or `other`
      - span: all heads together
      `of` takes logit_diff, or another sum of logits in parentheses. Of an answer of several \
      tokens, the parts are summed over them.
      `on` attributes other tokens: one column each, or one for their `mean`. For facts, R and S \
      are the means over the attributes of the relation and of the subject, without the answer.
      With biases on values or norms, a head adds something whatever it reads. This part is in \
      the row `L3.attn.bias`; `unfolded` leaves it in the heads. If logits have a soft cap, the \
      logit before the cap is attributed.
      `toward V into SITE` attributes the stream there along a vector instead: x · V, without any \
      norm. Only what writes to the stream before SITE has rows.
      """,
    input: .prompts,
    parameters: [
      .keyword(
        "by", .choice(AttributionPart.self), list: true, "what each row is; default: component"),
      .keyword(
        "on", .tokens(or: AttributedWord.self), list: true,
        "tokens to attribute instead of the answer"),
      .keyword("of", .metric(or: AttributedLogit.self), "what is attributed; default: logit"),
      .flag("mean", "one column: the mean over the tokens of `on`"),
      .flag("centred", also: ["centered"], "minus the mean over the vocabulary"),
      .flag("unfolded", "leave the parts of biases in the heads"),
      .keyword("toward", .value, "a vector, instead of the answer's logit"),
      .keyword(
        "into", .selector, "with `toward`: the stream it is attributed in; default: the last"),
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
    if call.has("toward") {
      return try attribute(call, set, division, toward: call.target(of: set))
    }
    if call.has("into") {
      throw Failure(
        "`into` goes with `toward`", help: "dla toward V into L15.resid_post",
        span: call.span(of: "into"))
    }
    let goal = try AttributionGoal(call, set, tokens: AttributedTokens(call, set))
    let completed = try CompletedSet(set, inputs: set.prompts.map(goal.inputs))
    // An answer of several tokens is read wherever one of them is predicted.
    let isWhole = completed.feeds
    if isWhole, call.has("at") {
      throw Failure(
        "`at` reads one token at each position, and an answer here is several", help: "omit `at`",
        span: call.span(of: "at"))
    }
    let readings =
      try isWhole
      ? Readings(endsOf: completed.set)
      : Readings(call, of: set, asking: goal.needsAnswer ? .answer : .everything)
    try call.reserveAttributions(of: completed.set, readings, division, goal.columns)
    var rows = AttributionRows(set, readings, division: division, columns: goal.columns)
    var check = SumCheck()
    var gatherer = CompletedSet.Gatherer<[(Reading, [Attribution?])]>(completed)
    var results = try call.session.attributions(
      of: completed.set, goal, at: readings,
      try call.detail(division, of: set.model),
      label: "dla", mayStop: true)
    while let (item, found) = try results.next() {
      guard let runs = gatherer.add(item, Array(zip(readings[item], found))) else { continue }
      let whole =
        try isWhole ? [call.attribution(ofWhole: runs.flatMap(\.self), division)] : runs[0]
      for (reading, attributions) in whole {
        check.add(attributions)
        rows.append(reading, attributions)
      }
    }
    check.report(to: call, goal: goal.name)
    return .table(TableValue(rows.table(on: call.session.pool), origins: [set.origin]))
  }

  private static func division(_ call: Invocation) throws -> AttributionDivision {
    let parts = try call.choices("by", AttributionPart.self)
    if let division = AttributionDivision(parts) { return division }
    throw Failure(
      "`dla` cannot be divided by \(listed(parts.map(\.rawValue)))",
      help: "only head, span can be combined", span: call.span(of: "by"))
  }
}

extension Invocation {
  func detail(_ division: AttributionDivision, of model: LanguageModel, stream: Site? = nil) throws
    -> AttributionDetail
  {
    let dictionaries = division.needsFeatures ? try attributedDictionaries(of: model) : []
    return AttributionDetail(
      bySource: division.needsSources, byNeuron: division.needsNeurons,
      foldsBiases: !hasFlag("unfolded"), stream: stream, dictionaries: dictionaries)
  }

  func reserveAttributions(
    of set: PromptSet, _ readings: Readings, _ division: AttributionDivision,
    _ columns: [String]
  ) throws {
    let bytes = set.measuredIndices.reduce(0) {
      $0
        + AttributionRows.bytes(
          of: set.prompts[$1], division, columns: columns.count, set.model.configuration)
        * readings[ofPrompt: $1].count
    }
    try placing(at: span) {
      try session.reserve(
        bytes, for: "the table of `dla`", help: "take fewer prompts, or divide `by` less finely")
    }
  }

  /// The attributions of all tokens of a prompt's answers together, as those of its longest run.
  fileprivate func attribution(
    ofWhole runs: [(reading: Reading, attributions: [Attribution?])],
    _ division: AttributionDivision
  ) throws -> (Reading, [Attribution?]) {
    guard var longest = runs.first else { throw failure("nothing is attributed") }
    for run in runs where run.reading.position > longest.reading.position { longest = run }
    if case .source = division,
      let other = runs.first(where: {
        !longest.reading.prompt.tokens.starts(with: $0.reading.prompt.tokens)
      })
    {
      throw failure(
        "the answers of '\(other.reading.prompt.name)' have different tokens at the same positions",
        help: "`by source` takes one answer; `by head, span` has them as `completion`")
    }
    let sums = longest.attributions.indices.map { column in
      Attribution.sum(runs.compactMap { $0.attributions[column] })
    }
    let components = sums.compactMap { $0?.parts.map(\.component) }
    guard components.allSatisfy({ $0 == components[0] }) else {
      throw failure(
        "these columns have different components, since edits are at some of the tokens alone",
        help: "attribute one column at a time")
    }
    return (longest.reading, sums)
  }
}
