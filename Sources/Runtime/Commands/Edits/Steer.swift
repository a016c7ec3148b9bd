import Lang
import Model

extension Command {
  static let steer = Command(
    name: "steer", group: .edits, summary: "Add a vector at a site.",
    details: """
      V is a vector, a list of numbers, or a table's column `value`, as `activations` returns it \
      for one position. It needs one number for each element of the site. `writes` are all sites \
      that write to the stream.
      `steer L12F5 by 3` adds three times the decoder row of a [dictionary](#dictionary)'s feature.
      """,
    input: .prompts,
    parameters: [
      .each, .site,
      .keyword(
        "by", .value, required: true,
        "a vector, a list of numbers, or a table with a column `value`; of features a number"),
      .keyword("times", .number, "what the vector is multiplied by; default: 1"),
    ],
    examples: [
      "colosseum | steer L15.resid_pre@last by (colosseum | activations L15.resid_pre@0) times 0.1 | rank"
    ]
  ) { call in
    let set = try call.promptInput()
    let expression = try call.expression(required: "by")
    let times = try call.number("times") ?? 1
    let steering = try steering(by: expression, times: times, call, set)
    let words = "by \(call.session.source.text(in: expression.span)) times \(times)"
    return try call.edited(set, .steer(steering), words: words) { place, configuration in
      guard case .vector(let vector) = steering else {
        guard place.isOfFeatures else {
          throw Failure(
            "\(place.label) takes a vector, and a number is for features",
            help: "steer L12F5 by 3 adds three times the decoder row of a feature")
        }
        return
      }
      _ = try place.oneSite(for: "add the vector to")
      let width = configuration.width(of: place)
      guard vector.count == width else {
        throw Failure("\(place.label) has \(width) elements, and the vector \(vector.count)")
      }
    }
  }

  private static func steering(
    by expression: Lang.Expression, times: Double, _ call: Invocation, _ set: PromptSet
  ) throws -> EditSpec.Mode.Steering {
    try placing(at: expression.span) {
      func single(_ number: Double) throws -> Float {
        let number = Float(number * times)
        guard number.isFinite else { throw Failure("this vector has numbers that F32 cannot hold") }
        return number
      }
      let value = try call.session.evaluate(expression)
      if let number = value.asDouble { return .features(times: try single(number)) }
      return .vector(try value.vector(of: set.model, in: call.session).elements.map(single))
    }
  }
}
