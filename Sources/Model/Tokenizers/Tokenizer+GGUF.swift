extension Tokenizer {
  /// The tokenizer that a GGUF file carries in its metadata.
  ///
  /// - Parameter pool: helps to open it; nil for this thread alone.
  /// - Throws: `ModelError` of kind `file` if there is none, or one of a kind that is not known
  ///   here, or if it does not fit together.
  init(gguf: GGUFFile, pool: WorkerPool? = nil) throws {
    let file = TokenizerMetadata(path: gguf.path, metadata: gguf.metadata)
    switch file["model"]?.string {
    case "gpt2": try self.init(bytePairs: file, pool: pool)
    case "llama": try self.init(sentencePiece: file)
    case nil: throw file.damaged("the file has no tokenizer (tokenizer.ggml.model)")
    case let model?:
      throw file.damaged(
        "its tokenizer is of the kind \(quoted(model)), which is not supported",
        help: "byte-level ones ('gpt2') and SentencePiece's byte pairs ('llama') are")
    }
  }

  private init(bytePairs file: TokenizerMetadata, pool: WorkerPool?) throws {
    let family = try BytePairFamily(file)
    let eos = try file.token("eos_token_id")
    let marks = GGUFMarks(try file.vocabulary(.byteAlphabet), file, eos: eos)
    self.init(
      name: "gpt2 (\(family.name))", vocabulary: marks.vocabulary,
      steps: Steps(normalizer: family.normalizer, preTokenizer: family.preTokenizer),
      merging: Merging(
        rule: .ranks(try file.mergeTable(marks.vocabulary, pool: pool)),
        ignoresMerges: family.ignoresMerges),
      added: (marks.added(file), .longest),
      marks: Marks(
        bos: try file.token("bos_token_id"), eos: eos, endTokens: marks.endTokens,
        addsBOS: file["add_bos_token"]?.bool ?? family.addsBOS))
    notes = file.bosNotes(usual: family.addsBOS)
    namedTokens = namedTokens(file)
  }

  /// SentencePiece's byte pairs as llama.cpp does them. It takes the marks and the user-defined
  /// tokens out of the text first. Unless the file says otherwise it puts a space before the text
  /// and before what follows each of them, and BOS before everything.
  private init(sentencePiece file: TokenizerMetadata) throws {
    guard file["precompiled_charsmap"] == nil, file["remove_extra_whitespaces"]?.bool != true
    else {
      throw file.damaged(
        "its tokenizer changes the text by a table (precompiled_charsmap) or drops white space "
          + "(remove_extra_whitespaces), which is not read")
    }
    let vocabulary = try file.vocabulary(.metaspace)
    guard let scores = file["scores"]?.floats, scores.count == vocabulary.count else {
      throw file.damaged(
        "its tokenizer needs a score for each token (tokenizer.ggml.scores)")
    }
    if let bad = scores.firstIndex(where: \.isNaN) {
      throw file.damaged("the score of token \(bad) of its tokenizer is not a number")
    }
    /// What SentencePiece gives to a mark if the file says nothing else.
    func token(_ key: String, _ usual: Int) throws -> Int? {
      try file.token(key) ?? (usual < vocabulary.count ? usual : nil)
    }
    let eos = try token("eos_token_id", 2)
    let marks = GGUFMarks(vocabulary, file, eos: eos)
    let space = Vocabulary.metaspace
    let putsSpace = file["add_space_prefix"]?.bool ?? true
    self.init(
      name: "llama (SentencePiece)", vocabulary: marks.vocabulary,
      steps: Steps(
        normalizer: Normalizer(
          steps: (putsSpace ? [.prepend(space)] : [])
            + [.replace([UInt8(ascii: " ")], with: space)]),
        preTokenizer: .whole),
      merging: Merging(
        rule: .scores(PieceScores(marks.vocabulary, scores: scores)),
        unknown: try token("unknown_token_id", 0), fusesUnknown: true),
      added: (marks.added(file), .longest),
      marks: Marks(
        bos: try token("bos_token_id", 1), eos: eos, endTokens: marks.endTokens,
        addsBOS: file["add_bos_token"]?.bool ?? true))
    notes = file.bosNotes(usual: true)
    namedTokens = namedTokens(file)
  }

  /// The tokens that the file names, and those that SentencePiece has where it does not.
  private func namedTokens(_ file: TokenizerMetadata) -> [String: String] {
    let keys = [
      "unknown": "unk_token", "seperator": "sep_token", "padding": "pad_token",
      "cls": "cls_token", "mask": "mask_token",
    ]
    let ids =
      [("bos_token", bos), ("eos_token", eos)]
      + keys.map { key, name in (name, file.optionalToken("\(key)_token_id")) }
    return Dictionary(
      uniqueKeysWithValues: ids.compactMap { name, id in id.map { (name, text(of: $0)) } })
  }
}
