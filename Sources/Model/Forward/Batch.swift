/// Which rows a set of runs has at the layer at hand.
///
/// A row is one position of one run. A run that varies another shares with it every row that its
/// edits cannot change: all positions before them, and all layers below them. Where a position
/// first differs it *forks*: from that layer on it has a row of its own. Two prompts that begin alike
/// share their beginning in the same way: the later one is a run that forks at layer 0 where they part.
/// A row *ends* where nothing that was asked for reads it any more: in the last layer only the rows
/// that are asked for go on. And where a run turns out to be what its base is, it *rejoins* it.
struct Batch {
  struct Member {
    /// Its index in the caller's list.
    var index: Int
    var request: RunRequest
    /// The index among the members of the run whose rows it shares.
    var base: Int?
    var fork: Fork
    /// As `RunRequest.ends` has them, and as far as those go that share its rows.
    var ends: [Reach]

    /// Whether a position is read in a layer, or at the final norm, in a row that begins there or
    /// before.
    func reaches(_ layer: Int, at position: Int) -> Bool {
      fork.layers[position] <= layer && layer <= ends[position].lastEntered
    }
  }

  /// One position of one member.
  struct Row: Equatable {
    var owner: Int
    var position: Int
  }

  private(set) var members: [Member]
  let schedule: Schedule
  /// At the layer at hand.
  private(set) var rows: [Row] = []
  /// Another where there are other rows.
  private(set) var version = 0
  /// For each member the row that holds each of its positions, its own or its base's; −1 where none
  /// does.
  private(set) var rowNumbers: [[Int32]]
  /// At each layer and at the final norm the rows that begin there.
  private let beginning: [[Row]]

  /// - Parameter requests: bases stand before the runs that share their rows.
  init(
    _ requests: [(index: Int, request: RunRequest, base: Int?, fork: Fork)], layers: Int
  ) {
    var ends = requests.map { $0.request.ends(layers: layers) }
    // From the last on, since a base may itself share rows.
    for (i, item) in requests.enumerated().reversed() {
      ends[i].handOnToSources()
      guard let base = item.base else { continue }
      for position in item.request.comparedPositions {
        ends[base][position] = max(ends[base][position], .finalNorm(after: layers))
      }
      for (position, end) in ends[i].prefix(item.fork.common).enumerated() {
        let reach = item.fork.reachOfOther(at: position, end: end, layers: layers)
        ends[base][position] = max(ends[base][position], reach)
      }
    }
    let members = requests.enumerated().map { i, item in
      Member(
        index: item.index, request: item.request, base: item.base, fork: item.fork, ends: ends[i])
    }
    self.init(members, layers: layers)
  }

  /// Runs whose positions before `first` are done: their keys and values are kept elsewhere.
  init(continuing requests: [(request: RunRequest, first: Int)], layers: Int) {
    self.init(
      requests.enumerated().map { index, item in
        var fork = Fork(unsharedOf: item.request.tokens.count)
        for position in 0..<item.first { fork.layers[position] = Fork.never }
        return Member(
          index: index, request: item.request, fork: fork, ends: item.request.ends(layers: layers))
      }, layers: layers)
  }

  private init(_ members: [Member], layers: Int) {
    self.members = members
    var beginning = [[Row]](repeating: [], count: layers + 1)
    for (i, member) in members.enumerated() {
      for (position, layer) in member.fork.layers.enumerated()
      where member.reaches(layer, at: position) {
        beginning[layer].append(Row(owner: i, position: position))
      }
    }
    self.beginning = beginning
    schedule = Schedule(members, layers: layers)
    rowNumbers = members.map { [Int32](repeating: -1, count: $0.request.tokens.count) }
    _ = enter(0)
    for (i, member) in members.enumerated() {
      guard let base = member.base else { continue }
      for position in 0..<member.fork.common where rowNumbers[i][position] < 0 {
        rowNumbers[i][position] = rowNumbers[base][position]
      }
    }
  }

  // MARK: - Looking up

  /// The row that holds a position of a member: its own or its base's.
  func row(of member: Int, at position: Int) -> Int { Int(rowNumbers[member][position]) }

  /// The row of a member's own at a position, where it has one: what it shares with its base carries
  /// the base's edits already.
  func ownRow(of member: Int, at position: Int) -> Int? {
    let row = row(of: member, at: position)
    return row >= 0 && rows[row].owner == member ? row : nil
  }

  func token(of row: Int) -> Int { members[rows[row].owner].request.tokens[rows[row].position] }

  /// How many positions the rows that go through a layer attend to, within its window where it has one.
  func sources(in layer: Int, window: Int?) -> Int {
    guard let window else { return schedule.sources[layer] }
    return members.reduce(0) { sum, member in
      member.ends.indices.reduce(sum) { sum, position in
        member.fork.layers[position] <= layer && layer < member.ends[position].layersThrough
          ? sum + min(position + 1, window) : sum
      }
    }
  }

