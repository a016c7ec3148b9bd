/// A change of features, or of what they leave over: the site gets the difference that it makes, so that
/// all else of it stays as it is.
///
/// x becomes x + Σ_j (f'_j − f_j) σ d_j, and of the error ε = x − x̂ it becomes x + (ε' − ε).
///
/// Edits of features that follow each other at a site have the activations of what stood there before the
/// first of them.
public struct FeatureEdit: Sendable, Equatable {
  public let placed: PlacedDictionary
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

  public init(_ placed: PlacedDictionary, _ part: Part, _ change: Change) {
    (self.placed, self.part, self.change) = (placed, part, change)
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

/// Edits of the features of one row that follow each other.
struct FeatureRow {
  private let placed: PlacedDictionary
  private let products: Products
  /// What the dictionary reads, and what stood at its site.
  private let input, output: [Float]
  /// What edits have made of features and of the error so far.
  private var activations: [Int: Float] = [:]
  private var error: [Float]?
  private var scale: Float?

  /// - Parameters:
  ///   - row: what stands at the site.
  ///   - mlp: what the MLP reads, where the dictionary reads that.
  init(_ placed: PlacedDictionary, row: [Float], mlp: MLPInputs?, _ products: Products) {
    (self.placed, self.products) = (placed, products)
    output = row
    input = placed.input(row, mlp: mlp)
  }

  /// Changes the row that stands at `x`.
  ///
  /// - Returns: the features that are not 0, before the edit or after it.
  mutating func apply(_ edit: FeatureEdit, index: Int, to x: UnsafeMutablePointer<Float>) -> [Int] {
    switch edit.part {
    case .features(let features): return apply(edit, features, index, x)
    case .error:
      let old = currentError()
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
    _ edit: FeatureEdit, _ features: [Int], _ index: Int, _ x: UnsafeMutablePointer<Float>
  ) -> [Int] {
    read(features)
    var fired: [Int] = []
    for (place, feature) in features.enumerated() {
      let old = activations[feature] ?? 0
      let new = edit.changed(old, index: index, place: place)
      activations[feature] = new
      if old != 0 || new != 0 { fired.append(feature) }
      let amount = (new - old) * (scale ?? 1)
      if amount == 0 { continue }
      let row = placed.dictionary.row(ofDecoder: feature)
      for i in row.indices {
        let part = amount * row[i]
        if part != 0 { x[i] += part }
      }
    }
    return fired
  }

  private mutating func read(_ features: [Int]) {
    let missing = features.filter { activations[$0] == nil }
    if missing.isEmpty { return }
    let (found, scale) = placed.dictionary.activations(
      of: missing, at: input, products, placed.transformer.pool)
    self.scale = scale
    for (feature, activation) in zip(missing, found) { activations[feature] = activation }
  }

  private func currentError() -> [Float] {
    if let error { return error }
    return placed.error(input: input, output: output) ?? output.map { _ in .nan }
  }
}

extension PlacedDictionary {
  /// What the reconstruction lacks of what stands at its site, ε = x − x̂.
  ///
  /// - Returns: nil where there are numbers that are infinite or NaN, or weights cannot be read.
  func error(input: [Float], output: [Float]) -> [Float]? {
    guard let active = try? dictionary.encode([input], on: transformer.pool)[0],
      let sum = try? dictionary.reconstruct(input, from: active, on: transformer.pool)
    else { return nil }
    return zip(output, sum).map { Float(Double($0) - $1) }
  }

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
      let error = error(input: input, output: output)
      try dictionary.checkWeights()
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
      for (i, weight) in try placed.dictionary.decoderRow(feature).enumerated() {
        sum[i] += amount * Double(weight)
      }
    }
    return sum
  }
}
