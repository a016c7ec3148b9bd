import Lang
import Model

// What makes a measure say little about a prompt, told when its set is first measured.
extension Session {
  /// Warns of prompts that end in a space, and of answers that would be likelier with a space before
  /// them. Prompts that were looked at before are not looked at again.
  func warnOfSpaces(in set: PromptSet, at span: SourceSpan) throws {
    try statement.runner.compute {
      try warnOfSpaces(in: set.pool.unchecked(of: set.prompts), at: span)
    }
  }

  private func warnOfSpaces(in prompts: [Prompt], at span: SourceSpan) throws {
    let spaced = prompts.filter(\.endsInNeedlessSpace)
    if let first = spaced.first {
      warn(
        prompts.count == 1
          ? "the prompt ends in a space: mostly the space belongs to the token that follows"
          : "\(spaced.count) of \(prompts.count) prompts end in a space, '\(excerpt(first.name))' among "
            + "them: mostly the space belongs to the token that follows",
        help: "omit it, and write the answer with a leading space", at: span)
    }
    let bare = try withLikelierSpace(prompts)
    if let (answer, _) = bare.first {
      let (written, better) = (quotedText(excerpt(answer)), quotedText(" " + excerpt(answer)))
      warn(
        prompts.count == 1
          ? "the answer \(written) has no leading space, and \(better) is likelier"
          : "\(bare.count) of \(prompts.count) answers have no leading space and are likelier with one: "
            + "\(written) among them",
        help: "a word's leading space is a part of its token: write \(better)", at: span)
    }
  }

  /// The answers, as written, of prompts whose answer with a space before it is one token, and has the
  /// larger logit.
  private func withLikelierSpace(_ prompts: [Prompt]) throws -> [(answer: String, logit: Float)] {
    let candidates = prompts.compactMap { prompt in
      prompt.spacedAnswer.map { (prompt: prompt, tokens: [$0.answer, $0.spaced]) }
    }
    guard let model = candidates.first?.prompt.model else { return [] }
    let requests = candidates.map { prompt, tokens in
      RunRequest(tokens: prompt.tokens, logits: .tokens(tokens, position: prompt.last))
    }
    var gains = [Float](repeating: 0, count: candidates.count)
    _ = try model.transformer.run(
      requests, memory: memory, progress: { _, _ in },
      consume: { index, result in gains[index] = result.logits[0][1] - result.logits[0][0] })
    return candidates.indices.filter { gains[$0] > 0 }.map { index in
      (candidates[index].prompt.answers.first?.written ?? "", gains[index])
    }
  }
}

extension Prompt {
  /// Whether the answer, if there is one, would have brought its own space.
  fileprivate var endsInNeedlessSpace: Bool {
    guard !isOfIDs, !asksForNext, text.hasSuffix(" ") else { return false }
    guard let answer = answers.first, !answer.written.hasPrefix(" ") else { return true }
    return model.tokenizer.isWholeToken(" " + answer.written) != nil
  }

  /// The tokens of an answer without a leading space, and of the same with one: nil where it has one,
  /// or the prompt ends in one, or no such token is.
  fileprivate var spacedAnswer: (answer: Int, spaced: Int)? {
    guard let answer = answers.first, let first = answer.written.first, !first.isWhitespace,
      text.last?.isWhitespace != true
    else { return nil }
    let spaced = " " + answer.written
    let token =
      answer.extent != .one
      ? model.tokenizer.encode(spaced, isContinuation: true).first?.id
      : model.tokenizer.isWholeToken(spaced)
    // The tokenizer may have more tokens than the model.
    guard let token, token != answer.token, token < model.configuration.vocabulary,
      model.tokenizer.text(of: token).contains(where: { !$0.isWhitespace })
    else { return nil }
    return (answer.token, token)
  }
}
