import Lang

extension Command {
  static let read = Command(
    name: "read", group: .inputs, summary: "Read a file, or many, as a table.",
    details: """
      TSV, CSV, JSON, NDJSON, lines of text (.txt), Parquet that Summand wrote, and arrays: NPY, NPZ, \
      safetensors. By the ending of the name, else by how the file begins. With `*` or `?` in the \
      name: every file that matches, in the order of their names, with a column `file`. \
      Of a folder of facts, such as Examples/facts, it is the facts with their templates, R and S.
      """,
    input: .none,
    parameters: [
      .positional("file", .path, "its path, or a pattern of several"),
      .keyword("as", .choice(ReadFormat.self), "the format; default: that of the ending"),
    ],
    examples: [#"read "Examples/facts/country.tsv" | take 3"#]
  ) { call in
    let path = try call.text(required: "file")
    let format = try call.choice("as", ReadFormat.self)
    return .table(
      TableValue(
        try placing(at: call.span(of: "file")) {
          if format == nil, FactSource.isFolder(path) {
            return try FactSource(path: path).listing
          }
          return try readFiles(path, format: format)
        }))
  }
}
