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
    /// All of its tokens, each predicted from the ones before it.
    case whole
  }

  /// The first token, which is all of it unless it is `whole`.
  var token: Int { tokens[0] }
}

extension Prompt {
  /// The answers as tables show them, `|` between several; nil where there is none.
  var answerText: String? { answers.isEmpty ? nil : answers.map(\.text).joined(separator: "|") }

  var foilText: String? { foils.isEmpty ? nil : foils.map(\.text).joined(separator: "|") }
}

extension Answer {
  init(_ tokens: [Int], of model: LanguageModel, written: String? = nil, _ extent: Extent = .one) {
    let text =
      tokens.count == 1 ? model.tokenizer.text(of: tokens[0]) : model.tokenizer.decode(tokens)
    self.init(tokens: tokens, text: text, written: written ?? text, extent: extent)
  }
}
