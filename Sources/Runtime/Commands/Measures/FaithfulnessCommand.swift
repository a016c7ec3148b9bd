import Lang
import Model

extension Command {
  static let faithfulness = Command(
    name: "faithfulness", group: .measures,
    summary: "Measure how much of a model's behaviour a circuit has, or circuits of several sizes.",
    details: """
      faithfulness = (m(C) − m(∅)) / (m(M) − m(∅)): m is the metric's mean over the prompts with the \
      circuit, with an empty one, and with the whole model. What is outside of a circuit is taken from \
      elsewhere as `only` takes it.
      - of a table of scores: a row for each size; cpr and cmd are MIB's areas up to it
      - of a circuit: one row
      - completeness: sets K of components are taken out of circuit and model
      - minimality: each component is taken out of the circuit
      `random N` compares each circuit with N random ones of as many edges, each on paths from embed to \
      logits.
      """,
    input: .prompts,
    parameters: [
      .positional("circuit", .value, "scores of edges, or a circuit"),
      .outsideDonors, .outsideMode,
      .positional(
        "test", .choice(CircuitTest.self), required: false, "test a circuit's parts instead"),
      .keyword("of", .metric(or: Metric.self), "the metric; default: logit_diff, or logit"),
      .keyword(
        "sizes", .number, list: true, "shares of all edges; default: MIB's ten, 0.1% to 100%"),
      .positional(
        "way", .choice(SelectionWay.self), required: false, "how edges are chosen; default: ranked"),
      .positional(
        "sign", .choice(SelectionSign.self), required: false, "which are best; default: absolute"),
      .keyword("by", .column, "the column of the scores; default: the table's measure"),
      .keyword("random", .number, "how many random circuits of each size; default: 0"),
      .keyword("subsets", .number, "how many sets K; default: 10"),
      .keyword("level", .number, "the level of intervals; default: 95%"),
      .keyword("resamples", .number, "the number of resamples; default: 2000"),
      .keyword("seed", .number, "the seed of all draws; default: 0"),
    ],
    examples: [
      #"let eiffel = prompt "Fact: {subject:The Eiffel Tower} {relation:is in the country of}"; colosseum | faithfulness (colosseum | patch each embed -> heads, heads -> logits from eiffel | attribute) from eiffel sizes 0.3%"#
    ],
    run: measureFaithfulness)

  private static func measureFaithfulness(_ call: Invocation) throws -> Value {
    let set = try call.promptInput()
    let value = try call.value(required: "circuit")
    let options = try FaithfulnessOptions(call)
    let runs = try CircuitRuns(call, set)
    let table: Table
    switch value {
    case .table(let scores) where options.test == nil:
      let scores = try placing(at: call.span(of: "circuit")) {
        try CircuitScores(scores, column: options.by, in: call.session)
      }
      try call.check(scores.model, is: set)
      table = try FaithfulnessCurve(call, runs, scores, options).table()
    case .circuit, .table:
      try options.refuseSelection(call)
      let circuit = try call.circuit(value, of: "circuit", for: set.model).circuit
      switch options.test {
      case nil: table = try FaithfulnessCurve(call, runs, circuit, options).table()
      case .completeness: table = try CircuitTests(call, runs, circuit, options).completeness()
      case .minimality: table = try CircuitTests(call, runs, circuit, options).minimality()
      }
    default:
      throw Failure(
        "expected a circuit or a table of scores, got \(value.kind)",
        help: "score edges first: patch each edges from PROMPTS | attribute",
        span: call.span(of: "circuit"))
    }
    return .table(TableValue(table, origins: [runs.set.origin]))
  }
}

extension Invocation {
  fileprivate func check(_ model: LanguageModel, is set: PromptSet) throws {
    guard model !== set.model, model.path != set.model.path else { return }
    throw Failure(
      "these scores are of '\(session.name(of: model))', and '\(session.name(of: set.model))' is run",
      help: "score edges on '\(session.name(of: set.model))'", span: span(of: "circuit"))
  }
}

/// Parts of a circuit that can be tested.
enum CircuitTest: String, Choice {
  case completeness, minimality

  var summary: String {
    switch self {
    case .completeness: "whether circuit and model still agree without a set of components"
    case .minimality: "what each component adds"
    }
  }
}

struct FaithfulnessOptions {
  let test: CircuitTest?
  let selection: CircuitSelection
  /// Nil: the default ones.
  let sizes: [Double]?
  let by: String?
  let random: Int
  let subsets: Int?
  let bootstrap: Bootstrap
  private let hasSelection: Bool

  /// MIB's shares of all edges.
  static let usualSizes = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1]

  init(_ call: Invocation) throws {
    test = try call.choice("test", CircuitTest.self)
    selection = try call.selection()
    hasSelection = ["way", "sign", "sizes", "by"].contains(where: call.has)
    by = try call.column("by")
    let sizes = try call.numbers("sizes")
    if let wrong = sizes.first(where: { $0 <= 0 || $0 > 1 }) {
      throw Failure(
        "a size is a share of all edges, from above 0 to 100%, not \(shortNumbers([wrong])[0])",
        help: "sizes 1%, 10%", span: call.span(of: "sizes"))
    }
    self.sizes = sizes.isEmpty ? nil : sizes.sorted()
    random = try call.integer("random") ?? 0
    subsets = try call.integer("subsets")
    for (name, count) in [("random", random), ("subsets", subsets ?? 1)]
    where !(0...10_000).contains(count) {
      throw Failure("`\(name)` is a number up to 10,000", span: call.span(of: name))
    }
    if subsets != nil, test == nil {
      throw Failure(
        "`subsets` goes with `completeness` and `minimality`", help: "omit it",
        span: call.span(of: "subsets"))
    }
    if random > 0, test != nil {
      throw Failure(
        "`random` goes with sizes, not with a test of parts", help: "omit it",
        span: call.span(of: "random"))
    }
    var bootstrap = Bootstrap()
    bootstrap.level = try call.number("level") ?? bootstrap.level
    bootstrap.resamples = try call.integer("resamples") ?? bootstrap.resamples
    // `seed` is of what is drawn outside of circuits, too.
    bootstrap.seed = try call.seed()
    guard bootstrap.level > 0, bootstrap.level < 1 else {
      throw Failure(
        "the level of an interval must be between 0 and 1", help: "write 0.95, or 95%",
        span: call.span(of: "level"))
    }
    guard (1...1_000_000).contains(bootstrap.resamples) else {
      throw Failure("resamples are 1 to 1,000,000", span: call.span(of: "resamples"))
    }
    self.bootstrap = bootstrap
  }

  /// - Throws: `Failure` where options choose a circuit, and there is one already.
  func refuseSelection(_ call: Invocation) throws {
    guard hasSelection else { return }
    let name = ["sizes", "way", "sign", "by"].first(where: call.has) ?? "sizes"
    throw Failure(
      "this chooses circuits from scores, and a circuit is given", help: "omit it",
      span: call.span(of: name))
  }
}
