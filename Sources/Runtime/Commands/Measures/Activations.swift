import Lang
import Model

extension Command {
  static let activations = Command(
    name: "activations", group: .measures,
    summary: "Return the numbers at a site, one row per element.",
    details: """
      Default: all positions; `@` or `at` selects some. `element` counts within the component.
      """,
    input: .prompts,
    parameters: [
      .positional("site", .selector, list: true, "sites: L9.resid_pre@last, L9H8.z"),
      .keyword("at", .position, list: true, "the positions that are read; default: all"),
    ],
    examples: ["colosseum | activations L9.resid_pre@last | summary"]
  ) { call in
    let set = try placing(at: call.span) {
      try call.promptInput().withoutSweep(for: "activations")
    }
    let places = try call.places(on: set, for: "activations") { $0.sites[0] }
    var table = TableBuilder()
    let prompts = PromptColumns(set, in: &table)
    let placed = PlaceColumns(in: &table)
    let (index, number) = (table.integers("element"), table.singles("value"))
    try call.inspect(set, places, default: .all) { prompt, place, position, row in
      try row.enumerated().forEachChecked { element, value in
        table.addRow()
        prompts.set(prompt, in: &table)
        placed.set(place, position, in: &table)
        table[index] = element
        // Only scores before a window are infinite by right.
        let isMeant = value == -.infinity && place.sites[0].site.activation == .attnScores
        table[number] = value.isFinite || isMeant ? value : nil
      }
    }
    return .table(TableValue(table.table(measure: "value"), origins: [set.origin]))
  }
}
