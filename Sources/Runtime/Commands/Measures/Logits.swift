extension Command {
  static let logits = Command(
    name: "logits", group: .measures,
    summary: "Rank the whole vocabulary as the model's next token.", input: .prompts,
    parameters: [.at], examples: ["colosseum | ablate L17H2 | logits | top 5"]
  ) { try distribution($0, measure: "logit") }
}
