/// Which rows a set of runs needs, and from where.
///
/// A row is one position of one run. A run that varies another shares with it every row that its
/// edits cannot change: all positions before them, and all layers below them. Where a position
/// first differs it *forks*: from that layer on it has a row of its own. Rows are ordered by the
/// layer at which they fork, so that the rows alive at a layer are always the first so many.
struct Batch {
  struct Member {
    /// Its place in the caller's list.
    var index: Int
    var request: RunRequest
    /// The place of its base among the members.
    var base: Int?
    /// For each position the layer from which it has a row of its own; `Fork.never` where it is
    /// always its base's.
    var forks: [Int]
    /// For each position that row.
    var rows: [Int32]
  }

  private(set) var members: [Member]
  private(set) var rowCount = 0
  /// How many rows are alive at each layer and, last, at the final norm.
  private(set) var alive: [Int]
  /// Of each row.
  private(set) var tokens: [Int] = []
  private(set) var positions: [Int] = []
  private(set) var owners: [Int] = []
  /// At each layer and at the final norm the rows that begin there as copies of their base's.
  private(set) var copies: [[(own: Int, base: Int)]]

  /// - Parameters:
  ///   - requests: bases stand before the runs that vary them.
  ///   - fork: nil where nothing is to be shared.
  init(
    _ requests: [(index: Int, request: RunRequest, base: Int?)], layers: Int, fork: Fork.Rule?
  ) {
    members = requests.map { index, request, base in
      let forks: [Int] =
        if let fork, let base {
          fork(request, requests[base].request, layers)
        } else {
          [Int](repeating: 0, count: request.tokens.count)
        }
      return Member(
        index: index, request: request, base: fork == nil ? nil : base, forks: forks,
        rows: [Int32](repeating: -1, count: request.tokens.count))
    }
    alive = [Int](repeating: 0, count: layers + 1)
    copies = [[(own: Int, base: Int)]](repeating: [], count: layers + 1)
    var forking = [[(member: Int, position: Int)]](repeating: [], count: layers + 1)
    for (i, member) in members.enumerated() {
      for (position, layer) in member.forks.enumerated() where layer <= layers {
        forking[layer].append((i, position))
      }
    }
    for layer in 0...layers {
      for (i, position) in forking[layer] { addRow(of: i, at: position, from: layer) }
      alive[layer] = rowCount
    }
  }

  /// One run whose positions before `first` are done: their keys and values are kept elsewhere.
  init(continuing request: RunRequest, from first: Int, layers: Int) {
    let added = request.tokens.count - first
    members = [
      Member(
        index: 0, request: request, base: nil,
        forks: [Int](repeating: Fork.never, count: first) + [Int](repeating: 0, count: added),
        rows: [Int32](repeating: -1, count: first) + (0..<Int32(added)))
    ]
    rowCount = added
    alive = [Int](repeating: added, count: layers + 1)
    tokens = Array(request.tokens[first...])
    positions = Array(first..<request.tokens.count)
    owners = [Int](repeating: 0, count: added)
    copies = [[(own: Int, base: Int)]](repeating: [], count: layers + 1)
  }

  private mutating func addRow(of i: Int, at position: Int, from layer: Int) {
    members[i].rows[position] = Int32(rowCount)
    if layer > 0, let base = members[i].base {
      copies[layer].append((rowCount, Int(members[base].rows[position])))
    }
    rowCount += 1
    tokens.append(members[i].request.tokens[position])
    positions.append(position)
    owners.append(i)
  }

  /// The row that holds a position of member `i` at a layer: its base's below the fork.
  func row(of i: Int, at position: Int, in layer: Int) -> Int {
    let member = members[i]
    guard let base = member.base, layer < member.forks[position] else {
      return Int(member.rows[position])
    }
    return Int(members[base].rows[position])
  }

  /// For each member the rows that hold its positions in the first layer; `advance` keeps them
  /// true from layer to layer.
  func firstPlaces() -> [[Int32]] {
    members.indices.map { i in
      members[i].rows.indices.map { Int32(row(of: i, at: $0, in: 0)) }
    }
  }

  func advance(_ places: inout [[Int32]], to layer: Int) {
    for (own, _) in copies[layer] { places[owners[own]][positions[own]] = Int32(own) }
  }
}

/// Where a run begins to differ from the one that it varies.
enum Fork {
  /// For each position of `request` the layer from which it can differ from `base`; `never` for
  /// those that cannot.
  typealias Rule = (_ request: RunRequest, _ base: RunRequest, _ layers: Int) -> [Int]

  /// Greater than the number of any layer, the final norm's among them.
  static let never = Int.max

  /// An edit changes its own positions in its own layer, and later positions through the keys and
  /// values that they read: in the same layer where the edit comes before these, else in the next.
  /// It never changes an earlier position.
  static func rule(_ request: RunRequest, from base: RunRequest, layers: Int) -> [Int] {
    var forks = [Int](repeating: never, count: request.tokens.count)
    for edit in request.edits(beyond: base) ?? request.edits {
      let activation = edit.site.activation
      let layer = activation == .lnFinalScale ? layers : edit.site.layer
      for position in edit.positions { forks[position] = min(forks[position], layer) }
      let next = activation.reachesLaterPositionsAtOnce ? layer : layer + 1
      guard next < layers, let first = edit.positions.min() else { continue }
      for position in (first + 1)..<max(first + 1, forks.count) {
        forks[position] = min(forks[position], next)
      }
    }
    return forks
  }
}
