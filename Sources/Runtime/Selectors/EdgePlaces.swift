import Lang
import Model

/// The edges that a path between components means on a model: `L5H1 -> L9H6.q`, `heads -> logits`,
/// `edges`.
struct EdgePlaces {
  private let configuration: Configuration
  private let graph: EdgeGraph
  private let text: String

  init(_ configuration: Configuration, text: String) {
    self.configuration = configuration
    graph = EdgeGraph(configuration)
    self.text = text
  }

  /// Something that reads, and what a table calls it: the key of a key/value head is read by several
  /// heads.
  private struct Reader {
    var label: String
    var parts: [Edge.Reader]
  }

  /// By reader, then by writer, in the order of the model. `*`, `heads`, `mlps` and `layers` leave out what
  /// is no edge.
  func places(along nodes: [Selector]) throws -> [Place] {
    guard nodes.count == 2 else { return try paths(along: nodes) }
    let writers = try writers(nodes[0])
    let readers = try readers(nodes[1])
    let leavesOut = nodes.contains(where: \.isWild)
    var places: [Place] = []
    var first: (edge: Edge, obstacle: EdgeGraph.Obstacle)?
    for reader in readers {
      for writer in writers {
        let edge = Edge(from: writer, to: reader.parts[0])
        if let obstacle = graph.obstacle(to: edge) {
          first = first ?? (edge, obstacle)
          if !leavesOut { throw failure(edge, obstacle) }
        } else {
          places.append(place(from: writer, to: reader))
        }
      }
    }
    if places.isEmpty, let first { throw failure(first.edge, first.obstacle) }
    return places
  }

  /// Of three nodes or more: each hop's places joined where one leads to what the next leads from. Those between
  /// the ends read something: a head's queries, keys or values, or an MLP.
  private func paths(along nodes: [Selector]) throws -> [Place] {
    var paths: [Place] = []
    for node in nodes.dropFirst().dropLast() {
      guard case .literal(let literal) = node.base, case .keyValueHeads = literal.part else {
        continue
      }
      throw Failure(
        "'\(node.text)' leads to several heads", help: "name one: L5H1 -> L9H6.k -> logits")
    }
    for (index, pair) in zip(nodes, nodes.dropFirst()).enumerated() {
      let from = index == 0 ? pair.0 : pair.0.bareHead
      let hops = try places(along: [from, pair.1])
      if index == 0 {
        paths = hops
        continue
      }
      let following = Dictionary(grouping: hops) { $0.edges[0].writer }
      let count = paths.reduce(0) { $0 + (Self.hops(after: $1, in: following).count) }
      guard count <= Self.mostPaths else {
        throw Failure("'\(text)' is more than \(thousands(Self.mostPaths)) paths")
      }
      paths = paths.flatMap { path in
        Self.hops(after: path, in: following).map { hop in
          var longer = hop
          longer.path = path.path + [path.edges[0]]
          longer.label = "\(path.label) -> \(hop.reader ?? "")"
          longer.sites = path.sites
          longer.writer = path.writer
          return longer
        }
      }
    }
    guard !paths.isEmpty else { throw Failure("'\(text)' is not a path: its edges do not meet") }
    return paths
  }

  private static func hops(
    after path: Place, in following: [Edge.Writer: [Place]]
  ) -> [Place] {
    path.edges[0].reader.writer.flatMap { following[$0] } ?? []
  }

  private static let mostPaths = 100_000

  private func place(from writer: Edge.Writer, to reader: Reader) -> Place {
    let name = writer.description
    return Place(
      label: "\(name) -> \(reader.label)", sites: [writer.part],
      edges: reader.parts.map { Edge(from: writer, to: $0) }, writer: name, reader: reader.label)
  }

  private func failure(_ edge: Edge, _ obstacle: EdgeGraph.Obstacle) -> Failure {
    let what = "there is no edge \(edge): "
    switch obstacle {
    case .backwards:
      return Failure(
        what + "\(edge.reader) reads the stream before \(edge.writer) is added to it",
        help: "an edge leads from an earlier component to a later one")
    case .betweenHeads:
      return Failure(
        what + "heads of one layer compute at once, and do not read each other",
        help: "\(edge.writer) is read by "
          + (graph.isParallel ? "" : "the MLP of its layer and by ") + "the layers after it")
    case .parallelMLP:
      return Failure(
        what + "attention and MLP of a layer of this model read the same stream at once",
        help: "\(edge.writer) is read by the layers after it")
    case .unknown: return Failure("this model has no edge \(edge)")
    }
  }

  // MARK: - Ends

  private func writers(_ node: Selector) throws -> [Edge.Writer] {
    let layers = Array(0..<configuration.layers)
    switch node.base {
    case .word(.embed): return [.embed]
    case .word(.heads): return layers.flatMap { heads(of: $0) }
    case .word(.mlps): return layers.map { .mlp(layer: $0) }
    case .word(.layers): return layers.flatMap { heads(of: $0) + [.mlp(layer: $0)] }
    case .literal(let literal): return try writers(literal, node)
    case .logits:
      throw Failure(
        "the logits come last: no edge leads from them",
        help: "write an edge to them: L9H9 -> logits")
    case .word(.posEmbed), .word(.attns), .word(.writes), .word(.edges), .finalScale, .nothing,
      .path:
      throw noNode(node)
    }
  }

  private func heads(of layer: Int) -> [Edge.Writer] {
    (0..<configuration.heads).map { .head(layer: layer, head: $0) }
  }

