import Lang
import Model

extension Command {
  static let freeze = Command(
    name: "freeze", group: .edits,
    summary: "Hold sites at their unedited values, so that edits act only by other paths.",
    details: """
      The values are those of the prompt's own run without any edit. Direct effects and path \
      patching are lines with `freeze`: after `freeze heads, mlps | ablate each heads@last`, \
      each head acts only by its direct path to the logits.
      Edits at one site apply in the order in which they are written. Freeze first, then change \
      a part.
      """,
    input: .prompts, parameters: [.each, .site],
    examples: ["colosseum | freeze mlps | ablate each L29H*@last | effect | top 3"]
  ) { call in
    try call.edited(try call.promptInput(), .freeze, words: "")
  }
}
