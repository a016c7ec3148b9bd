import Lang
import Model

/// The formats that only circuits are written in.
enum CircuitFile: String {
  /// Graphviz.
  case dot
  /// A graph of EAP-IG and MIB.
  case json

  /// By the end of the file's name.
  init?(path: String) {
    guard let place = path.lastIndex(of: ".") else { return nil }
    self.init(rawValue: path[path.index(after: place)...].lowercased())
  }

  func text(of circuit: CircuitValue) -> String {
    switch self {
    case .dot: circuit.dot
    case .json: circuit.graphJSON
    }
  }
}

extension CircuitValue {
  /// For Graphviz: from the embedding at the bottom to the logits at the top.
  fileprivate var dot: String {
    let edges = zip(circuit.edges, circuit.numbers)
    let known = scores.isEmpty ? [] : circuit.numbers.map { abs(scores[$0]) }
    let largest = known.max() ?? 0
    var text = "digraph circuit {\n  rankdir=BT;\n  node [shape=box];\n"
    let layers = Dictionary(grouping: circuit.nodes.filter { $0.head != nil }) { $0.layer ?? 0 }
    for (_, heads) in layers.sorted(by: { $0.key < $1.key }) where heads.count > 1 {
      text += "  {rank=same; \(heads.map { "\"\($0)\"" }.joined(separator: "; "))}\n"
    }
    for (edge, number) in edges {
      var attributes: [String] = []
      if case .head(let input, _, _) = edge.reader {
        attributes.append("label=\"\(input.rawValue)\"")
      }
      if largest > 0, !scores[number].isNaN {
        let width = (0.5 + 4.5 * abs(scores[number]) / largest)
        attributes.append("penwidth=\((width * 100).rounded() / 100)")
        if scores[number] < 0 { attributes.append("style=dashed") }
      }
      let reader = edge.reader.writer.map(\.description) ?? "logits"
      text +=
        "  \"\(edge.writer)\" -> \"\(reader)\""
        + (attributes.isEmpty ? "" : " [\(attributes.joined(separator: ", "))]") + ";\n"
    }
    return text + "}\n"
  }

  /// As EAP-IG writes its graphs: every component and every edge of the model, and whether it is in the circuit.
  /// An edge without a score has 0; where none has one, those of the circuit have 1.
  fileprivate var graphJSON: String {
    let configuration = model.configuration
    var text = "{\n\"cfg\": {\"n_layers\": \(graph.layers), \"n_heads\": \(graph.heads), "
    text += "\"parallel_attn_mlp\": \(graph.isParallel), \"d_model\": \(configuration.width)},\n"
    let nodes = Set(circuit.nodes)
    let names = (0..<graph.writerCount).map { number in
      let writer = graph.writer(at: number)
      return "\"\(writer.graphName)\": {\"in_graph\": \(number == 0 || nodes.contains(writer))}"
    }
    text += "\"nodes\": {\n\(names.joined(separator: ",\n")),\n\"logits\": {\"in_graph\": true}},\n"
    text += "\"edges\": {\n"
    text += graph.edges.enumerated().map { number, edge in
      let isIn = circuit.contains(number)
      let score =
        scores.isEmpty ? (isIn ? 1 : 0) : scores[number].isFinite ? scores[number] : 0
      return "\"\(edge.writer.graphName)->\(edge.reader.graphName)\": "
        + "{\"score\": \(score), \"in_graph\": \(isIn)}"
    }.joined(separator: ",\n")
    return text + "}}\n"
  }
}

extension Edge.Writer {
  /// In the files of EAP-IG and MIB.
  var graphName: String {
    switch self {
    case .embed: "input"
    case .head(let layer, let head): "a\(layer).h\(head)"
    case .mlp(let layer): "m\(layer)"
    }
  }

  init?(graphName name: Substring) {
    switch name.first {
    case _ where name == "input": self = .embed
    case "m":
      guard let layer = Int(name.dropFirst()), layer >= 0 else { return nil }
      self = .mlp(layer: layer)
    case "a":
      let parts = name.dropFirst().split(separator: ".", maxSplits: 1)
      guard parts.count == 2, parts[1].first == "h", let layer = Int(parts[0]),
        let head = Int(parts[1].dropFirst()), layer >= 0, head >= 0
      else { return nil }
      self = .head(layer: layer, head: head)
    default: return nil
    }
  }
}

extension Edge.Reader {
  var graphName: String {
    switch self {
    case .head(let input, let layer, let head): "a\(layer).h\(head)<\(input.rawValue)>"
    case .mlp(let layer): "m\(layer)"
    case .logits: "logits"
    }
  }

  init?(graphName name: Substring) {
    if name == "logits" {
      self = .logits
      return
    }
    guard name.last == ">" else {
      guard case .mlp(let layer)? = Edge.Writer(graphName: name) else { return nil }
      self = .mlp(layer: layer)
      return
    }
    let parts = name.dropLast().split(separator: "<", maxSplits: 1)
    guard parts.count == 2, let input = Edge.Input(rawValue: String(parts[1])),
      case .head(let layer, let head)? = Edge.Writer(graphName: parts[0])
    else { return nil }
    self = .head(input, layer: layer, head: head)
  }
}

/// The edges of a graph of EAP-IG or MIB under this language's names; nil for what is none.
func graphTable(_ value: JSONValue, _ source: TextSource) throws -> Table? {
  guard value["cfg"]?.members != nil, value["nodes"]?.members != nil,
    let members = value["edges"]?.members
  else { return nil }
  var rows = TableBuilder(capacity: members.count)
  let (component, writer, reader) = (
    rows.texts("component"), rows.texts("writer"), rows.texts("reader")
  )
  let (score, isIn) = (rows.doubles("score"), rows.booleans("in_graph"))
  try members.forEachChecked { member in
    guard let arrow = member.key.firstRange(of: "->"),
      let from = Edge.Writer(graphName: member.key[..<arrow.lowerBound]),
      let to = Edge.Reader(graphName: member.key[arrow.upperBound...])
    else {
      throw source.failure(
        "is a graph with an edge '\(excerpt(member.key))'",
        help: "edges are named like a5.h1->a9.h6<q>, input->m0, m3->logits")
    }
    rows.addRow()
    let edge = Edge(from: from, to: to)
    (rows[component], rows[writer]) = (edge.description, from.description)
    rows[reader] = to.description
    switch member.value["score"] {
    case .number(let number): rows[score] = number
    case .integer(let number): rows[score] = Double(number)
    default: break
    }
    if case .boolean(let truth)? = member.value["in_graph"] { rows[isIn] = truth }
  }
  return rows.table(measure: "score")
}
