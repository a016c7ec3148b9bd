extension Command {
  static let rank = Command(
    name: "rank", group: .measures,
    summary: "Report the answer's logit, probability and rank.", input: .prompts,
    parameters: [.at], examples: ["colosseum | rank"]
  ) { try answers($0, measure: "rank") }
}