  // MARK: - From layer to layer

  /// Adds the rows that begin at a layer, as copies of their base's; at layer 0 tokens are embedded.
  mutating func enter(_ layer: Int) -> [(own: Int, base: Int)] {
    var copies: [(own: Int, base: Int)] = []
    if !beginning[layer].isEmpty { version += 1 }
    for row in beginning[layer] {
      if layer > 0, let base = members[row.owner].base {
        copies.append((rows.count, self.row(of: base, at: row.position)))
      }
      rowNumbers[row.owner][row.position] = Int32(rows.count)
      rows.append(row)
    }
    return copies
  }

  /// Gives back to their bases the rows that are what these have, all rows before them being so too.
  /// To be asked once what enters the layer is edited.
  ///
  /// - Returns: the rows that stay and the row-layers that are spared; nil where all stay.
  mutating func rejoin(at layer: Int, isSame: (_ own: Int, _ base: Int) -> Bool)
    -> (kept: [Int], spared: Int)?
  {
    var isKept = [Bool](repeating: true, count: rows.count)
    var spared = 0
    for (i, member) in members.enumerated() where member.fork.settled <= layer {
      guard let base = member.base else { continue }
      for position in rowNumbers[i].indices {
        let (own, shared) = (row(of: i, at: position), row(of: base, at: position))
        if own == shared { continue }
        guard own >= 0, shared >= 0, isSame(own, shared) else { break }
        rowNumbers[i][position] = Int32(shared)
        isKept[own] = false
        let end = member.ends[position]
        spared += end.layersThrough - layer - extend(shared, to: end)
      }
    }
    let kept = rows.indices.filter { isKept[$0] }
    guard kept.count < rows.count else { return nil }
    keep(kept)
    return (kept, spared)
  }

  /// Has a row go on for another that rejoined it.
  ///
  /// - Returns: how many layers more it goes through.
  private mutating func extend(_ row: Int, to end: Reach) -> Int {
    let (owner, position) = (rows[row].owner, rows[row].position)
    let before = members[owner].ends[position]
    members[owner].ends[position] = max(before, end)
    return members[owner].ends[position].layersThrough - before.layersThrough
  }

  /// Drops the rows that do not go so far.
  ///
  /// - Returns: the rows that stay.
  mutating func drop(before reach: Reach) -> [Int] {
    let kept = rows.indices.filter { members[rows[$0].owner].ends[rows[$0].position] >= reach }
    if kept.count < rows.count { keep(kept) }
    return kept
  }

  func hasEnds(before reach: Reach) -> Bool {
    rows.contains { members[$0.owner].ends[$0.position] < reach }
  }

  /// Numbers the rows again. A position whose row is gone has none.
  private mutating func keep(_ kept: [Int]) {
    version += 1
    var numbers = [Int32](repeating: -1, count: rows.count)
    for (number, row) in kept.enumerated() { numbers[row] = Int32(number) }
    rows = kept.map { rows[$0] }
    for i in rowNumbers.indices {
      for position in rowNumbers[i].indices where rowNumbers[i][position] >= 0 {
        rowNumbers[i][position] = numbers[Int(rowNumbers[i][position])]
      }
    }
  }
}

extension Batch {
  /// How many rows there will be, were none to rejoin its base.
  struct Schedule {
    /// At each layer, and last at the final norm: those that give keys and values.
    private(set) var entering: [Int]
    /// In each layer: those that go through it whole.
    private(set) var through: [Int]
    /// In each layer: the positions that these attend to.
    private(set) var sources: [Int]

    init(_ members: [Member], layers: Int) {
      // What begins less what ended: summed up below.
      var (entering, through, sources) = (
        [Int](repeating: 0, count: layers + 2), [Int](repeating: 0, count: layers + 1),
        [Int](repeating: 0, count: layers + 1)
      )
      for member in members {
        for (position, (first, end)) in zip(member.fork.layers, member.ends).enumerated()
        where first <= end.lastEntered {
          entering[first] += 1
          entering[end.lastEntered + 1] -= 1
          through[first] += 1
          through[end.layersThrough] -= 1
          sources[first] += position + 1
          sources[end.layersThrough] -= position + 1
        }
      }
      func summed(_ steps: [Int]) -> [Int] {
        var sum = 0
        return steps.dropLast().map { step in
          sum += step
          return sum
        }
      }
      self.entering = summed(entering)
      self.through = summed(through)
      self.sources = summed(sources)
    }

    /// The most rows at a time.
    var rowsAtMost: Int { entering.max() ?? 0 }

    /// Rows, counted once a layer that they go through.
    var rowLayers: Int { through.reduce(0, +) }
  }
}
