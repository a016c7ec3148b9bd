import Lang
import Model

extension Command {
  static let arguments = Command(
    name: "arguments", group: .scripting,
    summary: "Declare what a script takes on its command line, with defaults.",
    details: """
      `arguments model="smollm2" top=10`, then args.model and args.top. A bare name has no default \
      and must be given. `summand script.summand model=other` gives one; one that is not declared \
      is an error before anything runs.
      """,
    input: .none,
    parameters: [
      .positional("name", .word, required: false, list: true, "an argument that must be given"),
      Parameter(
        name: "default", form: .assignment, kind: .value, summary: "an argument and its default"),
    ],
    examples: ["arguments top=5 span=\"subject\""]
  ) { call in
    var members: [String: Value] = [:]
    if case .record(let earlier)? = call.session.lookUp("args") { members = earlier }
    for expression in call.expressions("name") {
      guard case .name(let name) = expression.kind else {
        throw Failure("an argument's name is wanted here", span: expression.span)
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

  static let help = Command(
    name: "help", group: .scripting, summary: "List the commands, or explain one.", input: .none,
    parameters: [.positional("command", .word, required: false, "its name")],
    examples: ["help", "help dla"]
  ) { call in
    guard let expression = call.expression("command") else {
      call.host.write(HelpText.overview)
      return .nothing
    }
    let name = try call.session.choice(expression)
    guard let command = Catalogue.command(named: name) else {
      let known = Catalogue.all.map(\.name)
      throw Failure(
        "there is no command '\(name)'",
        help: suggestion(for: name, among: known).map { "did you mean `help \($0)`?" }
          ?? "`help` lists them", span: expression.span)
    }
    call.host.write(HelpText.page(of: command))
    return .nothing
  }

  static let history = Command(
    name: "history", group: .scripting, summary: "List what was typed at the prompt, oldest first.",
    input: .none,
    parameters: [.positional("count", .number, required: false, "only the last so many")],
    examples: ["history 5"]
  ) { call in
    let entries = call.host.history
    let wanted = try call.integer("count") ?? entries.count
    guard wanted >= 0 else { throw call.failure("`history` takes a count of 0 or more") }
    let shown = entries.suffix(wanted)
    return .table(
      TableValue(
        Table(columns: [
          Column("time", .integers(shown.map(\.time))), Column("line", .texts(shown.map(\.text))),
        ])))
  }
}

/// What `help` prints, and the reference page shows.
enum HelpText {
  static var overview: String {
    var text = "A line reads left to right: what | changed how | measured how | shaped how.\n"
    for group in Command.Group.allCases {
      text += "\n\(group.rawValue)\n"
      for command in Catalogue.all where command.group == group {
        text += "  " + command.name.padded(to: 13) + command.summary + "\n"
      }
    }
    return text + """

      statements: let, def, for, if, else, assert, source, time, plan, report; ! hands the rest of a line \
      to sh
      `help NAME` explains a command.

      """
  }

  static func page(of command: Command) -> String {
    var text = "\(command.usage)\n\n  \(command.summary)\n"
    if let details = command.details { text += "\n" + wrapped(details) }
    if !command.parameters.isEmpty {
      text += "\n"
      let names = command.parameters.map { $0.words.joined(separator: " | ") }
      let width = max(11, names.map(\.count).max() ?? 0) + 2
      for (name, parameter) in zip(names, command.parameters) {
        text += "  " + name.padded(to: width) + parameter.summary + "\n"
      }
    }
    if !command.examples.isEmpty {
      text += "\n" + command.examples.map { "  \($0)\n" }.joined()
    }
    return text
  }

  private static func wrapped(_ text: String) -> String {
    var lines = [""]
    for word in text.split(whereSeparator: \.isWhitespace) {
      if lines[lines.count - 1].count + word.count > 76 { lines.append("") }
      lines[lines.count - 1] += (lines[lines.count - 1].isEmpty ? "" : " ") + word
    }
    return lines.map { "  \($0)\n" }.joined()
  }
}
