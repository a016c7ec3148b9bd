import Lang

extension Command {
  static let show = Command(
    name: "show", group: .seeing, summary: "Print a value in another format, or all of its rows.",
    input: .any,
    parameters: [
      .keyword("as", .choice(OutputFormat.self), "the format; default: as other values"),
      .flag("all", "print every row, however many the terminal has room for"),
    ],
    examples: ["colosseum | tokens | take 2 | show as csv", "colosseum | tokens | show all"]
  ) { call in
    let format: OutputFormat? = try call.choice("as")
    let isWhole = call.hasFlag("all")
    guard format != nil || isWhole else {
      throw call.failure(
        "`show` needs `as \(OutputFormat.allCases.map(\.rawValue).joined(separator: " | "))`, or `all`",
        help: "usage: \(call.command.usage)")
    }
    try Printer(call.session, format: format, isWhole: isWhole).print(call.input)
    call.session.putOnPage(call.input)
    return .nothing
  }
}
