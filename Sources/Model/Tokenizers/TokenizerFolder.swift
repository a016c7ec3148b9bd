/// What a folder without a `tokenizer.json` has instead, and how to make one of it.
enum TokenizerFolder {
  /// - Parameter folder: with its slash, or empty.
  /// - Throws: `ModelError` that says what is missing, if there is no `tokenizer.json`.
  static func check(_ folder: String) throws {
    guard !ReadableFile.exists(folder + "tokenizer.json") else { return }
    let others: [(files: [String], what: String)] = [
      (["tokenizer.model"], "tokenizer.model, of SentencePiece or tiktoken"),
      (["tekken.json"], "tekken.json, of Mistral"),
      (["vocab.json", "merges.txt"], "vocab.json and merges.txt"),
      (["vocab.json"], "vocab.json, without merges.txt"),
      (["merges.txt"], "merges.txt, without vocab.json"),
      (["vocab.txt"], "vocab.txt, of WordPiece"),
      (["spiece.model"], "spiece.model, of SentencePiece"),
      (["tiktoken.model"], "tiktoken.model"),
    ]
    let found = others.first { $0.files.allSatisfy { ReadableFile.exists(folder + $0) } }
    let name = folder.isEmpty ? "this folder" : quoted(String(folder.dropLast()))
    guard let found else {
      throw ModelError(
        .file, "\(name) has no tokenizer.json",
        help: "fetch the tokenizer.json that belongs to the model")
    }
    throw ModelError(
      .file, "\(name) has no tokenizer.json; it has \(found.what), which is not read",
      help: "make one with Python's transformers: "
        + "AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER)")
  }
}
