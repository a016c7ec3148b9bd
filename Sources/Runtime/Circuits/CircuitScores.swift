import Lang
import Model

/// What a table says of edges, or of components: one number each, for every prompt that it has.
struct CircuitScores {
  let model: LanguageModel
  let modelName: String
  let graph: EdgeGraph
  /// Whether the numbers are of components; else of edges.
  let areOfNodes: Bool
  /// Of each prompt; by edge, or by writer. NaN for what has none. More helps more.
  let units: [[Double]]
  let origins: [Origin]
  /// The column that they are from; nil if the table has edges alone.
  let column: String?

  /// - Parameter column: nil: the table's measure, or a column that scores are in as a rule.
  /// - Throws: `Failure` for a table of something else, and for edges that the model does not have.
  init(_ value: TableValue, column: String? = nil, in session: Session) throws {
    let table = value.table
    origins = value.origins
    model = try value.origins.first?.model ?? session.requireModel()
    modelName = session.name(of: model)
    guard value.origins.allSatisfy({ [model] in $0.model === model }) else {
      throw Failure("this table is of several models", help: "a circuit is of one")
    }
    graph = EdgeGraph(model.configuration)
    try Self.checkPositions(table)
    let named = try column.map { try table.numericColumn($0, for: "circuit") }
    let scores = named ?? Self.usualColumn(of: table)
    self.column = scores?.name
    let items = try Items(table, graph)
    areOfNodes = items.areNodes
    let helps = scores.map { Self.helps($0.name, table) } ?? 1
    let groups = try table.promptUnits()
    let count = items.areNodes ? graph.writerCount : graph.count
    try session.reserve(
      groups.count.multipliedReportingOverflow(by: 16 * count).partialValue,
      for: "the scores of \(thousands(count)) edges for \(groups.count) prompts",
      help: "average them first: group by component, writer, reader mean estimate")
    units = try groups.map { rows in
      var sums = [Double](repeating: .nan, count: count)
      var counts = [Int](repeating: 0, count: count)
      try rows.forEachChecked { row in
        let number = items.numbers[row]
        guard let scores else {
          sums[number] = 0
          return
        }
        guard let score = scores.values.number(row) else { return }
        sums[number] = counts[number] == 0 ? score : sums[number] + score
        counts[number] += 1
      }
      for i in sums.indices where counts[i] > 0 { sums[i] = helps * sums[i] / Double(counts[i]) }
      return sums
    }
  }

  /// All edges that the table has.
  var all: CircuitValue {
    get throws {
      guard !areOfNodes else {
        throw Failure(
          "this is a table of components, not of edges",
          help: "circuit nodes N makes a circuit of it")
      }
      let mean = mean(of: Array(units.indices))
      var value = CircuitValue(
        circuit: Circuit(graph, edges: mean.indices.filter { !mean[$0].isNaN }), model: model,
        modelName: modelName, choice: "the edges of a table")
      if column != nil { value.scores = mean }
      value.origins = origins
      return value
    }
  }

  /// The mean over some prompts; one may come several times.
  func mean(of places: [Int]) -> [Double] {
    if units.count == 1 { return units[0] }
    var sums = [Double](repeating: .nan, count: units[0].count)
    var counts = [Double](repeating: 0, count: sums.count)
    for place in places {
      units[place].withUnsafeBufferPointer { unit in
        for i in unit.indices where !unit[i].isNaN {
          sums[i] = counts[i] == 0 ? unit[i] : sums[i] + unit[i]
          counts[i] += 1
        }
      }
    }
    for i in sums.indices where counts[i] > 0 { sums[i] /= counts[i] }
    return sums
  }

  /// Of each writer the sum over its edges, which is its own score to first order.
  func nodeScores(_ scores: [Double]) -> [Double] {
    if areOfNodes { return scores }
    var sums = [Double](repeating: .nan, count: graph.writerCount)
    for (reader, first) in graph.firstEdges.enumerated() {
      for writer in 0..<graph.writerCount(before: graph.reader(at: reader)) {
        let score = scores[first + writer]
        if !score.isNaN { sums[writer] = sums[writer].isNaN ? score : sums[writer] + score }
      }
    }
    return sums
  }

  // MARK: - Columns

