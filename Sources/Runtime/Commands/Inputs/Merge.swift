import Lang

extension Command {
  static let merge = Command(
    name: "merge", group: .inputs,
    summary: "Put the saved shards of one result together.",
    details: """
      The files are those of `… | shard | … | save "out/3.json"`, JSON or Parquet, all shards of one \
      run. The table is the whole's, and so is the provenance: to save it again gives the same bytes \
      as a run without `shard`. It is an error if a shard is missing, is there twice, has only a \
      part of its rows, or is of another version, model, set of prompts or line.
      """,
    input: .none,
    parameters: [
      .positional("files", .path, list: true, "their paths, or patterns such as \"out/*.json\"")
    ],
    examples: []
  ) { call in
    let place = call.span(of: "files")
    let patterns = try call.names("files")
    return try placing(at: place) {
      var paths: [String] = []
      var known: Set<String> = []
      for pattern in patterns {
        let found =
          fileStatus(of: pattern) == nil ? try Runtime.paths(matching: pattern) : [pattern]
        guard !found.isEmpty else {
          throw Failure(
            "no file matches '\(excerpt(pattern, limit: 80))'",
            help: "`*` stands for any part of a name, `?` for one character", status: .unreadable)
        }
        for path in found where known.insert(path).inserted { paths.append(path) }
      }
      let files = try paths.mapChecked(ShardFile.init)
      return .table(try MergedShards(files).value())
    }
  }
}
