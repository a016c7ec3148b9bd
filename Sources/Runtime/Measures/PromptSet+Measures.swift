import Model

// What measures ask of a set of prompts.
extension PromptSet {
  var origin: Origin {
    Origin(
      model: model, prompts: prompts, edits: edits.map(\.description), shard: shard)
  }

  /// - Throws: `Failure` where a sweep makes no sense.
  func withoutSweep(for measure: String) throws -> PromptSet {
    guard sweep == nil else {
      throw Failure(
        "`\(measure)` cannot be taken of a sweep",
        help: "use `effect` after `each`, or omit `each` to make one edit of it all")
    }
    return self
  }

  /// Refuses prompts that have neither an answer nor `-> next`.
  func checkAnswersOrNext(for measure: String) throws {
    var others = self
    others.prompts.removeAll(where: \.asksForNext)
    try others.requireAnswers(for: measure)
  }

  /// Makes sure of the answers, which a measure needs of every prompt.
  func requireAnswers(for measure: String) throws {
    guard let bare = prompts.first(where: \.answers.isEmpty) else { return }
    if bare.asksForNext {
      throw Failure(
        "`\(measure)` looks at one answer after the prompt, and '\(bare.name)' asks for the token "
          + "that follows each position",
        help: "`rank at @*` shows how these fare")
    }
    throw Failure(
      "`\(measure)` needs an answer, and '\(bare.name)' has none",
      help: "give one: prompt \"…\" -> \" answer\"")
  }

  /// - Throws: `Failure` for answers of several tokens.
  func requireShortAnswers(for measure: String) throws {
    guard let long = prompts.first(where: \.hasLongAnswer) else { return }
    throw Failure(
      "`\(measure)` looks at one token, and '\(long.name)' has an answer of several",
      help: "`first` takes its first token: -> first \" Ouagadougou\"")
  }
}
