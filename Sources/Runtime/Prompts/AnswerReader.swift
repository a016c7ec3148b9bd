import Lang
import Model

/// Turns the text of an answer into its tokens.
struct AnswerReader {
  let model: LanguageModel
  var extent = Answer.Extent.one

  func answer(_ text: String) throws -> Answer {
    let pieces = model.tokenizer.encode(text, isContinuation: true)
    guard let first = pieces.first else { throw Failure("an answer needs some text") }
    if pieces.count == 1 || extent == .first {
      try model.require(token: first.id)
      return Answer([first.id], of: model, written: text, extent)
    }
    let shown = 8
    let tokens = pieces.prefix(shown).map { quotedText(excerpt(model.tokenizer.text(of: $0.id))) }
    let spaced = model.tokenizer.isWholeToken(" " + text) != nil
    throw Failure(
      "the answer \(quotedText(text)) is \(pieces.count) tokens: "
        + tokens.joined(separator: " ") + (pieces.count > shown ? " …" : ""),
      help: spaced
        ? "with a leading space it is one: \(quotedText(" " + text))"
        : "an answer is one token; `first \(quotedText(text))` takes \(tokens[0])")
  }
}
