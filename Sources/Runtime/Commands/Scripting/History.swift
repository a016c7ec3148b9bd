import Lang
import Model

extension Command {
  static let history = Command(
    name: "history", group: .scripting, summary: "List what was typed at the prompt, oldest first.",
    input: .none,
    parameters: [.positional("count", .number, required: false, "only the last N")],
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
