import Lang
import Model

extension Command {
  static let noise = Command(
    name: "noise", group: .edits,
    summary: "Add normal random numbers at a site, as causal tracing does.",
    details: """
      Their standard deviation is `times` that of all numbers of the site at these positions, over all \
      prompts of `over`: `noise embed@subject times 3` is the noise of Meng et al. 2022. Each prompt and \
      position has numbers of its own; the seed decides them, on every machine alike. All runs of a \
      sweep have the same noise.
      """,
    input: .prompts,
    parameters: [
      .each, .site,
      .keyword("times", .number, required: true, "how many standard deviations wide"),
      .keyword(
        "over", .prompts, "whose numbers give the deviation; default: all prompts made together"),
      .keyword("seed", .number, "the seed; default: 0"),
    ],
    examples: ["colosseum | noise embed@subject times 3 seed 1 | effect of prob"]
  ) { call in
    let set = try call.promptInput()
    let times = try call.number(required: "times")
    guard Float(times).isFinite else {
      throw Failure("this is too much noise", span: call.span(of: "times"))
    }
    let over = try call.prompts("over").map { try call.donors($0, at: "over", for: set) }
    let seed = try call.seed()
    return try call.edited(
      set, .noise(times: Float(times), over: over ?? set.whole, seed: seed),
      words: "times \(times) over \((over ?? set.whole).summary) seed \(seed)"
    ) { place, _ in
      for part in place.sites
      where part.site.activation.isOverSources || part.site.activation.isScale {
        throw Failure(
          "noise is not added at \(place.label)",
          help: "add it to what components give, to q, k or v, or to the stream: embed, "
            + "L*.resid_pre")
      }
    }
  }
}
