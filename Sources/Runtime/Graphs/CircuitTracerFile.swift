import Model

/// A graph file as circuit-tracer 0.5.0 writes it for its page (`frontend/graph_models.py`,
/// `utils/create_graph_files.py`), of the edges that a table of `graph` has. There, `bias`, `rest` and
/// `pos_embed` are no nodes, and an MLP without a transcoder is an error.
struct CircuitTracerFile {
  private struct Node {
    var kind: Kind
    var position: Int
    var activation: Double?
    var influence: Double?
    /// Of a logit.
    var probability: Double?
    var token: String?
  }

  fileprivate enum Kind: Hashable {
    case feature(layer: Int, feature: Int)
    case error(layer: Int)
    case embedding(token: Int)
    case logit(layer: Int, token: Int)
  }

  private struct Key: Hashable {
    var kind: Kind
    var position: Int
  }

  private struct Link {
    var source, target: String
    var weight: Double
  }

  private let slug: String
  private let scan: String
  private let prompt: Prompt
  private let tokens: [String]
  private var nodes: [Node] = []
  private var numbers: [Key: Int] = [:]
  private var links: [Link] = []

  /// - Parameters:
  ///   - slug: the name of the graph.
  /// - Throws: `Failure` for a table of something else.
  init(_ value: TableValue, slug: String, in session: Session) throws {
    let prompts = IndexedPrompts(value.origins).prompts
    guard let model = value.origins.first?.model, let prompt = prompts.first, prompts.count == 1,
      let columns = Columns(value.table)
    else {
      throw Failure(
        "a graph file is made of the table of `graph`, with its columns",
        help: "colosseum | graph | save \"graph.json\" as circuit_tracer")
    }
    (self.slug, self.prompt, scan) = (slug, prompt, session.name(of: model))
    tokens = prompt.tokens.map(model.tokenizer.text(of:))
    for (position, token) in prompt.tokens.enumerated() {
      _ = number(of: Node(kind: .embedding(token: token), position: position))
    }
    let layers = model.configuration.layers
    for row in 0..<value.table.rowCount {
      try Interruption.check()
      guard let source = node(columns.source, row, columns, layers),
        let target = node(columns.target, row, columns, layers),
        let weight = columns.weight[row].number, weight.isFinite
      else { continue }
      let (from, to) = (number(of: source), number(of: target))
      links.append(Link(source: id(of: nodes[from]), target: id(of: nodes[to]), weight: weight))
    }
  }

  // MARK: - Nodes

  /// The columns of `graph`.
  private struct Columns {
    struct Side {
      var name, position: Column
      var isSource: Bool
    }

    let source, target: Side
    let weight, activation, influence, value, prob, tokenID, token: Column

    init?(_ table: Table) {
      guard let source = table["source"], let position = table["position"],
        let target = table["target"], let targetPosition = table["target_position"],
        let weight = table["weight"], let activation = table["activation"],
        let influence = table["influence"], let value = table["value"], let prob = table["prob"],
        let tokenID = table["target_token_id"], let token = table["target_token"]
      else { return nil }
      self.source = Side(name: source, position: position, isSource: true)
      self.target = Side(name: target, position: targetPosition, isSource: false)
      (self.weight, self.activation, self.influence) = (weight, activation, influence)
      (self.value, self.prob, self.tokenID, self.token) = (value, prob, tokenID, token)
    }
  }

  /// The node that a row names; nil for what is none in such files, and for places that the prompt lacks.
  private func node(_ side: Columns.Side, _ row: Int, _ columns: Columns, _ layers: Int) -> Node? {
    guard case .text(let name) = side.name[row], case .integer(let position) = side.position[row],
      prompt.tokens.indices.contains(position)
    else { return nil }
    if name == "embed", side.isSource {
      return Node(kind: .embedding(token: prompt.tokens[position]), position: position)
    }
    if name == "logit", !side.isSource {
      guard case .integer(let token) = columns.tokenID[row] else { return nil }
      var node = Node(kind: .logit(layer: layers + 1, token: token), position: position)
      node.probability = columns.prob[row].number
      if case .text(let text) = columns.token[row] { node.token = text }
      return node
    }
    guard let kind = Self.kind(named: name), kind.layer < layers else { return nil }
    var node = Node(kind: kind, position: position)
    if side.isSource {
      node.influence = columns.influence[row].number
      node.activation = columns.activation[row].number
    } else {
      node.activation = columns.value[row].number
    }
    return node
  }

  /// `L3F5`, `name.L3F5`, `L3.error`, `name.L3.error`, `L3.mlp`
  private static func kind(named name: String) -> Kind? {
    var parts = name.split(separator: ".")
    func layer(_ text: Substring) -> Int? { text.first == "L" ? Int(text.dropFirst()) : nil }
    if parts.count > 1, layer(parts[0]) == nil { parts.removeFirst() }
    if parts.count == 2, let layer = layer(parts[0]), layer >= 0 {
      return parts[1] == "error" || parts[1] == "mlp" ? .error(layer: layer) : nil
    }
    guard parts.count == 1, let place = parts[0].firstIndex(of: "F"),
      let layer = layer(parts[0][..<place]), layer >= 0,
      let feature = Int(parts[0][parts[0].index(after: place)...]), feature >= 0
    else { return nil }
    return .feature(layer: layer, feature: feature)
  }

