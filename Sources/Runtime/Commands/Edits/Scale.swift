import Model

extension Command {
  static let scale = Command(
    name: "scale", group: .edits,
    summary: "Multiply what components write, or a site, by a number.",
    input: .prompts,
    parameters: [.each, .site, .keyword("by", .number, required: true, "the factor")],
    examples: ["colosseum | scale L29H1@last by 2 | rank"]
  ) { call in
    let set = try call.promptInput()
    let factor = try call.number(required: "by")
    return try call.edited(set, .scale(Float(factor)), words: "by \(factor)") { place, _ in
      if factor == 0 { try place.refuseZero() }
    }
  }
}
