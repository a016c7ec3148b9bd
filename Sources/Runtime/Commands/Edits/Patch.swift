import Lang
import Model

extension Command {
  static let patch = Command(
    name: "patch", group: .edits,
    summary: "Copy the values that another prompt's run has at the same place.",
    details: """
      The donor is one prompt for all, or one for each prompt, in order. Its own edits apply. \
      `from counterpart` takes the counterpart of each prompt.
      Positions are paired one to one. Without `@`, both prompts must have equally many tokens; \
      a span must have equally many in both. @last pairs with @last. \
      Of a set, prompts that do not pair are dropped with a warning.
      `L5H1 -> L9H6.q` is an edge: only this reader sees the donor's L5H1, and everything after it \
      is computed again. `edges` are all of them.
      `L5H1 -> L9H6.q -> logits` is a path: the logits see what L9H6 gives when its queries see the \
      donor's L5H1. All else is held at the prompt's own run, or all but MLPs: `through mlps`.
      `at L12.resid_post@last` takes the state there instead, and puts it where the line says, at the \
      same position or not: one state for all positions, or one for each. `map M` applies \
      W h + b to it first (of `lre`, or the path of a .safetensors file with `weight` and `bias`), \
      `times X` multiplies it. With \
      `each`, several sites after `at` are swept too.
      After `patch`, `effect` also gives `recovered`: the share of the way from the base to the \
      donor.
      """,
    input: .prompts,
    parameters: [
      .each,
      .positional(
        "site", .selector, list: true,
        "components, sites or edges: L9H8, L9.mlp, L5H1 -> L9H6.q"),
      .keyword(
        "from", .donors(or: PatchDonor.self), required: true,
        "the donor: a prompt, or one for each prompt"),
      .keyword("through", .choice(PathThrough.self), "what on the way of an edge computes again"),
      .keyword(
        "at", .selector, list: true, "the state to take, if it is elsewhere: L12.resid_post@last"),
      .keyword("map", .value, "with `at`: an affine map for the state, of `lre` or in a file"),
      .keyword("times", .number, "with `at`: what the state is multiplied by; default: 1"),
    ],
    examples: [
      #"colosseum | patch L15.resid_pre@last from (prompt "Fact: The Eiffel Tower is in the country of") | rank"#,
      #"colosseum | patch each L2..4.resid_pre@last from (prompt "Paris") at L9.resid_post@last | effect"#,
    ]
  ) { call in
    let set = try call.promptInput()
    let isInjected = call.has("at")
    if !isInjected, let word = ["map", "times"].first(where: call.has) {
      throw Failure(
        "`\(word)` goes with `at`, which names the state",
        help: "patch L5.resid_pre@3 from PROMPT at L12.resid_post@last \(word) …",
        span: call.span(of: word))
    }
    switch try call.promptsOrWord(required: "from", PatchDonor.self) {
    case .word(.counterpart) where isInjected:
      let donors = set.counterparts
      guard donors.prompts.count == set.prompts.count else {
        throw Failure("not every prompt has a counterpart", span: call.span(of: "from"))
      }
      return try call.injected(set, from: donors)
    case .word(.counterpart):
      return try call.edited(
        set, .patchFromCounterpart, words: "from counterpart", access: .patching)
    case .prompts(let given):
      let donors = try call.donors(given, at: "from", for: set)
      guard donors.prompts.count == 1 || donors.prompts.count == set.prompts.count else {
        throw Failure(
          "there are \(donors.prompts.count) donors for \(set.summary)",
          help: "give one for all, or one for each", span: call.span(of: "from"))
      }
      if isInjected { return try call.injected(set, from: donors) }
      return try call.edited(
        set, .patch(from: donors), words: "from \(donors.summary)", access: .patching)
    }
  }
}

/// What lies on the way of an edge, and computes again.
enum PathThrough: String, Choice {
  case mlps

  var summary: String { "the MLPs in between; heads are held" }
}

/// A donor that is no set of its own.
enum PatchDonor: String, Choice {
  case counterpart

  var summary: String { "each prompt's own" }
}
