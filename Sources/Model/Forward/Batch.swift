/// Which rows a set of runs needs, and from where.
///
/// A row is one position of one run. A run that varies another shares its rows before the first
/// position that its edits can change, and all rows below the first layer that they can change: it
/// *forks* there. Runs are ordered by the layer at which they fork, so that the rows alive at a
/// layer are always the first so many.
struct Batch {
  /// A run and where it forks from its base.
  struct Member {
    /// Its place in the caller's list.
    var index: Int
    var request: RunRequest
    /// The place of its base among the members.
    var base: Int?
    /// The first layer with rows of its own; `layers` where only the final norm differs.
    var forkLayer: Int
    /// The first position with a row of its own.
    var forkPosition: Int
    /// For each position the row that holds it, from `forkLayer` on.
    var rows: [Int32] = []
  }

  private(set) var members: [Member]
  private(set) var rowCount = 0
  /// How many rows are alive at each layer and, last, at the final norm.
  private(set) var alive: [Int]
  /// Of each row.
  private(set) var tokens: [Int] = []
  private(set) var positions: [Int] = []
  private(set) var owners: [Int] = []

  /// Where a request forks from its base in a model of so many layers.
  typealias Fork = (_ request: RunRequest, _ base: RunRequest, _ layers: Int) -> (
    layer: Int, position: Int
  )

  /// - Parameters:
  ///   - requests: bases stand before the runs that vary them.
  ///   - fork: nil where nothing is to be shared.
  init(
    _ requests: [(index: Int, request: RunRequest, base: Int?)], layers: Int, fork: Fork?
  ) {
    members = requests.map { index, request, base in
      guard let fork, let base else {
        return Member(index: index, request: request, base: nil, forkLayer: 0, forkPosition: 0)
      }
      let (layer, position) = fork(request, requests[base].request, layers)
      return Member(
        index: index, request: request, base: base, forkLayer: layer, forkPosition: position)
    }
    alive = [Int](repeating: 0, count: layers + 1)
    for layer in 0...layers {
      for i in members.indices where members[i].forkLayer == layer {
        layOut(i)
      }
      alive[layer] = rowCount
    }
  }

  private mutating func layOut(_ i: Int) {
    let member = members[i]
    let shared = member.base.map { members[$0].rows.prefix(member.forkPosition) } ?? []
    let own = member.forkPosition..<member.request.tokens.count
    members[i].rows = Array(shared) + (0..<own.count).map { Int32(rowCount + $0) }
    rowCount += own.count
    tokens += member.request.tokens[own]
    positions += own
    owners += own.map { _ in i }
  }

  /// The first layer and the first position that the edits of `request`, beyond those of its base,
  /// can change. An edit changes nothing before its own place: attention looks back only.
  static func fork(_ request: RunRequest, from base: RunRequest, layers: Int)
    -> (layer: Int, position: Int)
  {
    let further = request.edits.dropFirst(base.edits.count)
    let layer = further.map { $0.site.activation == .lnFinalScale ? layers : $0.site.layer }.min()
    let position = further.compactMap { $0.positions.min() }.min()
    return (layer ?? layers, position ?? request.tokens.count)
  }

  /// The rows that hold member `i`'s positions at a layer: its base's below the fork.
  func rows(of i: Int, at layer: Int) -> [Int32] {
    let member = members[i]
    guard let base = member.base, layer < member.forkLayer else { return member.rows }
    return rows(of: base, at: layer)
  }

  /// The members that begin at a layer with rows copied from their base, as (own, base's) pairs.
  func forks(at layer: Int) -> [(own: Int, base: Int)] {
    members.filter { $0.forkLayer == layer && $0.base != nil }.flatMap { member in
      let base = rows(of: member.base ?? 0, at: layer)
      return (member.forkPosition..<member.rows.count).map { p in
        (Int(member.rows[p]), Int(base[p]))
      }
    }
  }
}