  /// The number of a node among those that there are, to which it is added.
  private mutating func number(of node: Node) -> Int {
    let key = Key(kind: node.kind, position: node.position)
    guard let known = numbers[key] else {
      numbers[key] = nodes.count
      nodes.append(node)
      return nodes.count - 1
    }
    nodes[known].activation = nodes[known].activation ?? node.activation
    nodes[known].influence = nodes[known].influence ?? node.influence
    return known
  }

  /// As circuit-tracer names nodes. There an error has the name of a feature of layer 0, `0_LAYER_POSITION`,
  /// which is avoided.
  private func id(of node: Node) -> String {
    switch node.kind {
    case .feature(let layer, let feature): "\(layer)_\(feature)_\(node.position)"
    case .error(let layer): "error_\(layer)_\(node.position)"
    case .embedding(let token): "E_\(token)_\(node.position)"
    case .logit(let layer, let token): "\(layer)_\(token)_\(node.position)"
    }
  }

  /// Of each node, which part of all influence it and those with more of it have: what the page prunes by.
  private var cumulativeInfluences: [Double?] {
    let order = nodes.indices.filter { nodes[$0].influence != nil }
      .sorted { (-(nodes[$0].influence ?? 0), $0) < (-(nodes[$1].influence ?? 0), $1) }
    let total = order.reduce(0.0) { $0 + (nodes[$1].influence ?? 0) }
    var (sum, found) = (0.0, [Double?](repeating: nil, count: nodes.count))
    for number in order {
      sum += nodes[number].influence ?? 0
      found[number] = total > 0 ? sum / total : 1
    }
    return found
  }

  // MARK: - Writing

  func write(into sink: inout ByteSink) throws {
    let texts = tokens.map(JSONValue.string)
    try sink.line("{")
    try sink.line(
      "\"metadata\": {\"slug\": \(jsonString(slug)), \"scan\": \(jsonString(scan)), "
        + "\"transcoder_list\": [], \"prompt_tokens\": \(JSONValue.array(texts).text), "
        + "\"prompt\": \(jsonString(prompt.text)), \"node_threshold\": null, \"schema_version\": 1},"
    )
    try sink.line(
      #""qParams": {"pinnedIds": [], "supernodes": [], "linkType": "both", "clickedId": "", "sg_pos": ""},"#
    )
    try sink.line("\"nodes\": [")
    let firstLogit = nodes.firstIndex { $0.probability != nil }
    for (number, (node, influence)) in zip(nodes, cumulativeInfluences).enumerated() {
      let members = members(of: node, influence, isFirstLogit: number == firstLogit)
      try sink.line(
        JSONValue.object(members).text + (number == nodes.count - 1 ? "" : ","))
    }
    try sink.line("],")
    try sink.line("\"links\": [")
    for (number, link) in links.enumerated() {
      try sink.line(
        "{\"source\": \(jsonString(link.source)), \"target\": \(jsonString(link.target)), "
          + "\"weight\": \(link.weight)}" + (number == links.count - 1 ? "" : ","))
    }
    try sink.line("]")
    try sink.line("}")
  }

  private func members(of node: Node, _ influence: Double?, isFirstLogit: Bool)
    -> [JSONValue.Member]
  {
    let id = id(of: node)
    // What the page takes a node's feature from, and its name there.
    let (feature, layer, type, page): (Int, String, String, String) =
      switch node.kind {
      case .feature(let layer, let feature):
        (
          Self.pair(layer, feature), "\(layer)", "cross layer transcoder", "\(layer)_\(feature)-0"
        )
      case .error(let layer):
        (-1, "\(layer)", "mlp reconstruction error", "\(layer)_\(node.position)-0")
      case .embedding(let token):
        (node.position, "E", "embedding", "E_\(token)-\(node.position)")
      case .logit(let layer, let token): (token, "\(layer)", "logit", "L_\(token)-\(node.position)")
      }
    let label = node.probability.map {
      "Output \"\(node.token ?? "")\" (p=\(DecimalText($0).fixed(decimals: 3)))"
    }
    func number(_ value: Double?) -> JSONValue { value.map(JSONValue.number) ?? .null }
    return [
      JSONValue.Member("node_id", .string(id)), JSONValue.Member("feature", .integer(feature)),
      JSONValue.Member("layer", .string(layer)),
      JSONValue.Member("ctx_idx", .integer(node.position)),
      JSONValue.Member("feature_type", .string(type)),
      JSONValue.Member("token_prob", number(node.probability ?? 0)),
      JSONValue.Member("is_target_logit", .boolean(isFirstLogit)),
      JSONValue.Member("run_idx", .integer(0)), JSONValue.Member("reverse_ctx_idx", .integer(0)),
      JSONValue.Member("jsNodeId", .string(page)), JSONValue.Member("clerp", .string(label ?? "")),
      JSONValue.Member("influence", number(influence)),
      JSONValue.Member("activation", number(node.activation)),
    ]
  }

  /// Cantor's number of a pair, by which circuit-tracer finds a feature of a layer; −1 beyond all integers.
  private static func pair(_ x: Int, _ y: Int) -> Int {
    let (sum, overflows) = x.addingReportingOverflow(y)
    guard !overflows, sum < 1 << 31 else { return -1 }
    return sum * (sum + 1) / 2 + y
  }
}

extension CircuitTracerFile.Kind {
  fileprivate var layer: Int {
    switch self {
    case .feature(let layer, _), .error(let layer): layer
    case .embedding, .logit: 0
    }
  }
}
