/// The tokens that end a text as a folder's files name them for generation. A chat model has several.
struct GenerationConfig {
  let endTokens: [Int]

  /// As transformers 5.24 does: `generation_config.json` alone where there is one, even one that
  /// names no token, else `config.json`, or its part for text.
  ///
  /// - Parameter folder: with its slash, or empty.
  /// - Throws: `ModelError` if a file is damaged, or what it names is not a token.
  init(folder: String) throws {
    let path = folder + "generation_config.json"
    if ReadableFile.exists(path) {
      endTokens = try Self.tokens(JSON.read(path: path), path) ?? []
    } else {
      let path = folder + "config.json"
      let config = try JSON.read(path: path)
      endTokens =
        try Self.tokens(config, path)
        ?? config["text_config"].flatMap { try Self.tokens($0, path) } ?? []
    }
  }

  private static func tokens(_ file: JSON, _ path: String) throws -> [Int]? {
    guard let value = file["eos_token_id"] else { return nil }
    let ids = value.array ?? [value]
    return try ids.map { id in
      guard let id = id.int else {
        throw ModelError(
          .file, "\(quoted(path)): eos_token_id is not a token id or a list of token ids")
      }
      return id
    }
  }
}
