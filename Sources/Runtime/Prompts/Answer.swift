import Model

/// What may follow a prompt, as tokens of its model: an answer, or a foil to compare it with.
struct Answer: Sendable, Equatable {
  /// Never empty.
  var tokens: [Int]
  /// The text of the tokens.
  var text: String
  /// What the tokens are all of, or the first of: what another model reads.
  var written: String
  var extent = Extent.one

  /// How much is taken of a text of several tokens.
  enum Extent: Sendable {
    /// Nothing: the text must be one token.
    case one
    /// Its first token.
    case first
  }

  /// The first token, which is all of it unless the answer is whole.
  var token: Int { tokens[0] }
}

extension Answer {
  init(_ tokens: [Int], of model: LanguageModel, written: String? = nil, _ extent: Extent = .one) {
    let text = tokens.map(model.tokenizer.text).joined()
    self.init(tokens: tokens, text: text, written: written ?? text, extent: extent)
  }
}
