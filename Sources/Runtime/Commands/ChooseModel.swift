import Lang
import Model

// Which of the loaded models is meant.

extension Command {
  static let use = Command(
    name: "use", group: .models,
    summary: "Choose among the loaded models: prompts made from now on are for this one.",
    details: "Prompts that are there already keep their model; `with` reads them anew.",
    input: .none, parameters: [.positional("model", .model, "the name of a loaded model")],
    examples: ["load smollm2; use smollm2"]
  ) { call in
    if let entry = try call.model("model") { _ = call.session.models.use(entry.name) }
    return .nothing
  }

  static let unload = Command(
    name: "unload", group: .models,
    summary: "Let a loaded model go; its memory is free once no variable holds its prompts.",
    input: .none, parameters: [.positional("model", .model, "the name of a loaded model")],
    examples: ["load smollm2 as other; unload other"]
  ) { call in
    if let entry = try call.model("model") { _ = call.session.models.remove(entry.name) }
    return .nothing
  }

  static let with = Command(
    name: "with", group: .models,
    summary: "Take another loaded model for the rest of the pipeline; prompts are read anew.",
    details: """
      First in a pipeline it is for the prompts that are made in it. After prompts it makes them \
      anew from their texts: tokens, spans, answers and BOS are those of the model that is named. \
      Of several prompts those whose answer is not one token to it are left out, and said so. What \
      was measured, and edits, belong to a model: `with` stands before them.
      """,
    input: .any, parameters: [.positional("model", .model, "the name of a loaded model")],
    examples: [
      "load smollm2; colosseum | with smollm2 | rank",
      #"load smollm2; with smollm2 | prompt "The Colosseum is in" | tokens"#,
    ]
  ) { call in
    guard let entry = try call.model("model") else { return .nothing }
    call.session.models.inPipeline = entry.name
    return try placing(at: call.span) {
      try call.session.reread(call.input, by: entry, at: call.span)
    }
  }
}

extension Session {
  /// Prompts as a model reads them; text, which is no prompt yet, is made one.
  fileprivate func reread(
    _ value: Value, by entry: LoadedModels.Entry, at span: SourceSpan
  ) throws -> Value {
    switch value {
    case .nothing: return value
    case .prompts(let set) where set.model === entry.model: return value
    case .prompts, .text, .list:
      let set = try promptsOfAnyModel(value, before: entry)
      return .prompts(try reread(set, by: [entry.model], at: span)[0])
    case .missing, .boolean, .integer, .number, .table, .selector, .record:
      throw Failure(
        "`with` takes prompts or text, and this is \(value.kind)",
        help: "what was measured on one model cannot go on under another: `with` stands before "
          + "the measure")
    }
  }

  /// The prompts in a value, each still as its own model reads it.
  private func promptsOfAnyModel(_ value: Value, before entry: LoadedModels.Entry) throws
    -> PromptSet
  {
    if case .list(let values) = value, !values.isEmpty {
      return PromptSet(
        joining: try values.map { try promptsOfAnyModel($0, before: entry) })
    }
    let set = try asPrompts(value)
    if let edit = set.edits.first {
      throw Failure(
        "'\(edit.description)' is an edit of '\(name(of: set.model))', and cannot go on under "
          + "'\(entry.name)'", help: "`with` stands before edits: … | with \(entry.name) | …")
    }
    return set
  }

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
        throw Failure("none of these prompts can be put to \(names): \(first)")
      }
      warn(
        "\(leftOut.count) of \(set.prompts.count) prompts are left out for \(names): \(first)"
          + (leftOut.count > 1 ? ", and \(leftOut.count - 1) more" : ""), at: span)
    }
    if lostFoils > 0 {
      warn(
        lostFoils == 1
          ? "a foil is left out that is not one token to \(names)"
          : "\(lostFoils) foils are left out that are not one token to \(names)", at: span)
    }
    for prompts in readings { warnOfReading(prompts, at: span) }
    return zip(models, readings).map { model, prompts in
      PromptSet(prompts: prompts, pool: reread(set.pool, by: model, having: prompts))
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
