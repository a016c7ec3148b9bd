import Lang
import Model

extension Command {
  static let examples = Command(
    name: "examples", group: .measures,
    summary: "Find the texts in which neurons, heads, features or elements of a site are largest.",
    details: """
      Each text counts once, at its largest number; of equal ones the first counts. A unit is a neuron \
      (L9N12, or all of L9.mlp_post), a head by the norm of its vector (L9H3 is the norm of z, \
      L9H3.result that of what it adds to the stream), a feature of a [dictionary](#dictionary) \
      (L9F5, or all of them: L9F*), or an element of another site (L9.resid_post).
      `rate` is the share of all positions at which the unit is above 0, or above X. `by unit` has it \
      with quantiles, `by token` the numbers around each example for `plot tokens`.
      Memory does not grow with the texts: quantiles are exact up to 1,024 positions, and within 1/32 \
      of their size beyond.
      """,
    input: .prompts,
    parameters: [
      .positional(
        "site", .selector, list: true, "what is looked at: L9.mlp_post, L9N12, L9H3, L9F5"),
      .keyword("top", .number, "how many examples of each unit; default: 5"),
      .flag("lowest", "where they are smallest instead"),
      .keyword("context", .number, "tokens shown on either side; default: 8"),
      .keyword("above", .number, "a unit fires above this number; default: 0"),
      .keyword("by", .choice(ExampleDivision.self), "what each row is; default: example"),
      .keyword("at", .position, list: true, "the positions that are read; default: all"),
    ],
    examples: [
      #"texts "README.md" tokens 32 | take 3 | examples L9N{12,40} top 2"#,
      #"texts "README.md" tokens 32 | take 3 | examples L9H3 by token | plot tokens"#,
    ],
    run: findExamples)

  private static func findExamples(_ call: Invocation) throws -> Value {
    let set = try placing(at: call.span) { try call.promptInput().withoutSweep(for: "examples") }
    guard set.shard == nil else {
      throw call.failure(
        "the largest numbers of a shard are not those of the whole", help: "omit `shard`")
    }
    let places = try call.places(on: set, for: "examples") { $0.sites[0] }
    let position = places.first?.position ?? .all
    if let other = places.first(where: { ($0.position ?? .all) != position }) {
      throw Failure(
        "the positions of all units must be the same", help: "give them once: at @*",
        span: other.span)
    }
    let sources = try UnitSource.sources(
      of: places, on: set.model, call.session.dictionaries(of: set.model))
    let division = try call.choice("by", ExampleDivision.self) ?? .example
    let context: Int
    var options: UnitCollector.Options
    (options, context) = try call.exampleOptions(division)
    options.count = min(options.count, set.prompts.count)
    let rows = division == .unit ? 1 : options.count * (division == .token ? 2 * context + 1 : 1)
    let ofTexts = division == .example ? 8 * context : 0
    let longest = set.prompts.map(\.tokens.count).max() ?? 0
    let ofText = sources.map { $0.work(longest).bytes }.max() ?? 0
    let units = sources.reduce(0) { $0 + $1.units.count }
    try call.reserve(
      rows: units, rows,
      bytes: 2 * (15 * 16 + ofTexts) + (options.bytesPerUnit + ofText / max(1, units)) / rows,
      help: "name fewer units")
    let collected = try call.collect(set, sources, position, options)
    let found = ExampleRows(
      set: set, sources: Array(zip(sources.map(\.units), collected)), context: context)
    let table =
      switch division {
      case .example: try found.byExample()
      case .token: try found.byToken()
      case .unit: try found.byUnit()
      }
    return .table(TableValue(table, origins: [set.origin]))
  }
}

extension Invocation {
  fileprivate func exampleOptions(_ division: ExampleDivision) throws -> (
    UnitCollector.Options, context: Int
  ) {
    func count(_ name: String, _ usual: Int, from least: Int) throws -> Int {
      guard let count = try integer(name) else { return usual }
      guard (least...10_000).contains(count) else {
        throw Failure("`\(name)` is from \(least) to 10,000, not \(count)", span: span(of: name))
      }
      return count
    }
    guard division != .unit else {
      let threshold = try number("above") ?? 0
      return (
        UnitCollector.Options(count: 0, threshold: threshold, hasQuantiles: true), context: 0
      )
    }
    let context = try count("context", 8, from: 0)
    return (
      UnitCollector.Options(
        count: try count("top", 5, from: 1), context: division == .token ? context : nil,
        isLowest: hasFlag("lowest"),
        threshold: division == .example ? try number("above") ?? 0 : 0), context: context
    )
  }

  /// Runs the texts, and hands each source's numbers to its collector.
  fileprivate func collect(
    _ set: PromptSet, _ sources: [UnitSource], _ position: Position.Kind,
    _ options: UnitCollector.Options
  ) throws -> [UnitCollector] {
    var collected = sources.map { source in
      var own = options
      own.skipsZeros = source.skipsZeros && !options.isLowest
      return UnitCollector(units: source.units.count, own)
    }
    let sites = Set(sources.flatMap(\.sites))
    let place = span
    var results = try session.results(
      of: CaseStream(of: set, in: session), on: set.model, label: "examples", mayStop: true
    ) { item in
      let positions = try placing(at: place) { try item.prompt.positions(position) }
      let wanted = RunRequest.Positions.some(Set(positions).sorted())
      return Measurement(captures: Dictionary(uniqueKeysWithValues: sites.map { ($0, wanted) })) {
        $0.activations
      }
    }
    var done = 0
    while let (item, activations) = try results.next() {
      guard let positions = sites.first.flatMap({ activations[$0]?.positions }) else { continue }
      let rows: [[[Float]]?]
      do {
        // A plan has no numbers to look at.
        rows = try sources.map { source in
          try statement.runner.compute(
            source.work(positions.count).plan(on: set.model), label: "examples"
          ) {
            try placing(at: place) { try source.read(activations, positions) }
          }
        }
      } catch let stop as Interruption.Stopped {
        // Features take longer than runs.
        guard done > 0 else { throw stop }
        session.goOn(with: done, of: set.prompts.count)
        return collected
      }
      for (index, rows) in rows.enumerated() {
        if let rows { try collected[index].add(rows, at: positions, of: item.index) }
      }
      done += 1
    }
    return collected
  }
}