  private func writers(_ literal: ComponentLiteral, _ node: Selector) throws -> [Edge.Writer] {
    guard let layers = literal.layers else { throw noNode(node) }
    let expanded = try layers.expanded(configuration.layers, "layers", in: text)
    switch (literal.part, literal.path) {
    case (.whole, []): return expanded.flatMap { heads(of: $0) + [.mlp(layer: $0)] }
    case (.whole, ["mlp"]): return expanded.map { .mlp(layer: $0) }
    case (.heads(let heads), []):
      let heads = try heads.expanded(configuration.heads, "heads", in: text)
      return expanded.flatMap { layer in heads.map { .head(layer: layer, head: $0) } }
    case (.heads, _):
      let bare = node.text.prefix { $0 != "." }
      throw Failure(
        "'\(node.text)': an edge leads from all that a head gives", help: "write \(bare) -> …")
    case (.whole, _), (.neurons, _), (.keyValueHeads, _), (.features, _): throw noNode(node)
    }
  }

  private func readers(_ node: Selector) throws -> [Reader] {
    let layers = Array(0..<configuration.layers)
    let all = Array(0..<configuration.heads)
    switch node.base {
    case .logits: return [Reader(label: "logits", parts: [.logits])]
    case .word(.heads): return layers.flatMap { heads(all, Edge.Input.allCases, of: $0) }
    case .word(.mlps): return layers.map(mlp)
    case .word(.layers):
      return layers.flatMap { heads(all, Edge.Input.allCases, of: $0) + [mlp($0)] }
    case .literal(let literal): return try readers(literal, node)
    case .word(.embed), .word(.posEmbed):
      throw Failure(
        "\(node.text) reads nothing: no edge leads to it",
        help: "write an edge from it: embed -> L0.mlp")
    case .word(.attns), .word(.writes), .word(.edges), .finalScale, .nothing, .path:
      throw noNode(node)
    }
  }

  private func readers(_ literal: ComponentLiteral, _ node: Selector) throws -> [Reader] {
    guard let layers = literal.layers else { throw noNode(node) }
    let expanded = try layers.expanded(configuration.layers, "layers", in: text)
    let inputs =
      literal.path.isEmpty ? Edge.Input.allCases : literal.path.compactMap(Edge.Input.init)
    switch literal.part {
    case .whole where literal.path == ["mlp"]: return expanded.map(mlp)
    case .whole where literal.path.isEmpty:
      return expanded.flatMap { heads(Array(0..<configuration.heads), inputs, of: $0) + [mlp($0)] }
    case .heads(let heads) where !inputs.isEmpty:
      let heads = try heads.expanded(configuration.heads, "heads", in: text)
      return expanded.flatMap { self.heads(heads, inputs, of: $0) }
    case .heads:
      throw Failure(
        "'\(node.text)': an edge leads to what a head reads as queries, keys or values",
        help: "write … -> \(node.text.prefix { $0 != "." }).q, or .k, or .v")
    case .keyValueHeads(let heads) where inputs != [.q] && !inputs.isEmpty:
      let heads = try heads.expanded(configuration.keyValueHeads, "key/value heads", in: text)
      return expanded.flatMap { layer in
        inputs.filter { $0 != .q }.flatMap { input in
          heads.map { shared($0, input, of: layer) }
        }
      }
    case .keyValueHeads:
      throw Failure(
        "'\(node.text)': an edge leads to the keys or the values of a key/value head",
        help: "write … -> \(node.text.prefix { $0 != "." }).k, or .v")
    case .whole, .neurons, .features: throw noNode(node)
    }
  }

  private func heads(_ heads: [Int], _ inputs: [Edge.Input], of layer: Int) -> [Reader] {
    inputs.flatMap { input in
      heads.map { head in
        let reader = Edge.Reader.head(input, layer: layer, head: head)
        return Reader(label: "\(reader)", parts: [reader])
      }
    }
  }

  private func shared(_ head: Int, _ input: Edge.Input, of layer: Int) -> Reader {
    Reader(
      label: "L\(layer)KV\(head).\(input.rawValue)",
      parts: configuration.heads(reading: head).map { .head(input, layer: layer, head: $0) })
  }

  private func mlp(_ layer: Int) -> Reader {
    Reader(label: "L\(layer).mlp", parts: [.mlp(layer: layer)])
  }

  private func noNode(_ node: Selector) -> Failure {
    Failure(
      "'\(node.text)' cannot be the end of an edge",
      help:
        "an edge leads from embed, heads (L5H1) or MLPs (L5.mlp) to what heads read (L9H6.q, .k, .v), "
        + "MLPs or logits")
  }
}

extension Edge.Writer {
  /// What it gives.
  var part: Place.SitePart {
    switch self {
    case .embed: Place.SitePart(site: Site(.embed), units: nil)
    case .mlp(let layer): Place.SitePart(site: Site(.mlpOut, layer: layer), units: nil)
    case .head(let layer, let head):
      Place.SitePart(site: Site(.result, layer: layer), units: [head])
    }
  }
}

extension Selector {
  /// The head alone, where its queries, keys or values are named.
  fileprivate var bareHead: Selector {
    guard case .literal(var literal) = base, case .heads = literal.part,
      literal.path.allSatisfy({ Edge.Input(rawValue: $0) != nil })
    else { return self }
    literal.path = []
    var bare = self
    bare.base = .literal(literal)
    return bare
  }

  /// Whether it says "all" of something: what cannot be is left out then.
  fileprivate var isWild: Bool {
    switch base {
    case .word(let word): word != .embed && word != .posEmbed
    case .literal(let literal):
      switch literal.part {
      case .whole: literal.layers == .all
      case .heads(let indices), .neurons(let indices), .keyValueHeads(let indices),
        .features(let indices):
        literal.layers == .all || indices == .all
      }
    case .logits, .finalScale, .nothing, .path: false
    }
  }
}
