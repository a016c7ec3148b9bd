extension Command {
  static let unload = Command(
    name: "unload", group: .models,
    summary: "Let a loaded model go; its memory is free once no variable holds its prompts.",
    input: .none, parameters: [.positional("model", .model, "the name of a loaded model")],
    examples: ["load smollm2 as other; unload other"]
  ) { call in
    if let entry = try call.model("model") { _ = call.session.models.remove(entry.name) }
    return .nothing
  }
}
