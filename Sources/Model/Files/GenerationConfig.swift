/// A `generation_config.json`, of which one thing is read: which tokens end a text. A chat model has
/// several, of which the tokenizer names one.
struct GenerationConfig {
  var endTokens: [Int] = []

  /// - Throws: `ModelError` if the file is there and damaged.
  init(path: String) throws {
    guard ReadableFile.exists(path), let value = try JSON.read(path: path)["eos_token_id"] else {
      return
    }
    let ids = value.array ?? [value]
    endTokens = ids.compactMap(\.int)
    guard endTokens.count == ids.count else {
      throw ModelError(.file, "\(quoted(path)): eos_token_id is no token id and no list of them")
    }
  }
}
