/// `tiny-gqa.edits.json`, `tiny-mha.edits.json` and `smollm2.edits.json`: edits and the logits
/// after them, from another implementation in float64. Values that take a place are described there
/// and come from runs of our own.
package struct EditTable: Decodable {
  /// What is done, as a person who experiments names it.
  package enum Kind: String, Decodable, CaseIterable {
    case zero, mean, patch, freeze, scale, steer, cut, project, onto, clamp
  }

  package struct Place: Decodable {
    package var kind: Kind
    package var site: String
    package var layer: Int?
    /// All of them where nil.
    package var units: [Int]?
    /// Positions.
    package var at: [Int]
    /// `patch`: which of `others`.
    package var donor: Int?
    package var factor: Double?
    package var seed: Int?
    package var sources: [Int]?
    /// `clamp`: how long the part along the vector becomes.
    package var to: Double?

    package init(
      _ kind: Kind, _ site: String, layer: Int?, at positions: [Int], seed: Int, sources: [Int]
    ) {
      self.kind = kind
      self.site = site
      self.layer = layer
      at = positions
      self.seed = seed
      self.sources = sources
    }

    /// Number i of the vector that `steer` adds, or of a direction, in [0, 1): the upper 24 bits of
    /// splitmix64(1,000,000 · seed + i).
    package static func element(_ i: Int, ofSeed seed: Int) -> Float {
      Float(splitmix64(UInt64(seed * 1_000_000 + i)) >> 40) / 0x1p24
    }
  }

  package struct Cell: Decodable {
    package var edits: [Place]
    /// [at][logitTokens]
    package var logits: [[Double]]
  }

  package var tokens: [Int]
  /// Prompts of the same length.
  package var others: [[Int]]
  package var logitTokens: [Int]
  /// The positions of the logits.
  package var at: [Int]
  /// Without an edit.
  package var clean: [[Double]]
  package var cells: [Cell]

  package init(_ model: String) throws {
    self = try Fixtures.json("\(model).edits.json")
  }
}
