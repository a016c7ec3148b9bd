import Lang
import Model

extension LanguageModel {
  /// Refuses a token that the model has no row for.
  ///
  /// - Throws: `Failure` with the token's text, where the tokenizer knows the token.
  func require(token: Int) throws {
    do {
      try configuration.check(token: token)
    } catch let error as ModelError {
      let isKnown = (0..<tokenizer.vocabularySize).contains(token)
      throw Failure(
        error.message,
        help: isKnown
          ? "\(quotedText(tokenizer.text(of: token))) is a token of the tokenizer alone: "
            + "the tokenizer has more tokens than the model's embedding" : nil)
    }
  }
}
