/// Which beginnings prompts have in common.
///
/// What is computed at a position depends on the tokens up to there and on the edits at these
/// positions, and on nothing else: where two prompts agree in both, one row serves both. Each position
/// of each prompt is a node of a tree, and two prompts have a node in common where they agree up to it.
struct PromptTree {
  /// By request, the node of each of its positions. A request that varies another has those of its
  /// base.
  let nodes: [[Int]]

  /// - Parameter apart: whether no two prompts have a node in common all the same.
  /// - Throws: `Interruption.Stopped`.
  init(_ requests: [RunRequest], _ configuration: Configuration, apart: Bool = false) throws {
    var grower = Grower()
    var nodes: [[Int]] = []
    for (index, request) in requests.enumerated() {
      if index.isMultiple(of: 16) { try Interruption.check() }
      if apart { grower.forget() }
      nodes.append(request.base == nil ? grower.nodes(of: request, configuration) : [])
    }
    for (index, request) in requests.enumerated() {
      if let base = request.base { nodes[index] = nodes[base] }
    }
    self.nodes = nodes
  }

  /// The requests so that those which begin alike stand together, and with each the runs that vary it;
  /// what came first is first still.
  var sorted: [Int] {
    nodes.indices.sorted { a, b in
      nodes[a] == nodes[b] ? a < b : nodes[a].lexicographicallyPrecedes(nodes[b])
    }
  }

  /// Numbers nodes in the order in which they are met.
  private struct Grower {
    private struct Key: Hashable {
      /// Less than 0 for a prompt's first position.
      var parent: Int
      var token: Int
      /// A number of what edits do at the position; 0: nothing.
      var edits: Int
    }

    private var nodes: [Key: Int] = [:]
    private var edits: [[EditHere]: Int] = [:]
    /// How many nodes there are.
    private var count = 0

    mutating func forget() { nodes = [:] }

    mutating func nodes(of request: RunRequest, _ configuration: Configuration) -> [Int] {
      let here = request.editsByPosition
      var parent = configuration.turns(tokens: request.tokens.count)
      return request.tokens.enumerated().map { position, token in
        let list = here.isEmpty ? [] : here[position]
        let number = list.isEmpty ? 0 : edits[list, default: edits.count + 1]
        if number > edits.count { edits[list] = number }
        let key = Key(parent: parent, token: token, edits: number)
        if let known = nodes[key] {
          parent = known
        } else {
          nodes[key] = count
          parent = count
          count += 1
        }
        return parent
      }
    }
  }
}

extension RunRequest {
  /// What its edits do at each position, in their order; empty where there are none.
  fileprivate var editsByPosition: [[EditHere]] {
    guard !edits.isEmpty else { return [] }
    var here = [[EditHere]](repeating: [], count: tokens.count)
    for edit in edits {
      for (index, position) in edit.positions.enumerated() {
        here[position].append(EditHere(edit: edit, index: index))
      }
    }
    return here
  }
}

/// What an edit does at one of its positions. Equal where the bits are: 0 and −0 are different numbers.
private struct EditHere: Hashable {
  var edit: Edit
  /// Of the position, among the edit's.
  var index: Int

  static func == (a: EditHere, b: EditHere) -> Bool {
    guard a.edit.site == b.edit.site, a.edit.units == b.edit.units else { return false }
    switch (a.edit.change, b.edit.change) {
    case (.zero, .zero): return true
    case (.replace(let rows), .replace(let others)):
      return hasSameBits(rows[a.index], others[b.index])
    case (.scale(let factor), .scale(let other)): return factor.bitPattern == other.bitPattern
    case (.add(let vector), .add(let other)): return hasSameBits(vector, other)
    case (.along(let along), .along(let other)):
      return along.change == other.change && hasSameBits(along.direction, other.direction)
    case (.cut, .cut): return a.cutSources == b.cutSources
    case (.edge(let edge, let rows), .edge(let otherEdge, let others)):
      return edge == otherEdge && hasSameBits(rows[a.index], others[b.index])
    case (.outside(let reads), .outside(let others)):
      return reads == others && a.edit.positions[a.index] == b.edit.positions[b.index]
    case (.features(let edit), .features(let other)):
      return edit.hasSameBits(a.index, other, b.index)
    case (.zero, _), (.replace, _), (.scale, _), (.add, _), (.along, _), (.cut, _), (.edge, _),
      (.outside, _), (.features, _):
      return false
    }
  }

  func hash(into hasher: inout Hasher) {
    hasher.combine(edit.site)
    switch edit.change {
    case .zero: break
    // A few of many numbers tell most vectors apart.
    case .replace(let rows): for x in rows[index].prefix(4) { hasher.combine(x.bitPattern) }
    case .scale(let factor): hasher.combine(factor.bitPattern)
    case .add(let vector): for x in vector.prefix(4) { hasher.combine(x.bitPattern) }
    case .along(let along):
      for x in along.direction.prefix(4) { hasher.combine(x.bitPattern) }
    case .cut: hasher.combine(cutSources)
    case .edge(let edge, _): hasher.combine(edge)
    case .outside(let reads): hasher.combine(reads.reader)
    case .features(let edit): hasher.combine(edit.part)
    }
  }

  /// Those that the position sees.
  private var cutSources: [Int] {
    guard case .cut(let sources) = edit.change else { return [] }
    let position = edit.positions[index]
    return sources.filter { $0 <= position }
  }

  private static func hasSameBits(_ a: [Float], _ b: [Float]) -> Bool {
    a.count == b.count && zip(a, b).allSatisfy { $0.bitPattern == $1.bitPattern }
  }
}

extension Configuration {
  /// A number for how queries and keys of a prompt are rotated, less than 0: prompts of different
  /// numbers have different activations at the same positions.
  fileprivate func turns(tokens: Int) -> Int {
    -1 - attention.count { $0.rotary?.isLong(tokens) ?? false }
  }

  /// Whether two prompts that begin with the same tokens have the same activations there.
  public func beginsAlike(tokens: Int, and others: Int) -> Bool {
    turns(tokens: tokens) == turns(tokens: others)
  }
}
