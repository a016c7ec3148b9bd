extension Tokenizer {
  /// The tokenizer that a GGUF file carries in its metadata.
  ///
  /// - Throws: `ModelError` of kind `file` if there is none, or one of another kind than byte-level
  ///   byte-pair encoding with a known pre-tokenizer, or if it does not fit together.
  public init(gguf: GGUFFile) throws {
    func damaged(_ message: String, help: String? = nil) -> ModelError {
      ModelError(.file, "\(quoted(gguf.path)): \(message)", help: help)
    }
    func value(_ key: String) -> MetadataValue? { gguf.metadata["tokenizer.ggml.\(key)"] }

    guard let model = value("model")?.string else {
      throw damaged("the file has no tokenizer (tokenizer.ggml.model)")
    }
    guard model == "gpt2" else {
      throw damaged(
        "its tokenizer is of the kind \(quoted(model)), which is not read",
        help: "models with a byte-level tokenizer ('gpt2') are")
    }
    let pre = value("pre")?.string ?? "default"
    guard let preTokenizer = Self.preTokenizers[pre] else {
      throw damaged(
        "its pre-tokenizer is \(quoted(pre)), which is not known",
        help: "known are \(Self.preTokenizers.keys.sorted().joined(separator: ", "))")
    }
    guard let tokens = value("tokens")?.strings, tokens.count > 0, tokens.count < 1 << 31 else {
      throw damaged("its tokenizer has no tokens (tokenizer.ggml.tokens)")
    }
    let types = value("token_type")?.int32s
    guard types == nil || types?.count == tokens.count else {
      throw damaged("its tokenizer has \(tokens.count) tokens and \(types?.count ?? 0) types")
    }
    let vocabulary = Vocabulary(
      tokens: tokens,
      kinds: types?.map(Vocabulary.Kind.init(gguf:))
        ?? Array(repeating: .normal, count: tokens.count))
    guard let merges = value("merges")?.strings else {
      throw damaged("its tokenizer has no merges (tokenizer.ggml.merges)")
    }
    var builder = MergeTable.Builder(vocabulary, count: merges.count)
    let unknownMerge = merges.bytes.withUnsafeBufferPointer { bytes in
      (0..<merges.count).first {
        !builder.add(spaced: UnsafeBufferPointer(rebasing: bytes[merges.range($0)]))
      }
    }
    if let unknownMerge {
      throw damaged(
        "merge \(unknownMerge) of its tokenizer, \(quoted(merges.string(unknownMerge))), is not "
          + "made of two tokens that make a third")
    }
    func token(_ key: String) throws -> Int? {
      guard let id = value(key)?.int else { return nil }
      guard (0..<tokens.count).contains(id) else {
        throw damaged("tokenizer.ggml.\(key) is \(id), but there are \(tokens.count) tokens")
      }
      return id
    }
    self.init(
      name: "\(model) (\(pre))", vocabulary: vocabulary, merges: builder.table,
      preTokenizer: preTokenizer,
      added: vocabulary.kinds.indices
        .filter { vocabulary.kinds[$0] == .special || vocabulary.kinds[$0] == .added }
        .map { AddedTokens.Token(id: $0, content: Array(tokens[$0])) },
      bos: try token("bos_token_id"), eos: try token("eos_token_id"),
      addsBOS: value("add_bos_token")?.bool ?? false)
  }

  /// By the names that llama.cpp's converter gives them. Files older than the key, `default` here,
  /// cut as GPT-2 does.
  private static let preTokenizers: [String: PreTokenizer] = [
    "default": .gpt2, "gpt-2": .gpt2, "smollm": .smollm,
  ]
}

extension Vocabulary.Kind {
  /// From `enum llama_token_type`.
  fileprivate init(gguf type: Int32) {
    switch type {
    // Unknown, control.
    case 2, 3: self = .special
    case 4: self = .added
    case 5: self = .unused
    // Undefined, normal, byte.
    default: self = .normal
    }
  }
}
