/// Edits of features at one site, row by row.
struct FeatureRows {
  /// By row and dictionary; of cross-layer transcoders by their first layer.
  private var rows: [Int: [PlacedDictionary: FeatureRow]] = [:]
  private var products: Products?

  /// Changes the row that stands at `x`, as wide as the edit's site.
  ///
  /// - Parameters:
  ///   - index: of the position among the edit's.
  ///   - row: its number.
  ///   - read: what a dictionary reads at it that does not read this site.
  /// - Returns: the edit's features that are not 0 there, before it or after it.
  mutating func apply(
    _ edit: FeatureEdit, index: Int, row: Int, to x: UnsafeMutablePointer<Float>,
    reading read: (PlacedDictionary) -> [Float]
  ) -> [Int] {
    let placed = edit.placed
    let products = products ?? Products(pool: placed.transformer.pool)
    self.products = products
    var state =
      rows[row]?[placed.first]
      ?? FeatureRow(
        row: Array(UnsafeBufferPointer(start: x, count: placed.dictionary.outputWidth)), products)
    let fired = state.apply(edit, index: index, to: x, reading: read)
    rows[row, default: [:]][placed.first] = state
    return fired
  }

  /// Rows were changed in another way: what features they have is to be read again.
  mutating func forget(_ changed: () -> [Int]) {
    if rows.isEmpty { return }
    for row in changed() { rows[row] = nil }
  }
}

/// What an edit of features met: which of them fire.
public struct FiredFeatures: Sendable, Equatable {
  /// The edit's number among the request's.
  public var edit: Int
  /// Those that are not 0 at one of its positions, before the edit or after it.
  public var features: Set<Int> = []
  /// Whether all of its positions were looked at, as far as anything reads them: in a row of another run
  /// the edit is that run's.
  public var isWhole: Bool
}

extension FeatureEdit {
  /// Which of its features are not 0 at a position of a run that kept what its dictionary reads, before the edit or
  /// after it.
  ///
  /// - Parameter index: of the position among the edit's.
  /// - Returns: nil of all features of a dictionary, of an error, and where the run did not keep it.
  /// - Throws: `ModelError` where weights cannot be read or the run has numbers that are none.
  public func fired(
    index: Int, _ activations: [Site: CapturedActivation], at position: Int
  ) throws -> [Int]? {
    guard isOfSome, case .features(let features) = part,
      let old = try placed.values(of: part, activations, at: position)
    else { return nil }
    return features.indices.filter {
      old[$0] != 0 || changed(old[$0], index: index, place: $0) != 0
    }.map { features[$0] }
  }

  /// Whether it is of features that were chosen, and not of all.
  var isOfSome: Bool {
    if case .features(let features) = part {
      features.count < placed.dictionary.features
    } else {
      false
    }
  }

  /// Whether it does the same at one of its positions as another at one of its own.
  func hasSameBits(_ index: Int, _ other: FeatureEdit, _ otherIndex: Int) -> Bool {
    guard placed == other.placed, above == other.above, part == other.part else { return false }
    switch (change, other.change) {
    case (.zero, .zero): return true
    case (.scale(let factor), .scale(let other)): return factor.bitPattern == other.bitPattern
    case (.replace(let rows), .replace(let others)):
      let (mine, theirs) = (rows[index], others[otherIndex])
      return mine.count == theirs.count
        && zip(mine, theirs).allSatisfy { $0.bitPattern == $1.bitPattern }
    case (.zero, _), (.scale, _), (.replace, _): return false
    }
  }

  /// All that its effect follows from; of the dictionary, which files it is of.
  func write(to bytes: inout ByteWriter) {
    bytes.append(placed.dictionary.identity)
    bytes.append(placed.reads.rawValue)
    bytes.append(placed.site.layer)
    bytes.append(above)
    // An error is of all that is added there.
    bytes.append(count: readsBefore.count)
    for placed in readsBefore { bytes.append(placed.dictionary.identity) }
    switch part {
    case .error: bytes.append(0 as UInt8)
    case .features(let features):
      bytes.append(1 as UInt8)
      bytes.append(features)
    }
    switch change {
    case .zero: bytes.append(0 as UInt8)
    case .scale(let factor):
      bytes.append(1 as UInt8)
      bytes.append(factor.bitPattern)
    case .replace(let rows):
      bytes.append(2 as UInt8)
      bytes.append(count: rows.count)
      for row in rows { bytes.append(row) }
    }
  }
}
