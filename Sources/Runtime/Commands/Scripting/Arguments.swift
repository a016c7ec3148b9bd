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
      `as TYPE` checks what is given, and `about "TEXT"` describes it: both belong to the name before \
      them. `summand script.summand --help` prints them.
      """,
    input: .none,
    parameters: [
      .positional("name", .name, required: false, list: true, "an argument that must be given"),
      .assignment("default", .value, "an argument and its default"),
      .keyword("as", .choice(ArgumentType.self), list: true, "its type; default: any"),
      .keyword("about", .text, list: true, "what `--help` says of it"),
    ],
    examples: ["arguments top=5 as integer about \"how many rows\" span=\"subject\""]
  ) { call in
    var members: [String: Value] = [:]
    if case .record(let earlier)? = call.session.lookUp("args") { members = earlier }
    let declared = try DeclaredArgument.all(
      names: call.expressions("name"), defaults: call.assignments,
      types: call.expressions("as"), abouts: call.expressions("about"))
    for argument in declared {
      let name = argument.name
      // A script that sources this one has had its say.
      if argument.fallback != nil, members[name.text] != nil, !call.session.sourcing.isEmpty {
        continue
      }
      let type = try argument.type.flatMap { expression in
        ArgumentType(
          rawValue: try call.session.choice(expression, among: Choices(ArgumentType.self)))
      }
      if let given = try call.session.scriptArgument(name, type) {
        members[name.text] = given
        continue
      }
      guard let fallback = argument.fallback else {
        throw Failure(
          "this script needs \(name.text)=…", help: "give it after the script's name",
          status: .usage, span: name.span)
      }
      let value = try call.session.evaluate(fallback)
      guard type?.accepts(value) != false else {
        throw Failure(
          "the default of '\(name.text)' is \(value.kind), not \(type?.noun ?? "")",
          span: fallback.span)
      }
      members[name.text] = value
    }
    call.session.set("args", to: .record(members))
    return .nothing
  }
}
