/// Where a run begins to differ from the one that it varies, or that begins like it.
struct Fork: Equatable {
  /// How many positions, from the first on, have the other run's tokens.
  var common: Int
  /// For each position the layer from which it can differ; `never` for those that cannot.
  var layers: [Int]
  /// The first layer past whose `resid_pre` no further edit comes: from there on a run whose stream
  /// is its base's stays its base's.
  var settled: Int

  /// Greater than the number of any layer, the final norm's among them.
  static let never = Int.max

  /// Of a run of `count` tokens that varies none.
  init(unsharedOf count: Int) { self.init(after: 0, of: count) }

  /// Of a run of `count` tokens whose first `common` positions have the tokens and the edits of another
  /// run's.
  init(after common: Int, of count: Int) {
    self.common = common
    layers = (0..<count).map { $0 < common ? Self.never : 0 }
    settled = Self.never
  }

  /// An edit changes its own positions in its own layer, and later positions through the keys and
  /// values that they read: in the same layer where the edit comes before these, else in the next.
  /// It never changes an earlier position.
  ///
  /// - Parameters:
  ///   - further: the edits that the run has beyond its base's.
  ///   - count: its tokens.
  init(_ further: [Edit], count: Int, layers: Int) {
    var forks = [Int](repeating: Self.never, count: count)
    var settled = 0
    for edit in further {
      let positions = edit.changedPositions
      guard let first = positions.min() else { continue }
      let activation = edit.site.activation
      let layer = activation == .lnFinalScale ? layers : edit.site.layer
      settled = max(settled, activation.isBeforeItsLayer ? layer : layer + 1)
      for position in positions { forks[position] = min(forks[position], layer) }
      let next = activation.reachesLaterPositionsAtOnce ? layer : layer + 1
      guard next < layers else { continue }
      for position in (first + 1)..<max(first + 1, count) {
        forks[position] = min(forks[position], next)
      }
    }
    common = count
    self.layers = forks
    self.settled = settled
  }

  /// How far a position of the other run must go for what this run reads of it.
  ///
  /// - Parameter end: how far this run must go there.
  func reachOfOther(at position: Int, end: Reach, layers: Int) -> Reach {
    let first = self.layers[position]
    guard first <= end.lastEntered else { return end }
    // From there on this run has a row of its own, which begins as a copy, and may turn out to be the
    // same before any layer that is still to come; the other then goes on in its place.
    let copied = first > 0 ? Reach.keysAndValues(of: first) : .nothing
    guard settled < layers else { return copied }
    return max(copied, min(end, .keysAndValues(of: layers - 1)))
  }
}

extension Edit {
  /// The positions that this edit may change, as far as can be said before the run.
  var changedPositions: [Int] {
    if units?.isEmpty == true { return [] }
    switch change {
    case .scale(1): return []
    case .add(let vector) where vector.allSatisfy { $0 == 0 }: return []
    case .cut(let sources): return positions.filter { $0 >= sources.min() ?? .max }
    case .features(let edit) where edit.change == .scale(1) || edit.part == .features([]): return []
    case .zero, .replace, .scale, .add, .along, .edge, .outside, .features: return positions
    }
  }
}
