import Lang
import Model

/// One component or site of a model: what a selector stands for, spelled out.
struct Place: Sendable, Hashable {
  /// `L9H8`, `L9.mlp`, `L9.resid_pre`, `embed`: what the `component` column shows.
  var label: String
  var layer: Int?
  var head: Int?
  /// The activations that make it up, and which heads or neurons of them. A whole layer is two.
  var sites: [SitePart]
  /// Of an edge: the edge, or those to all heads that share a key or value; `sites` are its writer's.
  var edges: [Edge] = []
  /// Of a path of several edges: all but the last, which `edges` has.
  var path: [Edge] = []
  /// Of an edge or a path: where it comes from and what it leads to, as its label has them.
  var writer: String?
  var reader: String?
  /// Of a state that is put there: where it is read.
  var source: StateSource?

  struct SitePart: Sendable, Hashable {
    var site: Site
    /// Nil: all.
    var units: [Int]?
    /// Of a dictionary at the site: `units` are then its features.
    var feature: FeaturePart?

    init(site: Site, units: [Int]? = nil, feature: FeaturePart? = nil) {
      (self.site, self.units, self.feature) = (site, units, feature)
    }
  }
}

extension Place {
  /// Those that differ mostly have labels that do, and a sweep has hundreds of thousands.
  func hash(into hasher: inout Hasher) { hasher.combine(label) }
}

/// Whether a place is looked at or changed: some can only be looked at.
enum Access {
  case reading, editing
  /// What can be changed to what another run has there: edges too.
  case patching
}

extension Selector {
  /// Every place that the selector means on a model, in order of layers and heads. Never empty.
  ///
  /// - Parameter dictionaries: those in use on the model; nil where features cannot be meant.
  /// - Throws: `Failure` where the model has no such layer, head, neuron, feature or activation.
  func places(
    on configuration: Configuration, for access: Access, dictionaries: [LoadedDictionary]? = nil
  ) throws -> [Place] {
    if case .literal(let literal) = base, literal.isOfFeatures {
      return try FeaturePlaces(configuration, for: access, dictionaries, text: text)
        .places(of: literal)
    }
    let places = try anyPlaces(on: configuration, for: access)
    for part in places.flatMap(\.sites) {
      if let reason = configuration.lacks(part.site.activation) {
        throw Failure("'\(text)': \(reason)")
      }
    }
    return places
  }

  private func anyPlaces(on configuration: Configuration, for access: Access) throws -> [Place] {
    let resolver = PlaceResolver(configuration: configuration, access: access, text: text)
    switch base {
    case .nothing:
      throw Failure(
        "'\(text)' is a position, not a component",
        help: "write of what: heads\(text), L9.mlp\(text)"
      )
    case .finalScale:
      let part = Place.SitePart(site: Site(.lnFinalScale), units: nil)
      return [Place(label: "ln_final.scale", sites: [part])]
    case .logits:
      throw Failure("'logits' is not a component", help: "write an edge to them: L9H9 -> logits")
    case .path(let nodes):
      try refuseEdge(unless: access)
      return try EdgePlaces(configuration, text: text).places(along: nodes)
    case .word(.edges):
      try refuseEdge(unless: access)
      return try resolver.places(of: .edges)
    case .word(let word): return try resolver.places(of: word)
    case .literal(let literal): return try resolver.places(of: literal)
    }
  }
}

extension Selector {
  private func refuseEdge(unless access: Access) throws {
    guard access != .patching else { return }
    throw Failure(
      "'\(text)' is an edge, not a component",
      help: "edges can be patched: patch \(text) from PROMPTS")
  }
}

private struct PlaceResolver {
  let configuration: Configuration
  let access: Access
  let text: String

