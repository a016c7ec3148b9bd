import Lang
import Model

extension Command {
  static let only = Command(
    name: "only", group: .edits,
    summary: "Keep a circuit: what is outside of it comes from other prompts.",
    details: """
      Every reader of the model has, of each edge that is not in the circuit, what the donor's run gives \
      there, and of all others what this run gives. Components compute again: what they give depends on \
      what they read. All this is one run.
      - from PROMPTS: the donor, one for all prompts or one for each, at the same positions
      - from PROMPTS mean: the mean over them, position by position
      - from PROMPTS resample: one of them, drawn for each prompt
      - zero: what is outside gives nothing
      """,
    input: .prompts,
    parameters: [
      .positional("circuit", .value, "what `circuit` gives, or a table of edges"),
      .outsideDonors, .outsideMode, .outsideSeed,
    ],
    examples: [
      #"let eiffel = prompt "Fact: {subject:The Eiffel Tower} {relation:is in the country of}"; colosseum | only (colosseum | patch each heads -> logits, embed -> heads from eiffel | attribute | circuit edges 300) from eiffel | effect"#
    ]
  ) { call in
    let set = try call.promptInput()
    let value = try call.circuit(
      try call.value(required: "circuit"), of: "circuit", for: set.model)
    return .prompts(try call.keeping(value.circuit, in: set))
  }
}

extension Command.Parameter {
  static let outsideDonors = keyword(
    "from", .donors(or: PatchDonor.self), "the donor: a prompt, or one for each prompt")
  static let outsideMode = positional(
    "mode", .choice(OutsideMode.self), required: false,
    "what stands for what is outside; default: what the donor has there")
  static let outsideSeed = keyword("seed", .number, "the seed of what is drawn; default: 0")
}

/// What stands in place of what is outside of a circuit, if not a donor's values.
enum OutsideMode: String, Choice {
  case zero, mean, resample

  var summary: String {
    switch self {
    case .zero: "nothing"
    case .mean: "the mean over the prompts of `from`"
    case .resample: "the values of one of them, drawn at random"
    }
  }
}

extension Invocation {
  /// The prompts with all edges outside of a circuit taken from elsewhere, as `from`, `mode` and `seed` say.
  func keeping(_ circuit: Circuit, in set: PromptSet) throws -> PromptSet {
    if let other = set.edits.first(where: { $0.circuit != nil }) {
      throw Failure(
        "these prompts keep a circuit already", help: "a run has one circuit",
        span: other.span, source: other.source)
    }
    let (mode, words) = try outside(of: set)
    let layers = Array(0..<set.model.configuration.layers)
    let sites =
      [Site(.embed)]
      + layers.flatMap {
        [Site(.result, layer: $0), Site(.mlpOut, layer: $0)]
      }
    let targets = sites.map { site in
      EditSpec.Target(
        place: Place(
          label: site.activation.hookName(layer: site.layer),
          sites: [Place.SitePart(site: site, units: nil)]), position: nil)
    }
    let edited = try edited(
      set, EditTargets(targets), mode, at: span(of: "circuit"), words: words,
      EditSpec.Extent(circuit: circuit))
    guard case .prompts(let kept) = edited else { return set }
    return kept
  }

  private func outside(of set: PromptSet) throws -> (EditSpec.Mode, words: String) {
    let mode = try choice("mode", OutsideMode.self)
    let from = try promptsOrWord("from", PatchDonor.self)
    // Where a seed has other draws too, it may be given without.
    if has("seed"), mode != .resample, !declares("random") {
      throw Failure(
        "`seed` goes with `resample`", help: "from PROMPTS resample seed 1", span: span(of: "seed"))
    }
    let given: PromptSet? =
      if case .prompts(let donors)? = from { try self.donors(donors, at: "from", for: set) } else {
        nil
      }
    switch (mode, from, given) {
    case (.zero, nil, _): return (.zero, "zero")
    case (.zero, _?, _):
      throw Failure(
        "`zero` takes nothing from other prompts", help: "omit `from`", span: span(of: "from"))
    case (_, nil, _):
      throw failure(
        "`\(command.name)` needs prompts that what is outside comes from",
        help: "\(command.name) … from PROMPTS, or zero")
    case (nil, .word(.counterpart)?, _): return (.patchFromCounterpart, "from counterpart")
    case (nil, _, let donors?):
      guard donors.prompts.count == 1 || donors.prompts.count == set.prompts.count else {
        throw Failure(
          "there are \(donors.prompts.count) donors for \(set.summary)",
          help: "give one for all, or one for each", span: span(of: "from"))
      }
      return (.patch(from: donors), "from \(donors.summary)")
    case (.mean, _, let donors):
      let over = donors ?? set.counterparts
      return (.mean(over: over), "from \(over.summary) mean")
    case (.resample, _, let donors):
      let (over, seed) = (donors ?? set.counterparts, try seed())
      return (
        .resample(over: over, seed: seed, withinRelation: false),
        "from \(over.summary) resample seed \(seed)"
      )
    case (nil, .prompts?, nil): throw failure("there are no donors")
    }
  }
}
