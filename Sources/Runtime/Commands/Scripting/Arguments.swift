import Lang
import Model

extension Command {
  static let arguments = Command(
    name: "arguments", group: .scripting,
    summary: "Declare what a script takes on its command line, with defaults.",
    details: """
      After `arguments model="smollm2" top=10`, args.model and args.top have the given values or \
      these defaults. A name without a default must be given. `summand script.summand top=5` \
      gives a value; a name that the script does not declare is an error before anything runs.
      """,
    input: .none,
    parameters: [
      .positional("name", .name, required: false, list: true, "an argument that must be given"),
      .assignment("default", .value, "an argument and its default"),
    ],
    examples: ["arguments top=5 span=\"subject\""]
  ) { call in
    var members: [String: Value] = [:]
    if case .record(let earlier)? = call.session.lookUp("args") { members = earlier }
    for expression in call.expressions("name") {
      guard case .name(let name) = expression.kind else {
        throw Failure("expected an argument's name", span: expression.span)
      }
      guard let value = call.session.scriptArgument(name) else {
        throw Failure(
          "this script needs \(name)=…", help: "give it after the script's name", status: .usage,
          span: expression.span)
      }
      members[name] = value
    }
    for (name, expression) in call.assignments {
      // A script that sources this one has had its say.
      if members[name.text] != nil, !call.session.sourcing.isEmpty { continue }
      members[name.text] =
        try call.session.scriptArgument(name.text) ?? call.session.evaluate(expression)
    }
    call.session.set("args", to: .record(members))
    return .nothing
  }
}
