/// The pieces of a SentencePiece vocabulary, with how early each is made.
struct PieceScores: Sendable {
  private let vocabulary: Vocabulary
  /// By token, lower for a higher score.
  private let ranks: [Int32]
  /// No piece has more bytes than that.
  private let longest: Int

  /// - Parameter scores: one for each token.
  init(_ vocabulary: Vocabulary, scores: [Float]) {
    precondition(scores.count == vocabulary.count)
    self.vocabulary = vocabulary
    ranks = scores.map(Self.rank)
    longest = (0..<vocabulary.count).reduce(0) { max($0, vocabulary.tokens.range($1).count) }
  }

  /// The piece that `text` is, of whatever kind: llama.cpp merges into marks and unused pieces too.
  func find(_ text: ArraySlice<UInt8>) -> (rank: Int32, id: Int32)? {
    guard text.count <= longest, let id = vocabulary.id(text) else { return nil }
    return (ranks[id], Int32(id))
  }

  /// Whole numbers in the opposite order of the scores: a float's bits are in its order but for the
  /// negative ones, which run backwards.
  private static func rank(_ score: Float) -> Int32 {
    let bits = Int32(bitPattern: (score == 0 ? 0 : score).bitPattern)
    return ~(bits < 0 ? bits ^ .max : bits)
  }
}
