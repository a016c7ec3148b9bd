import TestSupport

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What torch's autograd finds in float64: see `Scripts/reference/families/derivatives.py`.
struct DerivativeReference: Decodable {
  var gradients: Gradients
  var smollm2: Pair
  var tiny: [TinySweep]

  struct Gradients: Decodable {
    var text: String
    var answers, foils: [String]
    /// Every `step`-th element of each.
    var step: Int
    var rows: [Row]

    struct Row: Decodable {
      var edit, metric, site: String
      var values: [Double]
    }
  }

  struct Pair: Decodable {
    var clean, donor, answer, foil: String
    /// The metric of both.
    var values: [Double]
    var rows: [Sweep]

    struct Sweep: Decodable {
      var sweep, option, mode: String
      var values: [Double]
    }
  }

  struct TinySweep: Decodable {
    var family, sweep, option: String
    var tokens, donor: [Int]
    var values: [Double]
  }

  static func read() throws -> DerivativeReference {
    try JSONDecoder().decode(
      DerivativeReference.self,
      from: Data(
        contentsOf: packageRoot.appending(path: "Tests/RuntimeTests/Fixtures/derivatives.json")))
  }
}
