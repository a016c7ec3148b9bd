import Lang
import Model

extension Session {
  /// The prompts of a set as each of some models reads them. Of several, those that one of the models
  /// cannot be asked are left out of all, and said so; so are foils.
  func reread(_ set: PromptSet, by models: [LanguageModel], at span: SourceSpan) throws
    -> [PromptSet]
  {
    var readings: [[Prompt]] = models.map { _ in [] }
    var (leftOut, lostFoils): ([String], Int) = ([], 0)
    for var prompt in set.prompts {
      let written = prompt.foils
      if set.prompts.count > 1 {
        prompt.foils = written.filter { foil in
          models.allSatisfy { (try? foil.read(by: $0)) != nil }
        }
      }
      do {
        let read = try models.map { try prompt.read(by: $0, addsBOS: addsBOS($0)) }
        for (i, prompt) in read.enumerated() { readings[i].append(prompt) }
        lostFoils += written.count - prompt.foils.count
      } catch let failure as Failure where set.prompts.count > 1 {
        leftOut.append(failure.message)
      }
    }
    let names = models.map(name(of:)).joined(separator: " and ")
    if let first = leftOut.first {
      guard leftOut.count < set.prompts.count else {
        throw Failure("none of these prompts can be read by \(names): \(first)")
      }
      warn(
        "\(leftOut.count) of \(set.prompts.count) prompts are left out for \(names): \(first)"
          + (leftOut.count > 1 ? ", and \(leftOut.count - 1) more" : ""), at: span)
    }
    if lostFoils > 0 {
      warn(
        lostFoils == 1
          ? "a foil is left out: it is not one token for \(names)"
          : "\(lostFoils) foils are left out: they are not one token for \(names)", at: span)
    }
    for prompts in readings { warnOfReading(prompts, at: span) }
    return zip(models, readings).map { model, prompts in
      PromptSet(prompts: prompts, pool: reread(set.pool, by: model, having: prompts))
        .divided(as: set)
    }
  }

  /// What draws are made from: those of a set's pool that the model can be asked.
  private func reread(_ pool: PromptPool, by model: LanguageModel, having known: [Prompt])
    -> PromptPool
  {
    let known = Dictionary(known.map { ($0.number, $0) }) { first, _ in first }
    return PromptPool(
      pool.prompts.compactMap { prompt in
        known[prompt.number] ?? (try? prompt.read(by: model, addsBOS: addsBOS(model)))
      })
  }

  private func warnOfReading(_ prompts: [Prompt], at span: SourceSpan) {
    warnOfDoubledBOS(in: prompts, at: span)
    guard let bad = prompts.first(where: { !$0.isWhole }) else { return }
    warn(
      "the tokenizer of \(name(of: bad.model)) has no token for some of '\(bad.name)', and drops it",
      help: "`tokens` shows what is left", at: span)
  }
}
