/// What the layers of cross-layer transcoders read, kept until later layers where their features are edited.
struct EarlierInputs {
  private struct Place: Hashable {
    var placed: PlacedDictionary
    var member: Int
    var position: Int
  }

  /// By the site of the layer that reads.
  private var awaited: [Site: Set<Place>] = [:]
  private var inputs: [Place: [Float]] = [:]

  mutating func await(_ dictionaries: [PlacedDictionary], at positions: [Int], of member: Int) {
    for placed in dictionaries {
      for position in positions {
        awaited[placed.site, default: []].insert(
          Place(placed: placed, member: member, position: position))
      }
    }
  }

  func isAwaited(at site: Site) -> Bool { awaited[site] != nil }

  /// Keeps what is read at a layer, of each member in the row that holds its position there: its own, or that of
  /// the run that it still shares.
  mutating func keep(at site: Site, rows: Batch, _ mlp: (Int) -> MLPInputs) {
    guard let places = awaited[site] else { return }
    var known: [PlacedDictionary: [Int: [Float]]] = [:]
    for place in places {
      let row = rows.row(of: place.member, at: place.position)
      guard row >= 0 else { continue }
      let input = known[place.placed]?[row] ?? place.placed.input([], mlp: mlp(row))
      known[place.placed, default: [:]][row] = input
      inputs[place] = input
    }
  }

  /// What a dictionary has read; NaN where nothing was kept, so that no number is taken for one.
  func input(of placed: PlacedDictionary, at position: Int, of member: Int) -> [Float] {
    inputs[Place(placed: placed, member: member, position: position)]
      ?? [Float](repeating: .nan, count: placed.dictionary.inputWidth)
  }
}
