import Model

/// What was generated after a prompt, read from the rows of a table.
struct GeneratedText {
  var prompt: Prompt
  var sample: Int?
  var tokens: [Int]

  /// Without the token that ends it.
  var text: String {
    let ends = tokens.last.map(prompt.model.endTokens.contains) ?? false
    let bytes = tokens.dropLast(ends ? 1 : 0).flatMap {
      prompt.model.tokenizer.bytes(of: $0) ?? []
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

extension TableValue {
  /// The texts whose tokens are the rows of the table, as `generate` gives them; nil where they are not.
  ///
  /// - Throws: `Failure` if different prompts have one name, so that nobody can tell whose rows these
  ///   are.
  func generatedTexts() throws -> [GeneratedText]? {
    guard let positions = table["position"], let ids = table["token_id"], table.rowCount > 0 else {
      return nil
    }
    let (names, samples) = (table["prompt"], table["sample"])
    var known: [String: [Prompt]] = [:]
    for prompt in origins.flatMap(\.prompts) {
      let key = names == nil ? "" : prompt.name
      if !(known[key] ?? []).contains(where: { $0.tokens == prompt.tokens }) {
        known[key, default: []].append(prompt)
      }
    }
    var texts: [GeneratedText] = []
    var last: (name: String, sample: Cell?)?
    for row in 0..<table.rowCount {
      try Interruption.check()
      let (name, sample) = (names?[row].description ?? "", samples?[row])
      guard case .integer(let position) = positions[row], case .integer(let id) = ids[row],
        let prompts = known[name], let prompt = prompts.first
      else { return nil }
      guard prompts.count == 1 else {
        throw Failure(
          "\(prompts.count) prompts are called '\(name)', and the rows do not say which is meant",
          help: "generate from one at a time: `for one in SET { … }`")
      }
      let isNew = position == prompt.tokens.count
      if isNew {
        texts.append(GeneratedText(prompt: prompt, sample: sample?.integer, tokens: []))
      } else if texts.isEmpty || last?.name != name || last?.sample != sample
        || position != prompt.tokens.count + (texts.last?.tokens.count ?? 0)
      {
        return nil
      }
      guard (0..<prompt.model.configuration.vocabulary).contains(id) else { return nil }
      texts[texts.count - 1].tokens.append(id)
      last = (name, sample)
    }
    return texts
  }

  /// The prompts with what was generated after them; nil where the table is not of `generate`.
  func continuedPrompts() throws -> PromptSet? {
    try generatedTexts().map { texts in
      PromptSet(prompts: try texts.map { try $0.prompt.continued(by: $0.tokens) })
    }
  }
}

extension Cell {
  fileprivate var integer: Int? { if case .integer(let value) = self { value } else { nil } }
}
