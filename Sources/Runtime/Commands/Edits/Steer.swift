import Lang
import Model

extension Command {
  static let steer = Command(
    name: "steer", group: .edits, summary: "Add a vector at a site.",
    details: """
      V is a vector, a list of numbers, or a table's column `value`, as `activations` returns it \
      for one position. It needs one number for each element of the site. `writes` are all sites \
      that write to the stream.
      """,
    input: .prompts,
    parameters: [
      .each, .site,
      .keyword(
        "by", .value, required: true,
        "a vector, a list of numbers, or a table with a column `value`"),
      .keyword("times", .number, "what the vector is multiplied by; default: 1"),
    ],
    examples: [
      "colosseum | steer L15.resid_pre@last by (colosseum | activations L15.resid_pre@0) times 0.1 | rank"
    ]
  ) { call in
    let set = try call.promptInput()
    let expression = try call.expression(required: "by")
    let times = try call.number("times") ?? 1
    let vector = try placing(at: expression.span) {
      let vector = try call.session.evaluate(expression).vector(of: set.model, in: call.session)
      return try vector.elements.map { element -> Float in
        let number = Float(element * times)
        guard number.isFinite else { throw Failure("this vector has numbers that F32 cannot hold") }
        return number
      }
    }
    let words = "by \(call.session.source.text(in: expression.span)) times \(times)"
    return try call.edited(set, .steer(vector), words: words) { place, configuration in
      _ = try place.oneSite(for: "add the vector to")
      let width = configuration.width(of: place)
      guard vector.count == width else {
        throw Failure("\(place.label) has \(width) elements, and the vector \(vector.count)")
      }
    }
  }
}
