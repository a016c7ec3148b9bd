import Lang
import Model

extension Command {
  static let ablate = Command(
    name: "ablate", group: .edits,
    summary:
      "Replace what components write: by zero, a mean, or another prompt's values.",
    details: """
      Default: all positions; `@` selects some. `each` makes a sweep: one run per component, and \
      per position if `@` gives several.
      - mean: over every prompt of `over`. At @last, over that position; at a span, over all its \
      tokens; otherwise position by position, which needs prompts of equal length
      - resample: the values of one other prompt, drawn for each prompt from those of `over`. \
      Default: all prompts that were made together with it
      Heads are ablated at z, MLPs at mlp_out, a layer's attention at attn_out, a whole layer at \
      both of these, neurons at mlp_post.
      """,
    input: .prompts,
    parameters: [
      .each, .site,
      .positional(
        "mode", .choice(AblationMode.self), required: false,
        "the replacement; default: zero"),
      .keyword("over", .prompts, "the prompts to average, or to draw from"),
      .keyword("within", .choice(DrawScope.self), "draw only from facts of the same relation"),
      .keyword("seed", .number, "the seed of the draw; default: 0"),
    ],
    examples: [
      "colosseum | ablate L17H2 | logits | top 5",
      "colosseum | ablate each heads@last zero | effect | top 3",
    ]
  ) { call in
    let set = try call.promptInput()
    let over = try call.prompts("over").map { try call.donors($0, at: "over", for: set) }
    let mode = try call.choice("mode", AblationMode.self) ?? .zero
    if call.has("seed"), mode != .resample {
      throw call.failure(
        "`seed` goes with `resample`", help: "ablate … resample seed 1")
    }
    let withinRelation = try call.drawsWithinRelation(mode)
    switch (mode, over) {
    case (.mean, let over?):
      return try call.edited(set, .mean(over: over), words: "mean over \(over.summary)")
    case (.resample, _):
      let over = over ?? set.whole
      guard over.prompts.count > 1 || call.has("over") else {
        throw call.failure(
          "resampling needs prompts to draw from", help: "ablate … resample over PROMPTS")
      }
      let seed = try call.seed()
      return try call.edited(
        set, .resample(over: over, seed: seed, withinRelation: withinRelation),
        words: "resample over \(over.summary)" + (withinRelation ? " within relation" : "")
          + " seed \(seed)")
    case (.mean, nil):
      throw call.failure(
        "a mean needs prompts to average", help: "ablate … mean over PROMPTS")
    case (.zero, .some):
      throw call.failure(
        "`over` goes with `mean` or `resample`", help: "ablate … mean over PROMPTS")
    case (.zero, nil):
      return try call.edited(set, .zero, words: "zero") { place, _ in try place.refuseZero() }
    }
  }
}

extension Invocation {
  fileprivate func drawsWithinRelation(_ mode: AblationMode) throws -> Bool {
    guard let scope = try choice("within", DrawScope.self) else { return false }
    guard mode == .resample else {
      throw Failure(
        "`within` goes with `resample`",
        help: "ablate … resample over PROMPTS within relation", span: span(of: "within"))
    }
    switch scope {
    case .relation: return true
    }
  }
}

/// What an ablation puts in a component's place.
enum AblationMode: String, Choice {
  case zero, mean, resample

  var summary: String {
    switch self {
    case .zero: ""
    case .mean: "the mean over the prompts of `over`"
    case .resample: "the values of a prompt drawn at random"
    }
  }
}

/// Which prompts a resampling draws from.
enum DrawScope: String, Choice {
  case relation

  var summary: String { "facts of the prompt's own relation" }
}
