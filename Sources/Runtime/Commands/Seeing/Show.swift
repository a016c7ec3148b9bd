import Lang

extension Command {
  static let show = Command(
    name: "show", group: .seeing, summary: "Print a value in another format.", input: .any,
    parameters: [
      .keyword("as", .choice(OutputFormat.self), required: true, "the format")
    ],
    examples: ["colosseum | tokens | take 2 | show as csv"]
  ) { call in
    try Printer(call.session, format: try call.choice(required: "as")).print(call.input)
    call.session.putOnPage(call.input)
    return .nothing
  }
}
