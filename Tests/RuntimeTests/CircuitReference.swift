import TestSupport

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What torch finds in float64: see `Scripts/reference/families/circuits.py`.
struct CircuitReference: Decodable {
  var families: [Model]

  struct Model: Decodable {
    var family: String
    /// Two pairs.
    var tokens, donors: [[Int]]
    /// Means over both.
    var full, empty: Double
    var sizes: [Double]
    var kept: [Kept]
    var paths: [Path]
    var curves: [Curve]

    /// Two prompts and their donors, as variables `a` and `b`, and the first of each as `one` and `other`.
    var definitions: String {
      func set(_ tokens: [[Int]]) -> String {
        "[" + tokens.map { "(prompt \($0))" }.joined(separator: ", ") + "]"
      }
      return "let a = \(set(tokens)); let b = \(set(donors)); "
        + "let one = prompt \(tokens[0]); let other = prompt \(donors[0])"
    }
  }

  struct Kept: Decodable {
    var edges: [String]
    /// The effects on the first prompt.
    var patch, zero, mean: Double

    /// As a variable `kept`.
    var definition: String {
      let names = edges.map { "\"\($0)\"" }.joined(separator: ", ")
      return "let names = [\(names)]; let kept = one | patch each names from other "
        + "| attribute of \(EdgeReference.metric) | circuit"
    }
  }

  /// The effect of a path on the first prompt, MLPs on the way being held or not.
  struct Path: Decodable {
    var path: String
    var held, through: Double
  }

  struct Curve: Decodable {
    var way, sign: String
    /// Of each size, after pruning.
    var edges: [Int]
    var faithfulness: [Double]
    var cpr, cmd: Double
    /// The edges of the circuit of a tenth of all.
    var tenth: [String]
  }

  static func read() throws -> [Model] {
    try JSONDecoder().decode(
      CircuitReference.self,
      from: Data(
        contentsOf: packageRoot.appending(path: "Tests/RuntimeTests/Fixtures/circuits.json"))
    ).families
  }
}
