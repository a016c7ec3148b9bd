import Lang
import Model

extension Command {
  static let ablate = Command(
    name: "ablate", group: .edits,
    summary: "Take components out: set what they write to zero, or to its mean over other prompts.",
    details: """
      Everything downstream is computed anew. Without `@`, at all positions. `each` makes a sweep: \
      one run a component, and one a position where `@` gives several. A mean is over every prompt \
      of the set: at @last over that place, at a span over all its tokens, else position by \
      position, which needs prompts of one length. A head is ablated at z, an MLP at mlp_out, a \
      layer's attention at attn_out, a whole layer at both, a neuron at mlp_post.
      """,
    input: .prompts,
    parameters: [
      .word("each", ["each"], "one run for each component instead of one for all"),
      .positional("site", .selector, list: true, "components or sites: L9H8, heads@last, L9.mlp"),
      .word("mode", ["zero", "mean"], "what is put in its place; zero without it"),
      .keyword("over", .prompts, "the prompts of the mean"),
    ],
    examples: [
      "colosseum | ablate L17H2 | logits | top 5",
      "colosseum | ablate each heads@last zero | effect | top 3",
    ]
  ) { call in
    var set = try call.promptInput()
    let mode = try mode(call, on: set.model)
    let targets = try call.selectors("site").flatMap { selector, span in
      try placing(at: span) {
        let places = try selector.places(on: set.model.configuration, for: .editing)
        if case .zero = mode, let scale = places.first(where: \.hasScale) {
          throw Failure(
            "\(scale.label) is what a norm divides by, and cannot be zero",
            help: "ablate it to its mean: mean over PROMPTS")
        }
        return places.map { EditSpec.Target(place: $0, position: selector.position) }
      }
    }
    let first = call.expressions("site").first?.span ?? call.span
    let span = call.expressions("site").reduce(first) { $0.joined(with: $1.span) }
    let spec = EditSpec(
      targets: targets, mode: mode, span: span, source: call.session.source,
      description: "ablate \(call.session.source.text(in: span)) \(mode.text)")
    // An edit that no prompt can be given is an error here, where it stands, not where it is measured.
    for prompt in set.prompts {
      for kind in targets.compactMap(\.position) {
        try placing(at: span) { _ = try prompt.positions(kind) }
      }
    }
    if call.word("each") == nil {
      set.edits.append(spec)
    } else {
      guard set.sweep == nil else {
        throw call.failure("there is one `each` in this pipeline already", help: "sweep one thing")
      }
      set.sweep = spec
    }
    return .prompts(set)
  }

  private static func mode(_ call: Invocation, on model: LanguageModel) throws -> EditSpec.Mode {
    let over = try call.prompts("over")
    if let over, over.model !== model {
      throw call.failure(
        "the mean would be over prompts of another model than the one that is edited",
        help: "make them again with this model loaded")
    }
    switch (call.word("mode"), over) {
    case ("mean", let over?): return .mean(over: over)
    case ("mean", nil):
      throw call.failure(
        "a mean needs prompts to be taken over", help: "ablate … mean over PROMPTS")
    case (_, .some):
      throw call.failure("`over` goes with `mean`", help: "ablate … mean over PROMPTS")
    case (_, nil): return .zero
    }
  }
}

extension EditSpec.Mode {
  fileprivate var text: String {
    switch self {
    case .zero: "zero"
    case .mean(let set): "mean over \(set.prompts.count) prompts"
    }
  }
}

extension Place {
  fileprivate var hasScale: Bool { sites.contains { $0.site.activation.isScale } }
}
