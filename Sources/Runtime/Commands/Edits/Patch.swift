import Lang
import Model

extension Command {
  static let patch = Command(
    name: "patch", group: .edits,
    summary: "Copy the values that another prompt's run has at the same place.",
    details: """
      `from` is one prompt for all, or one for each prompt, in order; its own edits \
      apply. Positions are paired one to one: prompts of as many tokens, or @last, or a span that \
      has as many tokens in both. After `patch`, `effect` also gives `recovered`: how much of the \
      way from the base to the donor the patched run goes.
      """,
    input: .prompts,
    parameters: [
      .each, .site,
      .keyword("from", .prompts, required: true, "the donor: a prompt, or one for each prompt"),
    ],
    examples: [
      #"colosseum | patch L15.resid_pre@last from (prompt "Fact: The Eiffel Tower is in the country of") | rank"#
    ]
  ) { call in
    let set = try call.promptInput()
    let donors = try call.donors(try call.prompts(required: "from"), at: "from", for: set)
    guard donors.prompts.count == 1 || donors.prompts.count == set.prompts.count else {
      throw Failure(
        "there are \(donors.prompts.count) donors for \(set.summary)",
        help: "give one for all, or one for each", span: call.span(of: "from"))
    }
    return try call.edited(set, .patch(from: donors), words: "from \(donors.summary)")
  }
}
