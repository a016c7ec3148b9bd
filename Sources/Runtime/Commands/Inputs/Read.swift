import Lang

extension Command {
  static let read = Command(
    name: "read", group: .inputs, summary: "Read a TSV, CSV, JSON or NDJSON file as a table.",
    input: .none, parameters: [.positional("file", .path, "its path")],
    examples: [#"read "Examples/facts/country.tsv" | take 3"#]
  ) { call in
    guard let expression = call.expression("file"), let path = try call.text("file") else {
      return .nothing
    }
    return .table(TableValue(try placing(at: expression.span) { try readTable(path: path) }))
  }
}
