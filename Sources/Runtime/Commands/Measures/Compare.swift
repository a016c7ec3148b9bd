import Lang
import Model

extension Command {
  static let compare = Command(
    name: "compare", group: .measures,
    summary: "Put two loaded models side by side on the same prompts.",
    details: """
      Each model reads the prompts again from their texts. A difference is B minus A.
      - without `by`: one row per prompt, with the answer's logits, KL(A ‖ B), the largest gap \
      between two logits and each model's likeliest token
      - by head, layer, component: direct logit attribution, the largest differences first. Both \
      models must have equally many of them
      - an answer of several tokens counts by its sums, as in `rank` and `dla`
      - by depth: for any two models. The layers of each are put into as many bins as the \
      shallower one has layers, at most ten
      """,
    input: .prompts,
    parameters: [
      .positional("a", .model, "the name of a loaded model"),
      .positional("b", .model, "the name of another"),
      .keyword("by", .choice(ComparedParts.self), "what attributions are compared by"),
      .keyword("of", .metric(or: AttributedLogit.self), "what is attributed; default: logit"),
      .flag("centred", also: ["centered"], "attributed minus the mean over the vocabulary"),
    ],
    examples: [
      "load smollm2 as one; load smollm2 as two; colosseum | compare one two",
      "load smollm2 as one; load smollm2 as two; colosseum | compare one two by head | take 5",
    ]
  ) { call in
    let (a, b) = (try call.model(required: "a"), try call.model(required: "b"))
    let division = try call.comparedParts(a, b)
    let (one, two) = try call.comparedPrompts(a, b)
    let table =
      if let division {
        try call.compareAttributions(one, two, by: division)
      } else {
        try call.session.compareAnswers(one, two)
      }
    return .table(TableValue(table, origins: [one.origin, two.origin]))
  }
}

extension Invocation {
  /// What `by` says, where the two models have it; nil where it says nothing.
  fileprivate func comparedParts(_ a: LoadedModels.Entry, _ b: LoadedModels.Entry) throws
    -> ComparedParts?
  {
    guard a.name != b.name else {
      throw Failure(
        "'\(a.name)' is compared with itself",
        help: "name two: \(listed(session.models.names))", span: span(of: "b"))
    }
    guard let division = try choice("by", ComparedParts.self) else {
      if has("of") || hasFlag("centred") {
        throw failure(
          "`of` and `centred` are about attributions", help: "compare … by head of logit_diff")
      }
      return nil
    }
    try placing(at: span(of: "by")) { try division.check(a, b) }
    return division
  }

  /// The prompts that come in, as each of the two models reads them.
  fileprivate func comparedPrompts(_ a: LoadedModels.Entry, _ b: LoadedModels.Entry) throws -> (
    PromptSet, PromptSet
  ) {
    try placing(at: span) {
      if case .nothing = input {
        throw Failure(
          "`compare` needs prompts to run on both models",
          help: "pipe them in: prompt \"…\" -> \" answer\" | compare \(a.name) \(b.name)")
      }
      let set = try session.asPrompts(input)
      try session.warnOfSpaces(in: set, at: span)
      if let edit = set.edits.first {
        throw Failure(
          "'\(edit.description)' is an edit of one model, and two are compared",
          help: "compare prompts as they are")
      }
      if let shard = set.shard, has("by") {
        throw Failure(
          "`compare … by` looks at all prompts together, and this is \(shard.text)",
          help: "omit `shard`, or compare without `by`")
      }
      let read = try session.reread(set, by: [a.model, b.model], at: span)
      return (read[0], read[1])
    }
  }

  /// The attributions of both, joined by what they are of, the largest differences first.
  fileprivate func compareAttributions(
    _ a: PromptSet, _ b: PromptSet, by division: ComparedParts
  ) throws -> Table {
    var rows = ComparedAttributions(a, division: division)
    let bins = min(a.model.configuration.layers, b.model.configuration.layers, 10)
    let sides = [a, b]
    let goals = try sides.map { try AttributionGoal(self, $0) }
    var checks = [SumCheck(), SumCheck()]
    try session.inTurns(a.prompts.count, of: 32) { range in
      let found = try zip(sides, goals).map { set, goal in
        try session.attributions(ofEach: set.part(Array(range)), goal)
      }
      for (side, prompts) in found.enumerated() {
        let layers = sides[side].model.configuration.layers
        for (index, attributions) in zip(range, prompts) {
          checks[side].add(attributions)
          for case let attribution? in attributions {
            for part in division.parts(of: attribution, layers, bins) {
              rows.add(part, ofPrompt: index, side: side)
            }
          }
        }
      }
    }
    for (side, set) in sides.enumerated() {
      checks[side].report(
        to: self, goal: goals[side].name, of: "dla of \(session.name(of: set.model))")
    }
    return rows.table
  }
}

extension Session {
  /// The attributions of every prompt, those of all tokens of its answer together.
  fileprivate func attributions(ofEach set: PromptSet, _ goal: AttributionGoal) throws
    -> [[Attribution?]]
  {
    let completed = try CompletedSet(set, inputs: set.prompts.map(goal.inputs))
    var gatherer = CompletedSet.Gatherer<[Attribution?]>(completed)
    var results = try attributions(
      of: completed.set, goal, at: Readings(endsOf: completed.set), label: "compare")
    var found: [[Attribution?]] = []
    while let (item, attributions) = try results.next() {
      guard let runs = gatherer.add(item, attributions[0]) else { continue }
      found.append(
        goal.columns.indices.map { column in Attribution.sum(runs.compactMap { $0[column] }) })
    }
    return found
  }
}
