import Lang
import Model

extension Command {
  static let activations = Command(
    name: "activations", group: .measures,
    summary: "Return the numbers at a site, one row per element.",
    details: """
      Default: all positions; `@` or `at` selects some. `element` counts within the component. \
      `activations … | save "x.npz"` writes an array while the runs go on, in little memory.
      Of a [dictionary](#dictionary): `L12F*` are the features that are active, one row each, with the \
      columns `feature` and `activation`; `L12F5` is one, also where it is 0; `L12.error` is what the \
      reconstruction lacks.
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
    let features = places.filter { $0.place.isOfFeatures && $0.part.feature?.isError == false }
    if !features.isEmpty {
      guard features.count == places.count else {
        throw Failure(
          "features and sites have different tables", help: "read them apart",
          span: call.span(of: "site"))
      }
      return .table(try call.activeFeatures(of: set, features))
    }
    let stream = ActivationStream(
      try Inspection(call, of: set, places, default: .all), of: set, for: call)
    if call.mayStream {
      // A plan goes no further than this.
      if !call.statement.runner.isHeard { try stream.drain() }
      return .stream(stream)
    }
    return .table(try stream.table())
  }
}
