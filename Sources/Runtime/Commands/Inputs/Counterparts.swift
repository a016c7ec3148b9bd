extension Command {
  static let counterparts = Command(
    name: "counterparts", group: .inputs,
    summary: "Take the prompts' counterparts in their place.",
    details: """
      Each has the prompt that it replaces as its own counterpart, with the same answer and foils: \
      `patch … from counterpart` then brings the original's values into the counterpart's run.
      """,
    input: .prompts,
    examples: [
      #"prompt "The Colosseum is in" -> " Italy" counterpart "The Alhambra is in" | counterparts | rank"#
    ]
  ) { call in
    var set = try call.promptInput()
    guard set.edits.isEmpty else {
      throw call.failure("`counterparts` goes before edits", help: "… | counterparts | patch …")
    }
    let having = set.prompts.indices.filter { set.prompts[$0].counterpart != nil }
    guard !having.isEmpty else {
      throw call.failure(
        set.prompts.count == 1
          ? "this prompt has no counterpart" : "these prompts have no counterparts",
        help: "facts FILE PROMPT counterpart PROMPT, or a column `corrupt` in the file")
    }
    let left = set.prompts.count - having.count
    if left > 0 {
      call.warn("\(left) of \(set.prompts.count) prompts have no counterpart, and are left out")
    }
    set.keep(having)
    return .prompts(
      PromptSet(
        prompts: try set.prompts.compactMap { original in
          var prompt = original.counterpart
          try prompt?.pair(with: original)
          return prompt
        }
      ).divided(as: set))
  }
}
