import Lang
import Model

extension Command {
  static let steer = Command(
    name: "steer", group: .edits, summary: "Add a vector at a site.",
    details: """
      The vector is a list of numbers, or a table's column `value`, as `activations` returns it \
      for one position. It needs one number for each element of the site.
      """,
    input: .prompts,
    parameters: [
      .each, .site,
      .keyword("by", .value, required: true, "a list of numbers, or a table with a column `value`"),
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
      let value = try call.session.evaluate(expression)
      try checkOrigin(of: value, set.model, call.session)
      return try elements(of: value).map { Float($0 * times) }
    }
    let words = "by \(call.session.source.text(in: expression.span)) times \(times)"
    return try call.edited(set, .steer(vector), words: words) { place, configuration in
      guard place.sites.count == 1, let part = place.sites.first else {
        throw Failure(
          "\(place.label) is several activations: name the one to add the vector to",
          help: "\(place.label).resid_pre, \(place.label).attn_out, \(place.label).mlp_out …")
      }
      let activation = part.site.activation
      guard !activation.isOverSources else {
        throw Failure(
          "\(place.label) is as wide as its position, so no one vector can be added to it",
          help: "scale it, or patch it")
      }
      let units = part.units?.count ?? configuration.unitCount(part.site)
      let width = units * configuration.unitWidth(activation, sources: 1)
      guard vector.count == width else {
        throw Failure("\(place.label) has \(width) elements, and the vector \(vector.count)")
      }
    }
  }

  /// Another model's directions mean nothing in this one's stream, though they be as long.
  private static func checkOrigin(
    of value: Value, _ model: LanguageModel, _ session: Session
  ) throws {
    guard case .table(let table) = value,
      let other = table.origins.map(\.model).first(where: { $0 !== model })
    else { return }
    throw Failure(
      "this vector was measured on '\(session.name(of: other))', and '\(session.name(of: model))' "
        + "is steered",
      help: "a column of it, (…).value, is plain numbers, which belong to no model")
  }

  private static func elements(of value: Value) throws -> [Double] {
    switch value {
    case .list(let values): return try values.map(number)
    case .table(let table):
      let column = try table.table.column("value")
      return try (0..<column.count).map { try number(Value(column[$0])) }
    case let other:
      throw Failure(
        "expected a vector, got \(other.kind)",
        help: "a list of numbers, or what `activations` gives for one place")
    }
  }

  private static func number(_ value: Value) throws -> Double {
    guard let number = value.asDouble, number.isFinite else {
      throw Failure("a vector is made of numbers, and this has \(value.kind)")
    }
    return number
  }
}
