/// What llama.cpp makes of some tokens of a GGUF file by their names alone, whatever type the file
/// gives them, and which tokens end a text: the last part of `llama_vocab::impl::load`.
struct GGUFMarks {
  /// The vocabulary with the kinds of these tokens set right.
  private(set) var vocabulary: Vocabulary
  private(set) var endTokens: Set<Int> = []

  init(_ vocabulary: Vocabulary, _ file: TokenizerMetadata, eos: Int?) {
    self.vocabulary = vocabulary
    for key in ["fim_pad", "fim_rep", "fim_sep"] {
      if let id = fillInToken(key, file) { endTokens.insert(id) }
    }
    for key in ["fim_pre", "fim_suf", "fim_mid"] { _ = fillInToken(key, file) }
    for name in Self.ends {
      if let id = special(name) { endTokens.insert(id) }
    }
    for name in ["<|channel|>", "<|message|>", "<|start|>", "<|constrain|>"] {
      if let id = find(name) { self.vocabulary.kinds[id] = .added }
    }
    let named = ["eot_token_id", "eom_token_id"].map { file.optionalToken($0) }
    endTokens.formUnion((named + [eos]).compactMap { $0 })
    dropWhatIsNoEnd()
  }

  /// A token of the fill-in-the-middle kind: the one that the file's key gives, else one by name.
  private mutating func fillInToken(_ key: String, _ file: TokenizerMetadata) -> Int? {
    if let id = file.optionalToken("\(key)_token_id") { return id }
    let older = ["fim_pre": "prefix", "fim_suf": "suffix", "fim_mid": "middle"][key]
    if let older, let id = file.optionalToken("\(older)_token_id") { return id }
    for name in Self.fillIn[key] ?? [] {
      if let id = special(name) { return id }
    }
    return nil
  }

  private func find(_ name: String) -> Int? { vocabulary.id(Array(name.utf8)) }

  private mutating func special(_ name: String) -> Int? {
    guard let id = find(name) else { return nil }
    vocabulary.kinds[id] = .special
    return id
  }

  /// Two families have tokens of a usual name that does not mean the end there.
  private mutating func dropWhatIsNoEnd() {
    func ends(_ names: String...) -> Bool {
      names.contains { find($0).map(endTokens.contains) ?? false }
    }
    if let end = find("<|end|>"), endTokens.contains(end), ends("<|call|>", "<|calls|>"),
      ends("<|return|>", "<|flush|>")
    {
      endTokens.remove(end)
      vocabulary.kinds[end] = .added
    }
    if let end = find("</s>"), endTokens.contains(end),
      ends("<|tool_response>", "<|plamo:eos|>")
    {
      endTokens.remove(end)
      vocabulary.kinds[end] = .normal
    }
  }

  private static let ends = [
    "<|eot_id|>", "<|im_end|>", "<|end|>", "<|return|>", "<|call|>", "<|flush|>", "<|calls|>",
    "<end_of_turn>", "<|endoftext|>", "</s>", "<|eom_id|>", "<EOT>", "_<EOT>", "[EOT]", "[EOS]",
    "<|end_of_text|>", "<end_of_utterance>", "<eos>", "<turn|>", "<|tool_response>",
    "<｜end▁of▁sentence｜>", "[e~[",
  ]

  private static let fillIn: [String: [String]] = [
    "fim_pre": [
      "<|fim_prefix|>", "<fim-prefix>", "<fim_prefix>", "<｜fim▁begin｜>", "<PRE>", "▁<PRE>",
      "<|code_prefix|>", "<|prefix|>",
    ],
    "fim_suf": [
      "<|fim_suffix|>", "<fim-suffix>", "<fim_suffix>", "<｜fim▁hole｜>", "<SUF>", "▁<SUF>",
      "<|code_suffix|>", "<|suffix|>",
    ],
    "fim_mid": [
      "<|fim_middle|>", "<fim-middle>", "<fim_middle>", "<｜fim▁end｜>", "<MID>", "▁<MID>",
      "<|code_middle|>", "<|middle|>",
    ],
    "fim_pad": ["<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]"],
    "fim_rep": ["<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<REPO>", "<reponame>"],
    "fim_sep": ["<|file_sep|>"],
  ]
}

extension GGUFMarks {
  /// The tokens that are looked for in the text before it is cut.
  func added(_ file: TokenizerMetadata) -> [AddedTokens.Token] {
    var tokens = file.added(vocabulary, [.special, .added])
    // llama.cpp tells Phi-3, whose marks take the white space after them, by the model's name.
    let name = file.metadata["general.name"]?.string?.lowercased() ?? ""
    if name.contains("phi-3") || name.contains("phi3") {
      let kept: [[UInt8]] = ["<unk>", "<s>", "<|endoftext|>"].map { Array($0.utf8) }
      for index in tokens.indices where !kept.contains(tokens[index].content) {
        tokens[index].stripsRight = true
      }
    }
    return tokens
  }
}
