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
    if call.session.isInteractive, call.isLast {
      // For a person; a later stage gets the numbers.
      return .table(
        TableValue(
          Table(columns: [
            Column("time", .texts(shown.map { $0.time.map(localTime) })),
            Column("line", .texts(shown.map(\.text))),
          ])))
    }
    return .table(
      TableValue(
        Table(columns: [
          Column("time", .integers(shown.map(\.time))), Column("line", .texts(shown.map(\.text))),
        ])))
  }
}

/// `2026-11-29 05:20`, where the machine is.
private func localTime(_ seconds: Int) -> String {
  var time = time_t(seconds)
  var parts = tm()
  guard localtime_r(&time, &parts) != nil else { return String(seconds) }
  var text = [CChar](repeating: 0, count: 64)
  let count = strftime(&text, text.count, "%Y-%m-%d %H:%M", &parts)
  return String(decoding: text.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
}
