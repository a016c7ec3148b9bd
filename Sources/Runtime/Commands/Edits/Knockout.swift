import Lang
import Model

extension Command {
  static let knockout = Command(
    name: "knockout", group: .edits,
    summary: "Cut attention from some positions to others.",
    details: """
      After `knockout subject -> last at L10..20`, the positions after the arrow no longer see \
      those before it, in these layers. Their scores become −∞ before the softmax, so the other \
      sources share the attention.
      - a position is a span's label, last, a number, a range, or a text in quotes
      - `except` removes positions from those after the arrow: `subject -> relation except last`
      - `at` selects layers or heads (default: all layers); `heads` picks head numbers in each \
      of these layers
      """,
    input: .prompts,
    parameters: [
      .each, .positional("source", .selector, "the positions that are no longer seen"),
      .arrow(
        "destination", .selector, required: true,
        "the positions that no longer see them"),
      .keyword("except", .selector, "those after the arrow that still see them"),
      .keyword("at", .selector, list: true, "layers or heads: L10..20, L9H8"),
      .keyword("heads", .number, list: true, "only these heads of the layers: 0, 3"),
    ],
    examples: ["colosseum | knockout subject -> last at L10..20 | effect"]
  ) { call in
    let set = try call.promptInput()
    let source = try call.expression(required: "source")
    let arrow = try call.expression(required: "destination")
    let from = try call.position(source, in: set)
    let to = try call.destination(arrow, in: set)
    let numbers = try call.headNumbers(of: set.model.configuration)
    let places = try call.attentionPlaces(of: set.model.configuration, heads: numbers)
    let span = source.span.joined(with: arrow.span)
    for prompt in set.prompts {
      let sources = try placing(at: source.span) { try prompt.positions(from) }
      let destinations = try placing(at: arrow.span) { try prompt.positions(to) }
      try placing(at: span) { try prompt.checkCut(of: sources, from: destinations) }
    }
    return try call.edited(
      set, EditTargets(places.map { EditSpec.Target(place: $0, position: to) }),
      .knockout(source: from), at: span, words: call.restText)
  }
}

extension Prompt {
  /// - Throws: `Failure` for a cut that takes nothing away, or all that there is.
  fileprivate func checkCut(of sources: [Int], from destinations: [Int]) throws {
    guard let first = sources.first, destinations.contains(where: { $0 >= first }) else {
      throw Failure(
        "nothing is knocked out of '\(name)': attention only looks back",
        help: "the positions before `->` must come before those after it")
    }
    let bare = destinations.first { Set(sources).isSuperset(of: 0...$0) }
    guard let bare else { return }
    throw Failure(
      "position \(bare) of '\(name)' would have no source left to attend to",
      help: "leave it one: itself, or position 0")
  }
}

extension Invocation {
  /// What is after the arrow, but for what `except` says.
  fileprivate func destination(_ arrow: Lang.Expression, in set: PromptSet) throws -> Position.Kind
  {
    let all = try position(arrow, in: set)
    guard let except = expression("except") else { return all }
    return .except(all, try position(except, in: set))
  }

  fileprivate func headNumbers(of configuration: Configuration) throws -> [Int]? {
    guard has("heads") else { return nil }
    return try expressions("heads").flatMap { expression in
      try placing(at: expression.span) {
        let value = try session.evaluate(expression)
        let values = if case .list(let values) = value { values } else { [value] }
        guard !values.isEmpty else { throw emptyList(at: expression.span) }
        return try values.map { value in
          guard case .integer(let head) = value, (0..<configuration.heads).contains(head) else {
            throw Failure(
              "'\(value.shortText ?? value.kind)' is not a head: this model has heads 0 to "
                + "\(configuration.heads - 1)")
          }
          return head
        }
      }
    }
  }

  /// A place for each layer or head that `at` selects.
  fileprivate func attentionPlaces(of configuration: Configuration, heads: [Int]?) throws -> [Place]
  {
    func place(_ layer: Int, _ head: Int?) -> Place {
      Place(
        label: head.map { "L\(layer)H\($0)" } ?? "L\(layer)", layer: layer, head: head,
        sites: [
          Place.SitePart(
            site: Site(.attnScores, layer: layer), units: head.map { [$0] } ?? heads)
        ])
    }
    guard has("at") else { return (0..<configuration.layers).map { place($0, nil) } }
    return try selectors("at").flatMap { selector, span in
      try placing(at: span) {
        guard selector.position == nil else {
          throw Failure(
            "`at` takes layers or heads, not positions",
            help: "positions stand on both sides of the arrow: knockout subject -> last at L10..20")
        }
        return try selector.places(on: configuration, for: .editing).map { found in
          let wholes: Set<Activation> = [.attnOut, .mlpOut]
          guard let layer = found.layer,
            found.sites.allSatisfy({
              found.head != nil || wholes.contains($0.site.activation)
            }), found.sites.contains(where: { $0.site.activation != .mlpOut })
          else {
            throw Failure(
              "\(found.label) has no attention to cut", help: "give layers or heads: L10..20, L9H8")
          }
          if found.head != nil, heads != nil {
            throw Failure("\(found.label) is already a head", help: "omit `heads`")
          }
          return place(layer, found.head)
        }
      }
    }
  }

  /// What stands after the two positions.
  fileprivate var restText: String {
    (has("except") ? "except \(session.source.text(in: span(of: "except"))) " : "")
      + (has("at") ? "at \(session.source.text(in: span(of: "at")))" : "")
      + (has("heads") ? " heads \(session.source.text(in: span(of: "heads")))" : "")
  }
}
