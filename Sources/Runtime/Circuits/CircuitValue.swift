import Model

/// A circuit as a value: some edges of a model, and what is known of them.
struct CircuitValue: Sendable {
  var circuit: Circuit
  let model: LanguageModel
  /// What the model is called.
  let modelName: String
  /// How it was chosen: `ranked absolute, 200 edges before pruning`.
  var choice: String
  /// Of every edge of the model, in the order of `EdgeGraph.edges`; NaN for one that has none. Empty if none
  /// has.
  var scores: [Double] = []
  /// Likewise, in what share of resamples an edge was chosen.
  var chosen: [Double] = []
  /// What the scores were measured on.
  var origins: [Origin] = []

  var graph: EdgeGraph { circuit.graph }

  /// `187 edges between 43 components`
  var summary: String {
    let nodes = circuit.nodes.count
    return "\(thousands(circuit.count)) edge\(circuit.count == 1 ? "" : "s") between \(nodes) "
      + "component\(nodes == 1 ? "" : "s")"
  }

  /// The names of its edges, as a line takes them.
  var edgeNames: [String] { circuit.edges.map(\.description) }

  /// The names of its heads and MLPs.
  var nodeNames: [String] { circuit.nodes.map(\.description) }

  /// - Throws: `Failure` for what it does not have.
  func member(_ name: String) throws -> Value {
    switch name {
    case "edges": return .list(edgeNames.map(Value.text))
    case "nodes": return .list(nodeNames.map(Value.text))
    case "model": return .text(modelName)
    case "count": return .integer(circuit.count)
    default:
      let column = try table.table.column(name)
      return .list((0..<column.count).map { Value(column[$0]) })
    }
  }

  /// As it is printed.
  var listing: Table {
    let all = thousands(graph.count)
    let rows = [
      ("model", modelName),
      ("edges", "\(thousands(circuit.count)) of \(all)"),
      ("components", "\(circuit.nodes.count) of \(graph.writerCount - 1)"),
      ("chosen", choice),
    ]
    return Table(columns: [
      Column("property", .texts(rows.map(\.0))), Column("value", .texts(rows.map(\.1))),
    ])
  }

  /// component, writer, reader, and what is known of each edge.
  var table: TableValue {
    let (edges, numbers) = (circuit.edges, circuit.numbers)
    var columns = [
      Column("component", .texts(edges.map(\.description))),
      Column("writer", .texts(edges.map(\.writer.description))),
      Column("reader", .texts(edges.map(\.reader.description))),
    ]
    if !scores.isEmpty { columns.append(Column("score", .doubles(numbers.map { scores[$0] }))) }
    if !chosen.isEmpty { columns.append(Column("chosen", .doubles(numbers.map { chosen[$0] }))) }
    return TableValue(
      Table(columns: columns, measure: scores.isEmpty ? nil : "score"), origins: origins)
  }
}

extension Session {
  /// - Throws: `Failure` where a circuit is of another model than what is to be run.
  func check(_ circuit: CircuitValue, isOf model: LanguageModel) throws {
    if circuit.model === model { return }
    guard circuit.model.path == model.path, circuit.graph == EdgeGraph(model.configuration) else {
      throw Failure(
        "this circuit is of '\(name(of: circuit.model))', and '\(name(of: model))' is run",
        help: "choose a circuit from edges that were measured on '\(name(of: model))'")
    }
  }
}

extension Invocation {
  /// A circuit, or all edges of a table as one.
  ///
  /// - Throws: `Failure` for anything else, and for a circuit of another model than `model`.
  func circuit(
    _ value: Value, of parameter: String, for model: LanguageModel
  ) throws -> CircuitValue {
    try placing(at: span(of: parameter)) {
      switch value {
      case .circuit(let circuit):
        try session.check(circuit, isOf: model)
        return circuit
      case .table(let table):
        let scores = try CircuitScores(table, in: session)
        let circuit = try scores.all
        try session.check(circuit, isOf: model)
        return circuit
      case let other:
        throw Failure(
          "expected a circuit or a table of edges, got \(other.kind)",
          help: "`circuit` makes one: SCORES | circuit edges 200")
      }
    }
  }
}
