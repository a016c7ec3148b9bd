/// A change of features, or of what they leave over: the site gets the difference that it makes, so that
/// all else of it stays as it is.
///
/// x becomes x + Σ_j (f'_j − f_j) σ d_j, and of the error ε = x − x̂ it becomes x + (ε' − ε).
///
/// Edits of features that follow each other at a site have the activations of what stood there before the
/// first of them.
///
/// A feature of a cross-layer transcoder is changed by several edits, one at each site that it is added at: all have
/// the activation that it has in its own layer.
public struct FeatureEdit: Sendable, Equatable {
  public let placed: PlacedDictionary
  /// How many layers above the dictionary's own its features are changed here.
  public let above: Int
  public let part: Part
  public var change: Change

  public enum Part: Sendable, Hashable {
    /// Numbers of features, each once.
    case features([Int])
    /// What the reconstruction lacks.
    case error
  }

  public enum Change: Sendable, Equatable {
    case zero
    case scale(Float)
    /// For each position: an activation for each feature, or an error.
    case replace([[Float]])
  }

  public init(_ placed: PlacedDictionary, _ part: Part, _ change: Change, above: Int = 0) {
    (self.placed, self.part, self.change, self.above) = (placed, part, change, above)
  }

  /// Where it changes the run.
  var site: Site { Site(placed.site.activation, layer: placed.site.layer + above) }

  /// The dictionaries whose inputs it takes from layers before.
  var readsBefore: [PlacedDictionary] {
    if part == .error { return placed.earlier }
    return above > 0 ? [placed] : []
  }

  /// What it makes of one number.
  func changed(_ old: Float, index: Int, place: Int) -> Float {
    switch change {
    case .zero: 0
    case .scale(let factor): old * factor
    case .replace(let rows): rows[index][place]
    }
  }
}

/// Edits of the features of one row that follow each other: those of one dictionary, or of all layers of one
/// cross-layer transcoder.
struct FeatureRow {
  private let products: Products
  /// What stood at the site.
  private let output: [Float]
  /// What dictionaries read, and what edits have made of their features so far.
  private var dictionaries: [PlacedDictionary: Read] = [:]
  /// And of the error.
  private var error: [Float]?

  private struct Read {
    var input: [Float]
    var activations: [Int: Float] = [:]
    var scale: Float?
  }

  /// - Parameter row: what stands at the site.
  init(row: [Float], _ products: Products) {
    (output, self.products) = (row, products)
  }

  /// Changes the row that stands at `x`.
  ///
  /// - Parameter read: what a dictionary reads that does not read this site.
  /// - Returns: the features that are not 0, before the edit or after it.
  mutating func apply(
    _ edit: FeatureEdit, index: Int, to x: UnsafeMutablePointer<Float>,
    reading read: (PlacedDictionary) -> [Float]
  ) -> [Int] {
    switch edit.part {
    case .features(let features): return apply(edit, features, index, x, reading: read)
    case .error:
      let old = currentError(edit.placed, reading: read)
      let new = old.indices.map { edit.changed(old[$0], index: index, place: $0) }
      for i in old.indices {
        let difference = new[i] - old[i]
        // Adding 0 would turn −0 into 0.
        if difference != 0 { x[i] += difference }
      }
      error = new
      return []
    }
  }

  private mutating func apply(
    _ edit: FeatureEdit, _ features: [Int], _ index: Int, _ x: UnsafeMutablePointer<Float>,
    reading read: (PlacedDictionary) -> [Float]
  ) -> [Int] {
    let placed = edit.placed
    var state = dictionaries[placed] ?? Read(input: input(of: placed, reading: read))
    self.read(features, of: placed.dictionary, placed.transformer.pool, into: &state)
    var fired: [Int] = []
    for (place, feature) in features.enumerated() {
      let old = state.activations[feature] ?? 0
      let new = edit.changed(old, index: index, place: place)
      state.activations[feature] = new
      if old != 0 || new != 0 { fired.append(feature) }
      let amount = (new - old) * (state.scale ?? 1)
      if amount == 0 { continue }
      let row = placed.dictionary.row(ofDecoder: feature, above: edit.above)
      for i in row.indices {
        let part = amount * row[i]
        if part != 0 { x[i] += part }
      }
    }
    dictionaries[placed] = state
    return fired
  }

  private func input(of placed: PlacedDictionary, reading read: (PlacedDictionary) -> [Float])
    -> [Float]
  {
    placed.readsItsSite ? output : read(placed)
  }

  private func read(
    _ features: [Int], of dictionary: FeatureDictionary, _ pool: WorkerPool, into state: inout Read
  ) {
    let missing = features.filter { state.activations[$0] == nil }
    if missing.isEmpty { return }
    let (found, scale) = dictionary.activations(of: missing, at: state.input, products, pool)
    state.scale = scale
    for (feature, activation) in zip(missing, found) { state.activations[feature] = activation }
  }

  private func currentError(
    _ placed: PlacedDictionary, reading read: (PlacedDictionary) -> [Float]
  ) -> [Float] {
    if let error { return error }
    return placed.error(output) { input(of: $0, reading: read) } ?? output.map { _ in .nan }
  }
}

extension PlacedDictionary {
  /// What a run that kept `sites` has of a part at a position: activations, or the error.
  ///
  /// - Returns: nil where it did not keep them.
  /// - Throws: `ModelError` where weights cannot be read or the run has numbers that are none.
  public func values(
    of part: FeatureEdit.Part, _ activations: [Site: CapturedActivation], at position: Int
  ) throws -> [Float]? {
    guard let input = input(activations, at: position) else { return nil }
    switch part {
    case .features(let features):
      let found = dictionary.activations(
        of: features, at: input, Products(pool: transformer.pool), transformer.pool)
      try dictionary.checkWeights()
      return found.activations
    case .error:
      guard let output = output(activations, at: position) else { return nil }
      let inputs = earlier.map { ($0, $0.input(activations, at: position)) } + [(self, input)]
      guard inputs.allSatisfy({ $0.1 != nil }) else { return nil }
      let read = Dictionary(
        inputs.map { ($0, $1 ?? []) }, uniquingKeysWith: { first, _ in first })
      let error = error(output) { read[$0] ?? [] }
      for (placed, _) in inputs { try placed.dictionary.checkWeights() }
      guard let error else {
        throw ModelError(.request, "a row that is encoded has numbers that are infinite or NaN")
      }
      return error
    }
  }
}

extension FeatureEdit {
  /// What it adds to its site in a run that kept the sites of its dictionary: x' − x.
  ///
  /// - Parameters:
  ///   - index: of the position among the edit's.
  /// - Returns: nil where the run did not keep them.
  /// - Throws: `ModelError` where weights cannot be read or the run has numbers that are none.
  public func difference(
    index: Int, _ activations: [Site: CapturedActivation], at position: Int
  ) throws -> [Double]? {
    guard let old = try placed.values(of: part, activations, at: position),
      let input = placed.input(activations, at: position)
    else { return nil }
    let new = old.indices.map { changed(old[$0], index: index, place: $0) }
    guard case .features(let features) = part else {
      return zip(old, new).map { Double($1) - Double($0) }
    }
    let scale = placed.dictionary.outputScale(of: input)
    var sum = [Double](repeating: 0, count: placed.dictionary.outputWidth)
    for (place, feature) in features.enumerated() where new[place] != old[place] {
      let amount = (Double(new[place]) - Double(old[place])) * Double(scale)
      for (i, weight) in try placed.dictionary.decoderRow(feature, above: above).enumerated() {
        sum[i] += amount * Double(weight)
      }
    }
    return sum
  }
}
