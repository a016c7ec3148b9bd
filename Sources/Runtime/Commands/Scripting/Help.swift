import Lang
import Model

extension Command {
  static let help = Command(
    name: "help", group: .scripting, summary: "List the commands, explain one, or find a word.",
    input: .none,
    parameters: [
      .positional("command", .command, required: false, "its name, or `sites`"),
      .keyword("search", .text, "find what the help says of this; at the prompt: ? WORD"),
    ],
    examples: ["help", "help dla", "help sites", "help search \"mean\""]
  ) { call in
    if let query = try call.text("search") {
      guard call.expression("command") == nil else {
        throw call.failure("`help` takes a command or `search`, not both")
      }
      try call.session.show(help: HelpText.search(query, in: call.session))
      return .nothing
    }
    guard let expression = call.expression("command") else {
      try call.session.show(help: HelpText.overview)
      return .nothing
    }
    let name = try call.session.bareText(expression)
    if Session.promptEndings.contains(name) {
      try call.session.show(help: HelpText.promptEndings)
      return .nothing
    }
    if name == HelpText.sitesTopic {
      try call.session.show(help: HelpText.sites(of: call.session.model?.configuration))
      return .nothing
    }
    guard let command = Catalogue.command(named: name) else {
      let known = Catalogue.all.map(\.name)
      throw Failure(
        "there is no command '\(name)'",
        help: suggestion(for: name, among: known).map { "did you mean `help \($0)`?" }
          ?? "`help` lists them", span: expression.span)
    }
    try call.session.show(help: HelpText.page(of: command))
    return .nothing
  }
}

extension Session {
  fileprivate func show(help text: String) throws {
    try show(styled: HelpText.fitted(text, to: renderSettings.width))
  }
}

/// What `help` prints, and the reference page shows.
enum HelpText {
  static let sitesTopic = "sites"

  static var overview: String {
    var text = """
      A line reads left to right: what | changed how | measured how | shaped how. Which heads write an \
      answer:

        prompt "The Louvre is in the city of" -> " Paris" | dla by head | top 5

      """
    for group in Command.Group.allCases {
      text += "\n\(group.rawValue)\n"
      for command in Catalogue.all where command.group == group {
        text += "  " + command.name.padded(to: 13) + command.summary + "\n"
      }
    }
    return text + """

      statements: let, def, for, if, else, assert, source, time, plan, report; ! hands the rest of a line \
      to sh
      `help NAME` explains a command, `help sites` lists the sites, `? WORD` finds a word. At the \
      prompt, `edit` opens the last entry in $EDITOR; `exit`, `quit` or Ctrl-D ends it.

      """
  }

  static let promptEndings = "exit, quit\n\n  End the prompt, as Ctrl-D does.\n"

  static func page(of command: Command) -> String {
    var text = "\(command.usage)\n\n  \(command.summary)\n"
    if let details = command.details { text += "\n" + wrapped(details) }
    if !command.parameters.isEmpty {
      text += "\n"
      let names = command.parameters.map(\.heading)
      let width = max(11, names.map(\.count).filter { $0 <= 32 }.max() ?? 0) + 2
      for (name, parameter) in zip(names, command.parameters) {
        if name.count >= width { text += "  \(name)\n" }
        let heading = name.count < width ? name : ""
        text += "  " + heading.padded(to: width) + parameter.summary + "\n"
        for value in parameter.kind.words where !value.summary.isEmpty {
          text += "    " + value.name.padded(to: width - 2) + value.summary + "\n"
        }
      }
    }
    if !command.examples.isEmpty {
      text += "\n" + command.examples.map { "  \($0)\n" }.joined()
    }
    return text
  }

  /// Each line of `text` is a paragraph; one that begins with `- ` is an item of a list.
  private static func wrapped(_ text: String) -> String {
    var wrapped = ""
    for paragraph in text.split(separator: "\n") {
      let indent = paragraph.hasPrefix("- ") ? "    " : "  "
      let lines = lines(of: paragraph, width: 79, after: "  ", margin: indent)
      wrapped += lines.map { $0 + "\n" }.joined()
    }
    return wrapped
  }
}
