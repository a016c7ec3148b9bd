import Model

extension Prompt {
  /// The same prompt as a model reads it: tokens, spans, answer, foils and BOS are that model's.
  ///
  /// - Throws: `Failure` where the prompt cannot be put to the model: a span's border falls inside
  ///   a token, the answer or a foil is several, or there is no text to read.
  func read(by model: LanguageModel, addsBOS: Bool) throws -> Prompt {
    if model === self.model { return self }
    var prompt: Prompt
    if isOfIDs {
      prompt = try Prompt(tokens: tokens.map { try sameToken($0, in: model) }, model: model)
    } else if let conversation {
      prompt = try Prompt(conversation, template: model.chatTemplate(), model: model)
    } else {
      prompt = try Prompt(text: text, labels: labels, name: name, model: model, addsBOS: addsBOS)
    }
    prompt.name = name
    prompt.number = number
    prompt.asksForNext = asksForNext
    prompt.firstCounted = firstCounted
    prompt.answers = try answers.map { try $0.read(by: model) }
    prompt.foils = try foils.map { try $0.read(by: model) }
    // R and S are tokens of this model, chosen as those that are one.
    prompt.fact = fact.map { Fact(relation: $0.relation, subject: $0.subject) }
    prompt.row = row
    try prompt.pair(with: try counterpart?.read(by: model, addsBOS: addsBOS))
    return prompt
  }

  /// Ids were given where a text could have been: they are the other model's too if they stand for
  /// the same there.
  private func sameToken(_ id: Int, in model: LanguageModel) throws -> Int {
    let (ours, theirs) = (self.model.tokenizer, model.tokenizer)
    guard ours.bytes(of: id) == theirs.bytes(of: id), ours.isSpecial(id) == theirs.isSpecial(id)
    else {
      throw Failure(
        "'\(name)' was given as token ids, and \(id) is \(quotedText(ours.text(of: id))) to one "
          + "model and \(quotedText(theirs.text(of: id))) to the other",
        help: "give the prompt as text")
    }
    return id
  }
}

extension Answer {
  func read(by model: LanguageModel) throws -> Answer {
    try AnswerReader(model: model, extent: extent).answer(written)
  }
}

extension LanguageModel {
  /// - Throws: `Failure` if it has none, or it cannot be read.
  func chatTemplate() throws -> ChatTemplate {
    do {
      return try chat.template()
    } catch let error as ModelError {
      throw Failure(error)
    }
  }
}
