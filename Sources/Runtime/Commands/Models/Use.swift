extension Command {
  static let use = Command(
    name: "use", group: .models,
    summary: "Choose among the loaded models: prompts made from now on are for this one.",
    details: "Existing prompts keep their model; `with` reads them again.",
    input: .none, parameters: [.positional("model", .model, "the name of a loaded model")],
    examples: ["load smollm2; use smollm2"]
  ) { call in
    _ = call.session.models.use(try call.model(required: "model").name)
    return .nothing
  }
}
