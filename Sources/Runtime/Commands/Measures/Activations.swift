import Lang
import Model

extension Command {
  static let activations = Command(
    name: "activations", group: .measures,
    summary: "Give the numbers at a site, one row an element.",
    details: "Without `@`, at all positions. `element` counts within the component.",
    input: .prompts,
    parameters: [.positional("site", .selector, list: true, "sites: L9.resid_pre@last, L9H8.z")],
    examples: ["colosseum | activations L9.resid_pre@last | summary"]
  ) { call in
    let set = try placing(at: call.span) {
      try call.promptInput().withoutSweep(for: "activations")
    }
    let places = try call.places(on: set, for: "activations") { $0.sites[0] }
    var prompts = PromptColumn(set)
    var columns = PlaceColumns()
    var (elements, values): ([Int?], [Float]) = ([], [])
    try call.inspect(set, places, default: .all) { prompt, place, position, row in
      try row.enumerated().forEachChecked { element, value in
        prompts.append(prompt)
        columns.append(place, position)
        elements.append(element)
        // Only scores before a window are infinite by right.
        let isMeant = value == -.infinity && place.sites[0].site.activation == .attnScores
        values.append(value.isFinite || isMeant ? value : .nan)
      }
    }
    return .table(
      TableValue(
        Table(
          columns: prompts.columns + columns.columns + [
            Column("element", .integers(elements)), Column("value", .singles(values)),
          ], measure: "value"), origins: [set.origin]))
  }
}
