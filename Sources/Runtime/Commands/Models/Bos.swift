import Lang
import Model

extension Command {
  static let bos = Command(
    name: "bos", group: .models,
    summary:
      "Feed a BOS token before the model's prompts from now on, or do not, whatever its files say.",
    input: .none,
    parameters: [
      Parameter(
        name: "state", form: .word(["on", "off", "auto"]), kind: .word, isRequired: true,
        summary: "auto follows the model's files")
    ],
    examples: ["bos auto"]
  ) { call in
    let model = try placing(at: call.span) { try call.session.requireModel() }
    func override(_ value: Bool?) { call.session.models.setBOSOverride(value, of: model) }
    switch call.word("state") {
    case "on":
      guard model.tokenizer.bos != nil else {
        throw call.failure("this model's files name no BOS token")
      }
      override(true)
    case "off": override(false)
    default: override(nil)
    }
    return .nothing
  }
}
