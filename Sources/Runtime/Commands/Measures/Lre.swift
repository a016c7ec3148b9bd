import Lang
import Model

extension Command {
  static let lre = Command(
    name: "lre", group: .measures,
    summary: "Find the linear map from the state of the subject to that of the object.",
    details: """
      A linear relational embedding (Hernandez et al. 2024): s ↦ β J s + b. J is the mean of ∂o/∂s over \
      examples, b the mean of o − J s; s is the state at SITE, o the one after `into`. Examples are \
      drawn at random. On the other prompts the map is tried: `faithfulness` is the share of those \
      whose best token, read from the map through the final norm, is the model's own; `accuracy` \
      counts right answers.
      Sites are the stream (resid_pre, resid_post). Of a span, its last token counts. The result is a \
      map, which `lens`, `patch` and `save` take. Several values after `beta` give a table.
      """,
    input: .prompts,
    parameters: [
      .positional("site", .selector, "the subject's state: L8.resid_post@subject"),
      .keyword(
        "into", .selector, "the object's state; default: the last stream at the last token"),
      .keyword("examples", .number, "how many prompts J and b are averaged over; default: 8"),
      .keyword("beta", .number, list: true, "what J is multiplied by; default: 1"),
      .keyword("seed", .number, "the seed of the draw; default: 0"),
    ],
    examples: ["country | take 3 | lre L28.resid_post@subject examples 1"],
    run: findRelation)

  private static func findRelation(_ call: Invocation) throws -> Value {
    let set = try placing(at: call.span) { try call.promptInput().withoutSweep(for: "lre") }
    guard set.shard == nil else {
      throw call.failure("a map of a shard is not that of the whole", help: "omit `shard`")
    }
    let places = try call.relationPlaces(set)
    let betas = try call.has("beta") ? call.numbers("beta") : [1]
    let (examples, held) = try call.relationExamples(set)
    let width = set.model.configuration.width
    try placing(at: call.span) {
      try call.session.reserve(
        width * width * 24, for: "a Jacobian of \(width) by \(width)", help: "take a smaller model")
    }
    let mean = try call.meanJacobian(of: set, at: examples, places)
    let states = try call.heldStates(of: set, at: held, places)
    var table = TableBuilder()
    let columns = RelationColumns(in: &table)
    for beta in betas {
      var fit = RelationFit(examples: examples.count, beta: beta, test: held.count)
      let map = try placing(at: call.span) { try mean.map(beta: beta) }
      if call.statement.runner.isHeard, !held.isEmpty {
        let tried = try placing(at: call.span) {
          try call.tried(map, on: states, of: set.model)
        }
        fit.faithful = tried.faithful
        fit.right = tried.right
      }
      let value = MapValue(
        map: map, model: set.model, source: places.source.label, target: places.target.label,
        fit: fit, origins: [set.origin])
      if betas.count == 1 { return .map(value) }
      columns.add(value, to: &table)
    }
    return .table(
      TableValue(table.table(measure: "faithfulness"), origins: [set.origin]))
  }
}

extension InspectedPlace {
  /// `L8.resid_post@subject`
  fileprivate var label: String { place.label + "@" + (position?.text ?? "last") }
}

extension Invocation {
  fileprivate func relationPlaces(_ set: PromptSet) throws -> RelationPlaces {
    let layers = set.model.configuration.layers
    let source = try relationPlace("site", set)
    let target =
      try has("into")
      ? relationPlace("into", set)
      : InspectedPlace(
        place: Place(label: "L\(layers - 1).resid_post", layer: layers - 1, sites: []),
        part: Place.SitePart(site: Site(.residPost, layer: layers - 1)), position: .name("last"),
        span: span)
    func passed(_ place: InspectedPlace) -> Int {
      place.part.site.layer + (place.part.site.activation == .residPost ? 1 : 0)
    }
    guard passed(source) < passed(target) else {
      throw Failure(
        "\(source.label) is not before \(target.label)",
        help: "the subject's state is of an earlier layer than the object's", span: source.span)
    }
    return RelationPlaces(source: source, target: target)
  }

  private func relationPlace(_ parameter: String, _ set: PromptSet) throws -> InspectedPlace {
    let selected = try selectors(parameter)
    let span = span(of: parameter)
    return try placing(at: span) {
      guard let selector = selected.first?.selector, selected.count == 1 else {
        throw Failure("expected one site", help: "L8.resid_post@subject")
      }
      let places = try selector.places(on: set.model.configuration, for: .reading)
      guard let place = places.first, places.count == 1 else {
        throw Failure("'\(selector.text)' is several places", help: "name one: L8.resid_post")
      }
      guard let part = place.sites.first, place.sites.count == 1,
        [.residPre, .residPost].contains(part.site.activation)
      else {
        throw Failure(
          "\(place.label) is not the stream between layers",
          help: "L8.resid_post, or L8.resid_pre")
      }
      return InspectedPlace(
        place: place, part: part, position: selector.position ?? .name("last"), span: span)
    }
  }

  /// The prompts that the mean is over, drawn at random, and the others.
  fileprivate func relationExamples(_ set: PromptSet) throws -> (examples: [Int], held: [Int]) {
    let all = Array(set.prompts.indices)
    // Of few prompts some are held out all the same.
    let wanted = try integer("examples") ?? min(8, max(1, all.count * 3 / 4))
    guard wanted > 0 else {
      throw Failure("`examples` is a count from 1", span: span(of: "examples"))
    }
    guard wanted <= all.count else {
      throw Failure(
        "these are \(all.count) prompts, fewer than \(wanted)",
        help: "give more, or fewer examples",
        span: span(of: "examples"))
    }
    return try drawn(all, wanted)
  }

  private func drawn(_ all: [Int], _ count: Int) throws -> (examples: [Int], held: [Int]) {
    var generator = SplitMix64(seed: try seed())
    let chosen = Set(try shuffled(all, &generator).prefix(count))
    return (all.filter(chosen.contains), all.filter { !chosen.contains($0) })
  }
}