  private static func usualColumn(of table: Table) -> Column? {
    let floating = table.columns.filter(\.kind.isFloating)
    if let measure = table.measure, let column = floating.first(where: { $0.name == measure }) {
      return column
    }
    return ["score", "estimate", "effect"].lazy.compactMap { table[$0] }
      .first { $0.kind.isNumeric }
  }

  /// What changes when an edge is patched is large and negative where the edge helps, unless less of the
  /// metric is better. What has another name is taken as it is.
  private static func helps(_ column: String, _ table: Table) -> Double {
    guard column.contains("estimate") || column.contains("effect") else { return 1 }
    guard case .texts(let names)? = table["metric"]?.values, let name = names.first ?? nil,
      let metric = Metric(rawValue: name)
    else { return -1 }
    return ChosenMetric(metric).growsWithDamage ? 1 : -1
  }

  private static func checkPositions(_ table: Table) throws {
    guard let column = ["position", "read_position"].first(where: { table[$0] != nil }) else {
      return
    }
    throw Failure(
      "this table has a column `\(column)`, and a circuit has its edges at all positions",
      help: "omit `@` and `at`, or sum over positions: group by component, writer, reader sum …")
  }

  /// Which edge or component each row is of.
  private struct Items {
    var areNodes = false
    var numbers: [Int] = []

    init(_ table: Table, _ graph: EdgeGraph) throws {
      let writers = Dictionary(
        uniqueKeysWithValues: (0..<graph.writerCount).map { (graph.writer(at: $0).description, $0) }
      )
      let readers = Dictionary(
        uniqueKeysWithValues: (0..<graph.readerCount).map { (graph.reader(at: $0).description, $0) }
      )
      let firsts = graph.firstEdges
      func edge(_ writer: Substring, _ reader: Substring) throws -> Int {
        guard let from = writers[String(writer)], let to = readers[String(reader)],
          from < graph.writerCount(before: graph.reader(at: to))
        else { throw Self.unknown("\(writer) -> \(reader)", isShared: reader.contains("KV")) }
        return firsts[to] + from
      }
      if let from = table["writer"], let to = table["reader"] {
        numbers = try (0..<table.rowCount).mapChecked {
          try edge(from[$0].description[...], to[$0].description[...])
        }
        return
      }
      guard let column = table["component"] else {
        throw Failure(
          "this table has neither `writer` and `reader` nor `component`",
          help: "score edges first: patch each edges from PROMPTS | attribute")
      }
      let names = (0..<table.rowCount).map { column[$0].description }
      areNodes = !names.contains { $0.contains("->") }
      numbers = try names.mapChecked { name in
        if let node = writers[name] {
          guard areNodes else { throw Failure("this table has edges and components") }
          return node
        }
        let ends = name.split(separator: " -> ")
        guard ends.count == 2 else { throw Self.unknown(name, isShared: false) }
        return try edge(ends[0], ends[1])
      }
    }

    private static func unknown(_ name: String, isShared: Bool) -> Failure {
      Failure(
        "this model has no edge or component '\(excerpt(name))'",
        help: isShared
          ? "score the edges of query heads: edges, or L5H1 -> L9H6.k"
          : "a circuit is of embed, heads, MLPs and logits")
    }
  }
}

extension Table {
  /// The rows of each prompt; all rows where the table has no prompts.
  fileprivate func promptUnits() throws -> [[Int]] {
    let keys = ["prompt", "relation"].compactMap { self[$0] }
    guard rowCount > 0 else { throw Failure("this table has no rows") }
    guard keys.contains(where: { $0.name == "prompt" }) else { return [Array(0..<rowCount)] }
    // The rows of a prompt follow each other, as a rule.
    var units: [[Int]] = []
    var places: [[Cell]: Int] = [:]
    var (last, place) = ([Cell](), 0)
    try (0..<rowCount).forEachChecked { row in
      let key = keys.map { $0[row] }
      if units.isEmpty || key != last {
        last = key
        place = places[key] ?? units.count
        if place == units.count {
          places[key] = place
          units.append([])
        }
      }
      units[place].append(row)
    }
    return units
  }
}

extension ChosenMetric {
  /// Whether damage makes it larger: distances between distributions, losses and ranks.
  var growsWithDamage: Bool {
    switch known {
    case .kl, .js, .tv, .loss, .rank: true
    case .logit, .logitDiff, .prob, .probDiff, .logprob, .accuracy, .overlap, nil: false
    }
  }
}
