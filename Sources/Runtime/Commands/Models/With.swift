import Lang
import Model

extension Command {
  static let with = Command(
    name: "with", group: .models,
    summary: "Take another loaded model for the rest of the pipeline; prompts are read again.",
    details: """
      At the start of a pipeline, `with` applies to the prompts that the pipeline makes. After \
      prompts, it makes them again from their texts, with the other model's tokens, spans, \
      answers and BOS.
      Of several prompts, those whose answer is not one token of that model are dropped with a \
      warning. Edits and measurements belong to one model: put `with` before them.
      """,
    input: .any, parameters: [.positional("model", .model, "the name of a loaded model")],
    examples: [
      "load smollm2; colosseum | with smollm2 | rank",
      #"load smollm2; with smollm2 | prompt "The Colosseum is in" | tokens"#,
    ], needsFollower: "`use` chooses it for the lines that follow"
  ) { call in
    let entry = try call.model(required: "model")
    call.session.models.inPipeline = entry.name
    return try placing(at: call.span) {
      try call.session.reread(call.input, by: entry, at: call.span)
    }
  }
}

extension Session {
  /// Prompts as a model reads them; text becomes a prompt.
  fileprivate func reread(
    _ value: Value, by entry: LoadedModels.Entry, at span: SourceSpan
  ) throws -> Value {
    switch value {
    case .nothing: return value
    case .prompts(let set) where set.model === entry.model: return value
    case .prompts, .text, .list:
      let set = try promptsOfAnyModel(value, before: entry)
      return .prompts(try reread(set, by: [entry.model], at: span)[0])
    case .missing, .boolean, .integer, .number, .table, .stream, .selector, .vector, .map,
      .circuit, .record:
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
}