  func places(of word: Selector.Word) throws -> [Place] {
    let layers = Array(0..<configuration.layers)
    switch word {
    case .embed: return [Place(label: "embed", sites: [part(.embed, 0)])]
    case .posEmbed: return [Place(label: "pos_embed", sites: [part(.posEmbed, 0)])]
    case .heads: return layers.flatMap { heads(Array(0..<configuration.heads), of: $0, .z, nil) }
    case .mlps: return layers.map { whole(.mlpOut, $0, name: "mlp") }
    case .attns: return layers.map { whole(.attnOut, $0, name: "attn") }
    case .layers: return try layers.map(layer)
    case .writes:
      let words: [Selector.Word] =
        configuration.hasLearnedPositions ? [.embed, .posEmbed] : [.embed]
      return try words.flatMap(places)
        + layers.flatMap { [whole(.attnOut, $0, name: "attn"), whole(.mlpOut, $0, name: "mlp")] }
    case .edges:
      let edges = AllEdges(EdgeGraph(configuration))
      return (0..<edges.count).map(edges.place)
    }
  }

  func places(of literal: ComponentLiteral) throws -> [Place] {
    guard let indices = literal.layers else { return try places(ofHook: literal) }
    let layers = try expand(indices, count: configuration.layers, "layers")
    switch literal.part {
    case .whole, .features: return try layers.map { try wholes(literal.path, $0) }
    case .heads(let indices):
      let heads = try expand(indices, count: configuration.heads, "heads")
      let activation = try self.activation(literal.path, default: .z)
      return try layers.flatMap { try self.heads(heads, activation, $0, literal.path) }
    case .neurons(let indices):
      let activation = try self.activation(literal.path, default: .mlpPost)
      guard activation.units == .neurons else {
        throw Failure("'\(text)': a neuron has mlp_pre and mlp_post, no \(activation.rawValue)")
      }
      return try layers.flatMap { layer in
        let neurons = try expand(
          indices, count: configuration.mlp[layer].neurons, "neurons",
          of: hasEvenMLPs ? "this model" : "layer \(layer)")
        return neurons.map { neuron in
          Place(
            label: "L\(layer)N\(neuron)" + suffix(literal.path), layer: layer,
            sites: [part(activation, layer, [neuron])])
        }
      }
    case .keyValueHeads(let indices):
      let heads = try expand(indices, count: configuration.keyValueHeads, "key/value heads")
      guard !literal.path.isEmpty else {
        throw Failure("'\(text)' is a key/value head: write \(text).k or \(text).v")
      }
      let activation = try self.activation(literal.path, default: .v)
      guard activation.units == .keyValueHeads else {
        throw Failure("'\(text)': a key/value head has k and v, no \(activation.rawValue)")
      }
      return layers.flatMap { layer in
        heads.map { head in
          Place(
            label: "L\(layer)KV\(head)" + suffix(literal.path), layer: layer,
            sites: [part(activation, layer, [head])])
        }
      }
    }
  }

  /// `blocks.9.attn.hook_z`
  private func places(ofHook literal: ComponentLiteral) throws -> [Place] {
    let name = literal.path.joined(separator: ".")
    guard let (activation, layer) = Activation.parse(hook: name) else {
      let known = configuration.activations.map { $0.hookName(layer: 9) }
      throw Failure(
        "this model has no hook '\(name)'",
        help: suggestion(for: name, among: known).map { "did you mean \($0)?" }
          ?? "hooks are named as TransformerLens names them: \(known.joined(separator: ", "))")
    }
    if let layer {
      _ = try expand(.some([layer...layer]), count: configuration.layers, "layers")
      return [whole(activation, layer, name: activation.rawValue)]
    }
    return [Place(label: activation.rawValue, sites: [part(activation, 0)])]
  }

  // MARK: Parts

  private func wholes(_ path: [String], _ layer: Int) throws -> Place {
    switch path {
    case []: return try self.layer(layer)
    case ["mlp"]: return whole(.mlpOut, layer, name: "mlp")
    case ["attn"]: return whole(.attnOut, layer, name: "attn")
    default:
      let activation = try activation(path, default: .residPre)
      return whole(activation, layer, name: activation.rawValue)
    }
  }

  /// A whole layer: what its attention and its MLP add to the stream.
  private func layer(_ layer: Int) throws -> Place {
    guard access != .reading else {
      throw Failure(
        "'L\(layer)' is a whole layer: name one of its activations",
        help: "L\(layer).resid_pre, L\(layer).attn_out, L\(layer).mlp_out, L\(layer)H0.z …")
    }
    return Place(
      label: "L\(layer)", layer: layer, sites: [part(.attnOut, layer), part(.mlpOut, layer)])
  }

