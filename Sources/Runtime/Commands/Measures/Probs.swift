extension Command {
  static let probs = Command(
    name: "probs", group: .measures,
    summary: "Rank the whole vocabulary by probability as the next token.", input: .prompts,
    parameters: [.at], examples: ["colosseum | probs | top 3"]
  ) { try distribution($0, measure: "prob") }
}
