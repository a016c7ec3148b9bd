import TestSupport

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What numpy, scikit-learn and transformers in float64 find: see `Scripts/reference/vectors/directions.py`.
struct VectorReference: Decodable {
  var fits: [Fit]
  var models: [Model]

  struct Fit: Decodable {
    var rows: [[Double]]
    /// How many of the rows, from the first on, are of the positive side.
    var positive: Int
    var directions: [Direction]
  }

  struct Direction: Decodable {
    var method: String
    var vector: [Double]
    var threshold: Double
  }

  struct Model: Decodable {
    var family, site: String
    var positive, negative: [[Int]]
    var directions: [Direction]
    var tokens: [Int]
    /// Of the vector, from whose numbers ½ is subtracted.
    var seed: Int
    /// By token.
    var unembedded: [Double]
    var parts: [Parts]
    var answer: Int
    /// Every `step`-th of all layers' one after another, each followed by its bias, if it has one.
    var neurons: [Double]
    var step: Int

    /// The vector as a line writes it.
    func vector(_ width: Int) -> [Double] {
      (0..<width).map { Double(EditTable.Place.element($0, ofSeed: seed)) - 0.5 }
    }
  }

  struct Parts: Decodable {
    var into: String
    var components: [String]
    var values: [Double]
    var total: Double
  }

  static func read() throws -> VectorReference {
    try JSONDecoder().decode(
      VectorReference.self,
      from: Data(
        contentsOf: packageRoot.appending(path: "Tests/RuntimeTests/Fixtures/vectors.json")))
  }
}
