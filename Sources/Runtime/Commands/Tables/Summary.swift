extension Command {
  static let summary = Command(
    name: "summary", group: .tables,
    summary: "Describe each column: its type, count, smallest, mean and largest.", input: .table,
    examples: ["colosseum | dla by head | summary"]
  ) { call in try call.shaping { (try $0.summary(), []) } }
}
