extension Command {
  static let unload = Command(
    name: "unload", group: .models,
    summary: "Unload a model; its memory is free once no variable holds its prompts.",
    input: .none, parameters: [.positional("model", .model, "the name of a loaded model")],
    examples: ["load smollm2 as other; unload other"]
  ) { call in
    _ = call.session.models.remove(try call.model(required: "model").name)
    return .nothing
  }
}
