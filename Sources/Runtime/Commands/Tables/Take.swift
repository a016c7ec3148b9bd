import Lang
import Model

extension Command {
  static let take = Command(
    name: "take", group: .tables,
    summary: "Keep the first N rows or prompts, or with -N the last.",
    input: .any, parameters: [.positional("count", .number, "how many; negative: from the end")],
    examples: ["colosseum | tokens | take 3", "colosseum | tokens | take -1"], rowLimit: "count"
  ) { call in
    let count = try call.integer(required: "count")
    if case .prompts(var set) = call.input {
      let size = Int(clamping: count.magnitude)
      let all = set.prompts.indices
      set.keep(Array(count < 0 ? all.suffix(size) : all.prefix(size)))
      guard !set.prompts.isEmpty else {
        throw call.failure("`take \(count)` leaves no prompts", help: "a set needs at least one")
      }
      return .prompts(set)
    }
    return try call.shaping { (try $0.take(count), []) }
  }
}