  private func heads(_ heads: [Int], _ activation: Activation, _ layer: Int, _ path: [String])
    throws -> [Place]
  {
    switch activation.units {
    case .heads: return self.heads(heads, of: layer, activation, path)
    case .keyValueHeads:
      return try heads.map { head in
        let shared = configuration.keyValueHead(of: head)
        let others = configuration.heads(reading: shared).filter { $0 != head }
        if access != .reading && !others.isEmpty {
          let names = others.map { "L\(layer)H\($0)" }.joined(separator: ", ")
          throw Failure(
            "changing L\(layer)H\(head).\(activation.rawValue) would change \(names) too: they "
              + "share one key/value head",
            help: "write L\(layer)KV\(shared).\(activation.rawValue) to change it for all of them")
        }
        return Place(
          label: "L\(layer)H\(head)" + suffix(path), layer: layer, head: head,
          sites: [part(activation, layer, [shared])])
      }
    case .none, .neurons:
      throw Failure(
        "a head has no \(activation.rawValue)",
        help: "a head has q, k, v, attn_scores, pattern, z and result; a layer has "
          + "L\(layer).\(activation.rawValue)")
    }
  }

  private func heads(_ heads: [Int], of layer: Int, _ activation: Activation, _ path: [String]?)
    -> [Place]
  {
    heads.map { head in
      Place(
        label: "L\(layer)H\(head)" + suffix(path ?? []), layer: layer, head: head,
        sites: [part(activation, layer, [head])])
    }
  }

  private func whole(_ activation: Activation, _ layer: Int, name: String) -> Place {
    Place(label: "L\(layer).\(name)", layer: layer, sites: [part(activation, layer)])
  }

  private func part(_ activation: Activation, _ layer: Int, _ units: [Int]? = nil)
    -> Place.SitePart
  {
    Place.SitePart(site: Site(activation, layer: layer), units: units)
  }

  private func suffix(_ path: [String]) -> String { path.map { ".\($0)" }.joined() }

  private func activation(_ path: [String], default fallback: Activation) throws -> Activation {
    if path.isEmpty { return fallback }
    let name = path.joined(separator: ".")
    if let found = Activation(rawValue: name), found.isInLayer { return found }
    let known = configuration.activations.filter(\.isInLayer).map(\.rawValue)
    if name == "attn.bias" {
      throw Failure(
        "'\(text)' is what attention adds whatever it reads: it can be attributed, not edited"
      )
    }
    if let outside = Activation(rawValue: name) {
      throw Failure("a layer has no \(name): write \(outside.rawValue)")
    }
    throw Failure(
      "there is no activation '\(name)'",
      help: suggestion(for: name, among: known).map { "did you mean \($0)?" }
        ?? "a layer has: \(known.joined(separator: ", "))")
  }

  /// Whether all layers have as many neurons.
  private var hasEvenMLPs: Bool { Set(configuration.mlp.map(\.neurons)).count == 1 }

  private func expand(
    _ indices: Indices, count: Int, _ what: String, of owner: String = "this model"
  ) throws -> [Int] {
    try indices.expanded(count, what, of: owner, in: text)
  }
}

extension Indices {
  /// The numbers that they are, in order.
  ///
  /// - Parameters:
  ///   - count: how many there are, of what and on what.
  ///   - text: the selector, for messages.
  func expanded(
    _ count: Int, _ what: String, of owner: String = "this model", in text: String
  ) throws -> [Int] {
    guard case .some(let ranges) = self else { return Array(0..<count) }
    for range in ranges where range.lowerBound < 0 || range.upperBound >= count {
      throw Failure(
        "'\(text)': \(owner) has \(what) 0 to \(count - 1)",
        help: count == 1 ? "there is only 0" : nil)
    }
    let wanted = Set(ranges.flatMap { Array($0) })
    return (0..<count).filter(wanted.contains)
  }
}
