extension Command {
  static let rank = Command(
    name: "rank", group: .measures,
    summary: "Say how the answer fares: its logit, probability and rank.", input: .prompts,
    examples: ["colosseum | rank"]
  ) { try answers($0, measure: "rank") }
}
