import Model

// What measures ask of a set of prompts.
extension PromptSet {
  var origin: Origin {
    Origin(
      model: model, prompts: prompts, edits: edits.map(\.description))
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
    _ = try others.answers(for: measure)
  }

  /// The answers, which a measure needs of every prompt.
  func answers(for measure: String) throws -> [Answer] {
    try prompts.map { prompt in
      guard let answer = prompt.answers.first else {
        if prompt.asksForNext {
          throw Failure(
            "`\(measure)` looks at one answer after the prompt, and '\(prompt.name)' asks for the token "
              + "that follows each position",
            help: "`rank at @*` shows how these fare")
        }
        throw Failure(
          "`\(measure)` needs an answer, and '\(prompt.name)' has none",
          help: "give one: prompt \"…\" -> \" answer\"")
      }
      return answer
    }
  }
}
