import Lang
import Model

extension Command {
  static let freeze = Command(
    name: "freeze", group: .edits,
    summary: "Hold sites at their unedited values, so that edits act only by other paths.",
    details: """
      The values are those of each prompt's own run with no edit at all. Direct effects and path \
      patching are made of it: `freeze heads, mlps | ablate each heads@last` leaves each head only \
      its direct way to the logits. Edits at one place apply in the order in which they are \
      written, so freeze first what is then changed in part.
      """,
    input: .prompts, parameters: [.each, .site],
    examples: ["colosseum | freeze mlps | ablate each L29H*@last | effect | top 3"]
  ) { call in
    try call.edited(try call.promptInput(), .freeze, words: "")
  }
}
