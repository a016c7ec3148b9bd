import Lang
import Model

extension Command {
  static let circuit = Command(
    name: "circuit", group: .tables,
    summary: "Choose a circuit: the best edges, or the edges between the best components.",
    details: """
      The table has a score for each edge, as `patch each edges from PROMPTS | attribute` gives it; \
      of several prompts the mean counts. What is chosen is pruned: edges that lie on no path from \
      embed to logits are dropped.
      - ranked: the best of all edges; greedy: from the logits on, the best that leads to what is \
      there already
      - absolute: the largest effects of either sign; signed: those that help most
      `resamples` also reports how often each edge would be chosen if the prompts were drawn again.
      Without `edges` and `nodes`: all edges of the table.
      """,
    input: .any,
    parameters: [
      .positional("table", .table, required: false, "the scores; default: what comes by the pipe"),
      .keyword("edges", .number, "how many edges, or which share: 200, 1%"),
      .keyword("nodes", .number, "how many heads and MLPs, or which share"),
      .positional(
        "way", .choice(SelectionWay.self), required: false, "how edges are chosen; default: ranked"),
      .positional(
        "sign", .choice(SelectionSign.self), required: false, "which are best; default: absolute"),
      .keyword("by", .column, "the column of the scores; default: the table's measure"),
      .keyword("resamples", .number, "how often to draw the prompts again"),
      .keyword("seed", .number, "the seed of the draws; default: 0"),
    ],
    examples: [
      #"colosseum | patch each edges from (prompt "Fact: The Eiffel Tower is in the country of") | attribute | circuit edges 200"#
    ],
    run: chooseCircuit)

  private static func chooseCircuit(_ call: Invocation) throws -> Value {
    let table = try call.scoreTable()
    let (by, selection) = (try call.column("by"), try call.selection())
    let scores = try placing(at: call.span) {
      try CircuitScores(table, column: by, in: call.session)
    }
    let (edges, nodes) = (try call.circuitSize("edges"), try call.circuitSize("nodes"))
    guard edges == nil || nodes == nil else {
      throw Failure(
        "`edges` and `nodes` are two ways to choose", help: "omit one", span: call.span(of: "nodes")
      )
    }
    let resamples = try call.integer("resamples")
    guard let size = edges ?? nodes else {
      guard resamples == nil, !call.has("way"), !call.has("sign") else {
        throw call.failure(
          "nothing is chosen without `edges` or `nodes`", help: "circuit edges 200")
      }
      return .circuit(try placing(at: call.span) { try scores.all })
    }
    let chooser = try placing(at: call.span(of: edges == nil ? "nodes" : "edges")) {
      try CircuitChooser(scores, selection, size, isOfNodes: edges == nil)
    }
    var value = chooser.circuit(call.session)
    if value.circuit.count == 0, call.statement.runner.isHeard {
      call.warn(
        "no path from embed to logits lies in these \(chooser.unit)",
        help: "choose more of them, or `greedy`")
    }
    let seed = try call.seed(of: resamples)
    if let resamples {
      guard (1...100_000).contains(resamples) else {
        throw Failure("resamples are 1 to 100,000", span: call.span(of: "resamples"))
      }
      guard scores.units.count > 1 else {
        throw Failure(
          "resampling needs the scores of several prompts",
          help: "score several prompts, and do not average over them before",
          span: call.span(of: "resamples"))
      }
      value.chosen = try chooser.chosen(resamples, seed: seed)
    }
    return .circuit(value)
  }
}

extension Invocation {
  /// The table of a parameter `table`, or what comes through the pipe.
  fileprivate func scoreTable() throws -> TableValue {
    if let given = try table("table") {
      guard case .nothing = input else {
        throw Failure(
          "`\(command.name)` has a table from the pipe already", help: "omit one of them",
          span: span(of: "table"))
      }
      return given
    }
    let value = try tableInput()
    try placing(at: span) { try value.checkIsWhole("`\(command.name)`") }
    return value
  }

  func selection() throws -> CircuitSelection {
    CircuitSelection(
      isGreedy: try choice("way", SelectionWay.self) == .greedy,
      isAbsolute: try choice("sign", SelectionSign.self) != .signed)
  }

