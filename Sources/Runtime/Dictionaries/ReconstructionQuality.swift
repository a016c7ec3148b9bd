import Lang
import Model

/// How well a dictionary reconstructs what stands at its site.
///
/// Over all rows x with reconstructions x̂: the mean count of active features (L0), 1 − Σ‖x − x̂‖² / Σ‖x − x̄‖²,
/// and the mean cosine of x and x̂.
struct ReconstructionQuality {
  private(set) var positions = 0
  private var active = 0
  private var sum: [Double] = []
  private var squares = 0.0
  private var errors = 0.0
  private var cosines = 0.0

  mutating func add(_ x: [Float], _ reconstruction: [Double], active: Int) {
    if sum.isEmpty { sum = [Double](repeating: 0, count: x.count) }
    positions += 1
    self.active += active
    var (own, other, both) = (0.0, 0.0, 0.0)
    for (i, (x, y)) in zip(x, reconstruction).enumerated() {
      let x = Double(x)
      sum[i] += x
      own += x * x
      other += y * y
      both += x * y
      errors += (x - y) * (x - y)
    }
    squares += own
    cosines += own > 0 && other > 0 ? both / (own * other).squareRoot() : 0
  }

  var activeFeatures: Double? { positions > 0 ? Double(active) / Double(positions) : nil }

  /// Nil where the rows do not differ.
  var explainedVariance: Double? {
    guard positions > 1 else { return nil }
    let variance = squares - sum.reduce(0) { $0 + $1 * $1 } / Double(positions)
    return variance > 0 ? 1 - errors / variance : nil
  }

  var cosine: Double? { positions > 0 ? cosines / Double(positions) : nil }
}

extension Session {
  /// Over all positions of a set's prompts but BOS. Of a plan there is none.
  ///
  /// - Parameter dictionaries: one, or all layers of a cross-layer transcoder.
  func qualities(of dictionaries: [PlacedDictionary], on set: PromptSet) throws
    -> [ReconstructionQuality]
  {
    var qualities = dictionaries.map { _ in ReconstructionQuality() }
    let bos = set.model.tokenizer.bos
    try forEachRun(of: dictionaries.flatMap(\.sites), in: set, label: "dictionary", at: nil) {
      item, positions, run in
      guard statement.runner.isHeard else { return }
      for position in positions where item.prompt.tokens[position] != bos {
        try Interruption.check()
        var active = dictionaries.map { _ in 0 }
        let parts = try DictionaryParts(of: dictionaries, run, at: position) { number, _, _ in
          active[number] += 1
        }
        for (number, placed) in dictionaries.enumerated() {
          guard let x = placed.output(run, at: position), let remainder = parts.sites[number] else {
            continue
          }
          let reconstruction = zip(x, remainder.error).map { Double($0) - $1 }
          qualities[number].add(x, reconstruction, active: active[number])
        }
      }
    }
    return qualities
  }
}
