import Lang
import Model

/// Turns the text of an answer into its tokens.
struct AnswerReader {
  let model: LanguageModel
  var extent = Answer.Extent.one

  /// - Throws: `Failure` for a text that is not one token, where it must be one.
  func answer(_ text: String) throws -> Answer {
    let tokens = model.tokenizer.encode(text, isContinuation: true).map(\.id)
    guard let first = tokens.first else { throw Failure("an answer needs some text") }
    switch extent {
    case .one where tokens.count > 1: throw severalTokens(text, tokens)
    case .one, .first:
      try model.require(token: first)
      return Answer([first], of: model, written: text, extent)
    case .whole:
      for token in tokens { try model.require(token: token) }
      return Answer(tokens, of: model, written: text, extent)
    }
  }

  private func severalTokens(_ text: String, _ ids: [Int]) -> Failure {
    let shown = 8
    let tokens = ids.prefix(shown).map { quotedText(excerpt(model.tokenizer.text(of: $0))) }
    let spaced = model.tokenizer.isWholeToken(" " + text) != nil
    return Failure(
      "the answer \(quotedText(text)) is \(ids.count) tokens: "
        + tokens.joined(separator: " ") + (ids.count > shown ? " …" : ""),
      help: spaced
        ? "with a leading space it is one: \(quotedText(" " + text))"
        : "an answer is one token; `first \(quotedText(text))` takes \(tokens[0]), `whole` all of "
          + "them")
  }
}

extension [Answer] {
  /// Each once: the same tokens written twice would count twice.
  var distinct: [Answer] {
    var seen: Set<[Int]> = []
    return filter { seen.insert($0.tokens).inserted }
  }
}
