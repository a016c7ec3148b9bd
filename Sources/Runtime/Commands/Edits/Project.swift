import Lang
import Model

extension Command {
  static let project = Command(
    name: "project", group: .edits,
    summary: "Remove what a site has along a vector, or everything else.",
    details: """
      `off V` subtracts the part along V: x − (x · v) v, where v is V divided by its norm. At \
      `writes`, which are the embedding and every attn_out and mlp_out, nothing of the direction ever \
      enters the stream (directional ablation). `onto V` leaves nothing but that part.
      V needs one number for each element of the site; of heads, each is projected by itself.
      """,
    input: .prompts,
    parameters: [
      .each, .site,
      .keyword("off", .value, "a vector, as `steer` takes it: all but the part along it is left"),
      .keyword("onto", .value, "a vector: only the part along it is left"),
    ],
    examples: [
      "colosseum | project writes off (colosseum | activations L15.resid_pre@last | vector) | rank"
    ]
  ) { call in
    let set = try call.promptInput()
    let (off, onto) = (call.expression("off"), call.expression("onto"))
    guard let expression = off ?? onto, off == nil || onto == nil else {
      throw call.failure(
        "`project` needs either `off V` or `onto V`",
        help: "project writes off V, project L9.resid_post onto V")
    }
    let word = off == nil ? "onto" : "off"
    return try call.editedAlong(
      set, expression, off == nil ? .alone : .removed,
      words: "\(word) \(call.session.source.text(in: expression.span))")
  }
}

extension Invocation {
  /// The prompts with an edit along the vector that an expression gives.
  func editedAlong(
    _ set: PromptSet, _ expression: Lang.Expression, _ change: Along.Change, words: String
  ) throws -> Value {
    let vector = try placing(at: expression.span) {
      let vector = try session.evaluate(expression).vector(of: set.model, in: session)
      if vector.norm > 0 { return vector.elements }
      // A plan has zeros for numbers.
      guard !statement.runner.isHeard else {
        throw Failure("this vector is zero, and has no direction")
      }
      return VectorValue.planned(vector.elements.count)
    }
    return try edited(set, .along(Along(vector, change)), words: words) { place, configuration in
      let activation = try place.oneSite(for: "project it").activation
      guard !activation.isScale else {
        throw Failure("\(place.label) is one number, and has no direction", help: "`scale` it")
      }
      if activation.units == .neurons, place.sites[0].units != nil {
        throw Failure(
          "\(place.label) is some of the neurons, and has no direction",
          help: "all neurons of a layer are L\(place.layer ?? 0).\(activation.rawValue)")
      }
      let width = configuration.alongWidth(place.sites[0].site)
      guard vector.count == width else {
        throw Failure("\(place.label) has \(width) elements, and the vector \(vector.count)")
      }
    }
  }
}

extension Place {
  /// The site of a place that is one, and has as many elements at each position.
  func oneSite(for what: String) throws -> Site {
    guard sites.count == 1, let part = sites.first else {
      throw Failure(
        "\(label) is several activations: name one to \(what)",
        help: "\(label).resid_pre, \(label).attn_out, \(label).mlp_out …")
    }
    guard !part.site.activation.isOverSources else {
      throw Failure(
        "\(label) is as wide as its position, so no one vector fits it",
        help: "scale it, or patch it")
    }
    return part.site
  }
}
