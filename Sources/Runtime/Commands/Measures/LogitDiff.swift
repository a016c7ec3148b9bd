extension Command {
  static let logitDiff = Command(
    name: "logit_diff", group: .measures,
    summary: "Compare the answer with its foils: its logit minus the mean of theirs.",
    input: .prompts, parameters: [.at], examples: ["colosseum | logit_diff"]
  ) { call in
    let set = try call.promptInput()
    if let bare = set.prompts.first(where: \.foils.isEmpty) {
      throw call.failure(
        "`logit_diff` needs foils, and '\(bare.name)' has none",
        help: "give some: prompt \"…\" -> \" answer\" vs \" foil\"")
    }
    return try answers(call, measure: "logit_diff")
  }
}
