import Lang

extension Command {
  static let set = Command(
    name: "set", group: .scripting, summary: "Show the settings, or change one.",
    details: """
      `set` lists the settings with their values. `set digits 3` changes one for the rest of the \
      session; a line of `~/.config/summand/init.summand` changes it at every prompt.
      """,
    input: .none,
    parameters: [
      .positional("setting", .choice(Setting.self), required: false, "which one"),
      .positional("value", .text, required: false, "its new value; default: show it"),
    ],
    examples: ["set", "set digits 3", "set format default"],
    yieldsToNames: true
  ) { call in
    guard let setting = try call.choice("setting", Setting.self) else {
      guard call.expression("value") == nil else {
        throw call.failure("`set` needs a setting before a value", help: "`set` lists them")
      }
      return .table(TableValue(settings(Setting.allCases, in: call.session)))
    }
    guard let expression = call.expression("value") else {
      return .table(TableValue(settings([setting], in: call.session)))
    }
    let text = try call.session.bareText(expression)
    try placing(at: expression.span) { try setting.change(to: text, in: call.session) }
    return .nothing
  }

  private static func settings(_ shown: [Setting], in session: Session) -> Table {
    Table(columns: [
      Column("setting", .texts(shown.map(\.rawValue))),
      Column("value", .texts(shown.map { $0.text(in: session) })),
      Column("values", .texts(shown.map(\.values))),
      Column("meaning", .texts(shown.map(\.summary))),
    ])
  }
}
