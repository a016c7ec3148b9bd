extension Command {
  static let unload = Command(
    name: "unload", group: .models,
    summary:
      "Unload a model or a dictionary; its memory is free once no variable holds its prompts.",
    input: .none,
    parameters: [.positional("model", .model, "the name of a loaded model, or of a dictionary")],
    examples: ["load smollm2 as other; unload other"]
  ) { call in
    if let name = call.expressions("model", .required).first?.dottedNames?.first,
      call.session.models.entry(named: name) == nil, call.session.removeDictionary(name)
    {
      return .nothing
    }
    let entry = try call.model(required: "model")
    _ = call.session.models.remove(entry.name)
    if call.session.models.name(of: entry.model) == nil {
      call.session.dictionaries.removeAll { $0.model === entry.model }
    }
    return .nothing
  }
}
