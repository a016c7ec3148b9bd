import Lang
import Model

extension Command {
  static let attention = Command(
    name: "attention", group: .measures, summary: "Show where heads look: attention weights.",
    details: """
      Default: attention from the last position. `L9H8@*` or `at @*` shows it from all positions.
      """,
    input: .prompts,
    parameters: [
      .positional("heads", .selector, list: true, "heads: L9H8, L9H*, heads@last"), .at,
    ],
    examples: ["colosseum | attention L17H2 | top 3"]
  ) { call in
    let set = try placing(at: call.span) { try call.promptInput().withoutSweep(for: "attention") }
    let places = try call.places(on: set, for: "attention") { place in
      guard let head = place.head, let layer = place.layer else {
        throw Failure(
          "\(place.label) is not a head, and only heads attend", help: "write L9H8, or heads")
      }
      return Place.SitePart(site: Site(.pattern, layer: layer), units: [head])
    }
    var table = TableBuilder()
    let prompts = PromptColumns(set, in: &table)
    let placed = PlaceColumns(in: &table)
    let (read, share) = (table.integers("source"), table.singles("weight"))
    try call.inspect(set, places, default: .name("last")) { prompt, place, position, row in
      try row.enumerated().forEachChecked { source, weight in
        table.addRow()
        prompts.set(prompt, in: &table)
        placed.set(place, position, in: &table)
        table[read] = source
        table[share] = weight
      }
    }
    return .table(TableValue(table.table(measure: "weight"), origins: [set.origin]))
  }
}
