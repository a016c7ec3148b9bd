extension Tokenizer {
  /// The tokenizer that a GGUF file carries in its metadata.
  ///
  /// - Throws: `ModelError` of kind `file` if there is none, or one of a kind that is not known
  ///   here, or if it does not fit together.
  public init(gguf: GGUFFile) throws {
    let file = TokenizerMetadata(path: gguf.path, metadata: gguf.metadata)
    switch file["model"]?.string {
    case "gpt2": try self.init(bytePairs: file)
    case "llama": try self.init(sentencePiece: file)
    case nil: throw file.damaged("the file has no tokenizer (tokenizer.ggml.model)")
    case let model?:
      throw file.damaged(
        "its tokenizer is of the kind \(quoted(model)), which is not read",
        help: "byte-level ones ('gpt2') and SentencePiece's byte pairs ('llama') are")
    }
  }

  private init(bytePairs file: TokenizerMetadata) throws {
    let family = try BytePairFamily(file)
    let vocabulary = try file.vocabulary(.byteAlphabet)
    self.init(
      name: "gpt2 (\(family.name))", vocabulary: vocabulary,
      rule: .ranks(try file.mergeTable(vocabulary)), normalizer: family.normalizer,
      preTokenizer: family.preTokenizer,
      added: file.added(vocabulary, [.special, .added]),
      bos: try file.token("bos_token_id"), eos: try file.token("eos_token_id"),
      addsBOS: file["add_bos_token"]?.bool ?? family.addsBOS,
      ignoresMerges: family.ignoresMerges)
  }

  /// SentencePiece's byte pairs. llama.cpp puts a space before a text, and BOS before that, unless
  /// the file says otherwise; both are done here.
  private init(sentencePiece file: TokenizerMetadata) throws {
    let vocabulary = try file.vocabulary(.metaspace)
    guard file["precompiled_charsmap"] == nil, file["remove_extra_whitespaces"]?.bool != true
    else {
      throw file.damaged(
        "its tokenizer changes the text by a table (precompiled_charsmap) or drops white space "
          + "(remove_extra_whitespaces), which is not read")
    }
    guard let scores = file["scores"]?.floats, scores.count == vocabulary.count else {
      throw file.damaged(
        "its tokenizer needs a score for each token (tokenizer.ggml.scores)")
    }
    if let bad = scores.firstIndex(where: \.isNaN) {
      throw file.damaged("the score of token \(bad) of its tokenizer is no number")
    }
    let mark = Vocabulary.metaspace
    let replacement = Normalizer.Step.replace([UInt8(ascii: " ")], with: mark)
    let putsSpace = file["add_space_prefix"]?.bool ?? true
    // Control tokens stand for themselves; a token by decree is looked for among the words.
    var control = file.added(vocabulary, [.special])
    if file.architecture == "phi3" {
      let kept: [[UInt8]] = ["<unk>", "<s>", "<|endoftext|>"].map { Array($0.utf8) }
      for index in control.indices where !kept.contains(control[index].content) {
        control[index].stripsRight = true
      }
    }
    let decreed = file.added(vocabulary, [.added]).map { token in
      var token = token
      token.comesSecond = true
      return token
    }
    self.init(
      name: "llama (SentencePiece)", vocabulary: vocabulary,
      rule: .scores(PieceScores(vocabulary, scores: scores)),
      normalizer: Normalizer(steps: (putsSpace ? [.prepend(mark)] : []) + [replacement]),
      preTokenizer: .whole, added: control + decreed,
      addedNormalizer: Normalizer(steps: [replacement]),
      bos: try file.token("bos_token_id") ?? file.control(1, vocabulary),
      eos: try file.token("eos_token_id") ?? file.control(2, vocabulary),
      addsBOS: file["add_bos_token"]?.bool ?? true,
      unknown: try file.token("unknown_token_id") ?? file.control(0, vocabulary),
      fusesUnknown: true)
  }
}
