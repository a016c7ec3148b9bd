import Lang
import Model

extension Command {
  static let bos = Command(
    name: "bos", group: .models,
    summary:
      "Choose whether prompts made from now on begin with a BOS token.",
    input: .none,
    parameters: [
      .positional("state", .choice(BOSChoice.self), "whether prompts get one")
    ],
    examples: ["bos auto"]
  ) { call in
    let model = try placing(at: call.span) { try call.session.requireModel() }
    func override(_ value: Bool?) { call.session.models.setBOSOverride(value, of: model) }
    switch try call.choice(required: "state", BOSChoice.self) {
    case .on:
      guard model.tokenizer.bos != nil else {
        throw call.failure("this model's files name no BOS token")
      }
      override(true)
    case .off: override(false)
    case .auto: override(nil)
    }
    return .nothing
  }
}

/// Whether prompts get a BOS token.
enum BOSChoice: String, Choice {
  case on, off, auto

  var summary: String {
    switch self {
    case .on: "always"
    case .off: "never"
    case .auto: "as the model's files say"
    }
  }
}
