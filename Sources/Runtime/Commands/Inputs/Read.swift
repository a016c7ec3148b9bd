import Lang

extension Command {
  static let read = Command(
    name: "read", group: .inputs, summary: "Read a TSV, CSV, JSON or NDJSON file as a table.",
    details:
      "Of a folder of facts, such as Examples/facts, it is the facts with their templates, R and S.",
    input: .none, parameters: [.positional("file", .path, "its path")],
    examples: [#"read "Examples/facts/country.tsv" | take 3"#]
  ) { call in
    let path = try call.text(required: "file")
    return .table(
      TableValue(
        try placing(at: call.span(of: "file")) {
          FactSource.isFolder(path)
            ? try FactSource(path: path).listing : try readTable(path: path)
        }))
  }
}
