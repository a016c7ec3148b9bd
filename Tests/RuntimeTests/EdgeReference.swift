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

    static func prompt(_ tokens: [Int]) -> String {
      "prompt [" + tokens.map(String.init).joined(separator: ", ") + "]"
    }
  }

  /// TransformerLens' scores: see `Scripts/reference/families/lens_edges.py`.
  struct Lens: Decodable {
    var families: [Scores]

    struct Scores: Decodable {
      var family: String
      var clean, corrupt: [Int]
      var edges: [String]
      var eap: [Double]

      var line: String {
        "\(Pair.prompt(corrupt)) | patch each edges from (\(Pair.prompt(clean)))"
      }
    }

    static func read() throws -> Self {
      try JSONDecoder().decode(
        Self.self,
        from: Data(
          contentsOf: packageRoot.appending(path: "Tests/RuntimeTests/Fixtures/edges-lens.json")))
    }
  }

  /// Of the default model: see `Scripts/reference/families/real_edges.py`.
  struct Real: Decodable {
    var clean, donor, answer, foil: String
    var values: [Double]
    /// Some edges, and their estimates; of the first what they do.
    var edges: [String]
    var eap, steps, exact: [Double]

    static func read() throws -> Self {
      try JSONDecoder().decode(
        Self.self,
        from: Data(
          contentsOf: packageRoot.appending(
            path: "Tests/RuntimeTests/Fixtures/edges-smollm2.json")))
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
