import TestSupport

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What torch finds in float64: see `Scripts/reference/families/edges.py`.
struct EdgeReference: Decodable {
  var families: [Pair]

  struct Pair: Decodable {
    var family: String
    var tokens, donor: [Int]
    /// The metric of both.
    var values: [Double]
    /// Every edge, and what is found of it.
    var edges: [String]
    var exact, eap, steps: [Double]
    /// Edges into keys and values that heads share.
    var shared: [String]
    var sharedExact: [Double]

    /// A line up to the edits.
    var prompt: String { Self.prompt(tokens) }

    func patch(_ edges: String) -> String {
      "\(prompt) | patch \(edges) from (\(Self.prompt(donor)))"
    }

    /// The other way round.
    var reversed: Self {
      var pair = self
      (pair.tokens, pair.donor) = (donor, tokens)
      return pair
    }

    private static func prompt(_ tokens: [Int]) -> String {
      "prompt [" + tokens.map(String.init).joined(separator: ", ") + "]"
    }
  }

  static let metric = "(logit(33) - 0.5 * logit(70))"

  static func read() throws -> [Pair] {
    try JSONDecoder().decode(
      EdgeReference.self,
      from: Data(
        contentsOf: packageRoot.appending(path: "Tests/RuntimeTests/Fixtures/edges.json"))
    ).families
  }
}
