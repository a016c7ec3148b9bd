/// Where a run begins to differ from the one that it varies.
struct Fork: Equatable {
  /// For each position the layer from which it can differ; `never` for those that cannot.
  var layers: [Int]
  /// The first layer past whose `resid_pre` no further edit comes: from there on a run whose stream
  /// is its base's stays its base's.
  var settled: Int

  /// Greater than the number of any layer, the final norm's among them.
  static let never = Int.max

  /// Of a run of `count` tokens that varies none.
  init(unsharedOf count: Int) {
    layers = [Int](repeating: 0, count: count)
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
    self.layers = forks
    self.settled = settled
  }
}

extension Activation {
  /// Whether nothing of its layer has been computed when it comes.
  fileprivate var isBeforeItsLayer: Bool {
    switch self {
    case .embed, .posEmbed, .residPre: true
    default: false
    }
  }
}

extension Edit {
  /// The positions of which it can be said beforehand that it may change a bit of them.
  var changedPositions: [Int] {
    if units?.isEmpty == true { return [] }
    switch change {
    case .scale(1): return []
    case .add(let vector) where vector.allSatisfy { $0 == 0 }: return []
    case .cut(let sources): return positions.filter { $0 >= sources.min() ?? .max }
    case .zero, .replace, .scale, .add: return positions
    }
  }
}

extension RunRequest {
  /// For each position how far it must go for what is asked: 2l if up to the keys and values that it
  /// gives in layer l, 2l + 1 if through all of layer l, twice the number of layers if to the final
  /// norm; −1 where nothing reads it.
  func ends(layers: Int) -> [Int] {
    var ends = [Int](repeating: -1, count: tokens.count)
    func ask(_ end: Int, at positions: some Sequence<Int>) {
      for position in positions { ends[position] = max(ends[position], end) }
    }
    for (site, positions) in captures {
      let end =
        switch site.activation {
        case .embed, .posEmbed: 0
        case .residPre, .ln1Scale, .k, .v: 2 * site.layer
        case .q, .attnScores, .pattern, .z, .result, .ln1PostScale, .attnOut, .residMid, .ln2Scale,
          .mlpPre, .mlpPost, .ln2PostScale, .mlpOut, .residPost:
          2 * site.layer + 1
        case .lnFinalScale: 2 * layers
        }
      switch positions {
      case .all: ask(end, at: tokens.indices)
      case .some(let some): ask(end, at: some)
      }
    }
    switch logits {
    case .none: break
    case .all(let positions): ask(2 * layers, at: positions)
    case .tokens(_, let position): ask(2 * layers, at: [position])
    }
    // A position that goes through a layer reads there the keys and values of all before it.
    var read = -1
    for position in tokens.indices.reversed() {
      ends[position] = max(ends[position], read)
      if ends[position] > 0 { read = max(read, (ends[position] - 1) / 2 * 2) }
    }
    return ends
  }
}
