import Lang
import Model

extension Command {
  static let clamp = Command(
    name: "clamp", group: .edits,
    summary: "Set how much of a direction a site has.",
    details: """
      x becomes x + (X − x · v) v, where v is V divided by its norm: the part along V is X long, and \
      all else stays. X is in the units of the activations. V needs one number for each element of the \
      site; of heads, each is changed by itself.
      """,
    input: .prompts,
    parameters: [
      .each, .site,
      .keyword("along", .value, required: true, "a vector, as `steer` takes it; not 0"),
      .keyword("to", .number, required: true, "X: how long the part along it becomes"),
    ],
    examples: [
      "colosseum | clamp L15.resid_post@last along (colosseum | activations L15.resid_post@last | vector) to 5 | rank"
    ]
  ) { call in
    let set = try call.promptInput()
    let length = Float(try call.number(required: "to"))
    guard length.isFinite else {
      throw Failure("this number is larger than F32 can hold", span: call.span(of: "to"))
    }
    let expression = try call.expression(required: "along")
    return try call.editedAlong(
      set, expression, .set(length),
      words: "along \(call.session.source.text(in: expression.span)) to \(length)")
  }
}
