import Lang
import Model

extension Command {
  static let attention = Command(
    name: "attention", group: .measures, summary: "Show where heads look: attention weights.",
    details: "Without `@`, from the last position; `L9H8@*` from all of them.",
    input: .prompts,
    parameters: [.positional("heads", .selector, list: true, "heads: L9H8, L9H*, heads@last")],
    examples: ["colosseum | attention L17H2 | top 3"]
  ) { call in
    let set = try placing(at: call.span) { try call.promptInput().withoutSweep(for: "attention") }
    let places = try call.places(on: set, for: "attention") { place in
      guard let head = place.head, let layer = place.layer else {
        throw Failure(
          "\(place.label) is no head, and only heads attend", help: "say L9H8, or heads")
      }
      return Place.SitePart(site: Site(.pattern, layer: layer), units: [head])
    }
    var prompts = PromptColumn(set)
    var columns = PlaceColumns()
    var (sources, weights): ([Int?], [Float]) = ([], [])
    try call.inspect(set, places, default: .name("last")) { prompt, place, position, row in
      try row.enumerated().forEachChecked { source, weight in
        prompts.append(prompt)
        columns.append(place, position)
        sources.append(source)
        weights.append(weight)
      }
    }
    return .table(
      TableValue(
        Table(
          columns: prompts.columns + columns.columns + [
            Column("source", .integers(sources)), Column("weight", .singles(weights)),
          ], measure: "weight"), origins: [set.origin]))
  }
}