  /// A seed that needs resamples.
  fileprivate func seed(of resamples: Int?) throws -> Int {
    guard resamples == nil, has("seed") else { return resamples == nil ? 0 : try seed() }
    throw Failure(
      "`seed` goes with `resamples`", help: "resamples 100 seed 1", span: span(of: "seed"))
  }
}

/// How edges are chosen.
enum SelectionWay: String, Choice {
  case ranked, greedy

  var summary: String {
    switch self {
    case .ranked: "the best of all edges"
    case .greedy: "from the logits on, the best that leads to what is there already"
    }
  }
}

/// Which edges are best.
enum SelectionSign: String, Choice {
  case absolute, signed

  var summary: String {
    switch self {
    case .absolute: "those with the largest effects, whatever their sign"
    case .signed: "those that help most"
    }
  }
}

/// How many edges or components are chosen: a whole number, or a share of all, such as 5%.
enum CircuitSize {
  case count(Int)
  case share(Double)
}

extension Invocation {
  fileprivate func circuitSize(_ parameter: String) throws -> CircuitSize? {
    guard let expression = expression(parameter) else { return nil }
    return try placing(at: expression.span) {
      switch try session.evaluate(expression) {
      case .integer(let count): return .count(count)
      case .number(let share): return .share(share)
      case let other: throw Failure("expected a number, got \(other.kind)")
      }
    }
  }
}

/// Chooses circuits of one size from scores.
struct CircuitChooser {
  let scores: CircuitScores
  let selection: CircuitSelection
  let count: Int
  let isOfNodes: Bool

  /// - Throws: `Failure` for a size that cannot be.
  init(
    _ scores: CircuitScores, _ selection: CircuitSelection, _ size: CircuitSize, isOfNodes: Bool
  ) throws {
    (self.scores, self.selection, self.isOfNodes) = (scores, selection, isOfNodes)
    let all = isOfNodes ? scores.graph.writerCount - 1 : scores.graph.count
    if scores.areOfNodes, !isOfNodes {
      throw Failure(
        "this table scores components, not edges", help: "choose among them: circuit nodes N")
    }
    if isOfNodes, selection.isGreedy {
      throw Failure("`greedy` chooses edges", help: "omit it, or choose edges")
    }
    guard scores.column != nil else {
      throw Failure(
        "this table has no scores to choose by", help: "name their column: circuit edges 200 by x")
    }
    count =
      switch size {
      case .count(let count): count
      case .share(let share): share >= 0 && share <= 1 ? Int(share * Double(all)) : 0
      }
    guard (1...all).contains(count) else {
      let what = isOfNodes ? "heads and MLPs" : "edges"
      throw Failure(
        "this model has \(thousands(all)) \(what)",
        help: "give a number from 1, or a share such as 5%")
    }
  }

  var unit: String { "\(thousands(count)) \(isOfNodes ? "components" : "edges")" }

  /// Of the mean over all prompts, pruned.
  func circuit(_ session: Session) -> CircuitValue {
    let mean = scores.mean(of: Array(scores.units.indices))
    var value = CircuitValue(
      circuit: chosen(by: mean), model: scores.model, modelName: scores.modelName,
      choice: (selection.isGreedy ? "greedy" : "ranked")
        + (selection.isAbsolute ? " absolute" : " signed") + ", \(unit) before pruning")
    if !scores.areOfNodes { value.scores = mean }
    value.origins = scores.origins
    return value
  }

  private func chosen(by scores: [Double]) -> Circuit {
    let graph = self.scores.graph
    return
      (isOfNodes
      ? selection.nodes(count, by: self.scores.nodeScores(scores), of: graph)
      : selection.edges(count, by: scores, of: graph)).pruned()
  }

  /// In what share of resamples each edge is chosen: prompts drawn with replacement, as many as there are.
  func chosen(_ resamples: Int, seed: Int) throws -> [Double] {
    var generator = SplitMix64(seed: seed)
    var counts = [Double](repeating: 0, count: scores.graph.count)
    for _ in 0..<resamples {
      try Interruption.check()
      let drawn = scores.units.map { _ in generator.index(below: scores.units.count) }
      for number in chosen(by: scores.mean(of: drawn)).numbers { counts[number] += 1 }
    }
    return counts.map { $0 / Double(resamples) }
  }
}
