/// What a GGUF file's metadata say of its tokenizer: the keys `tokenizer.ggml.…`.
struct TokenizerMetadata {
  let path: String
  let metadata: Metadata

  subscript(key: String) -> MetadataValue? { metadata["tokenizer.ggml.\(key)"] }

  var architecture: String? { metadata["general.architecture"]?.string }

  func damaged(_ message: String, help: String? = nil) -> ModelError {
    ModelError(.file, "\(quoted(path)): \(message)", help: help)
  }

  private func tokens() throws -> StringArray {
    guard let tokens = self["tokens"]?.strings, tokens.count > 0, tokens.count < 1 << 31 else {
      throw damaged("its tokenizer has no tokens (tokenizer.ggml.tokens)")
    }
    return tokens
  }

  func vocabulary(_ spelling: Vocabulary.Spelling) throws -> Vocabulary {
    let tokens = try tokens()
    let types = self["token_type"]?.int32s
    guard types == nil || types?.count == tokens.count else {
      throw damaged("its tokenizer has \(tokens.count) tokens and \(types?.count ?? 0) types")
    }
    return Vocabulary(
      tokens: tokens,
      kinds: types?.map { Vocabulary.Kind(gguf: $0, spelling) }
        ?? Array(repeating: .normal, count: tokens.count),
      spelling: spelling)
  }

  /// The tokens of some kinds, to be looked for in the text.
  func added(_ vocabulary: Vocabulary, _ kinds: Set<Vocabulary.Kind>) -> [AddedTokens.Token] {
    vocabulary.kinds.indices
      .filter { kinds.contains(vocabulary.kinds[$0]) }
      .map { AddedTokens.Token(id: $0, content: Array(vocabulary.tokens[$0])) }
  }

  /// The id that a key gives.
  func token(_ key: String) throws -> Int? {
    guard let id = self[key]?.int else { return nil }
    let count = try tokens().count
    guard (0..<count).contains(id) else {
      throw damaged("tokenizer.ggml.\(key) is \(id), but there are \(count) tokens")
    }
    return id
  }

  /// The id that a key gives, or nil where there is no such token, as llama.cpp has it.
  func optionalToken(_ key: String) -> Int? {
    guard let id = self[key]?.int, let count = try? tokens().count else { return nil }
    return (0..<count).contains(id) ? id : nil
  }

  /// What to report where the file asks for another BOS than llama.cpp has for this tokenizer.
  func bosNotes(usual: Bool) -> [String] {
    guard let said = self["add_bos_token"]?.bool, said != usual else { return [] }
    return [
      "the file says add_bos_token \(said), and tokenizers of this kind usually "
        + (usual ? "put BOS" : "put no BOS")
        + " before a text: the file is used, as in llama.cpp; "
        + "`bos \(said ? "off" : "on")` does the other"
    ]
  }

  func mergeTable(_ vocabulary: Vocabulary, pool: WorkerPool?) throws -> MergeTable {
    guard let merges = self["merges"]?.strings else {
      throw damaged("its tokenizer has no merges (tokenizer.ggml.merges)")
    }
    do {
      return try merges.bytes.withUnsafeBufferPointer { bytes throws(UnknownMerge) in
        try MergeTable(vocabulary, count: merges.count, pool: pool) {
          MergeTable.pair(spaced: UnsafeBufferPointer(rebasing: bytes[merges.range($0)]))
        }
      }
    } catch {
      throw damaged(
        "merge \(error.index) of its tokenizer, \(quoted(merges.string(error.index))), is not "
          + "made of two tokens that make a third")
    }
  }
}

extension Vocabulary.Kind {
  /// From `enum llama_token_type`.
  fileprivate init(gguf type: Int32, _ spelling: Vocabulary.Spelling) {
    switch (type, spelling) {
    // Unknown, control.
    case (2, _), (3, _): self = .special
    case (4, _): self = .added
    case (5, _): self = .unused
    case (6, .metaspace): self = .byte
    // Undefined, normal; bytes of the byte alphabet are tokens like others.
    default: self = .normal
    }
  }
}

/// A family of byte-level tokenizers, by the name that llama.cpp's converter gives it
/// (`tokenizer.ggml.pre`). What a GGUF file does not say of it is here: whether the text is
/// normalized, which follows the family's own `tokenizer.json`; whether merges are ignored, and
/// whether BOS is put first, as llama.cpp has it.
struct BytePairFamily {
  let name: String
  var preTokenizer: PreTokenizer
  var normalizer = Normalizer.none
  var ignoresMerges = false
  var addsBOS = false

  private static let names = [
    "dbrx", "deepseek-r1-qwen", "gpt-2", "gpt-4o", "gpt-neox", "llama-bpe", "llama-v3", "llama3",
    "olmo", "phi-2", "qwen2", "smaug-bpe", "smollm", "starcoder", "tekken",
  ]

  /// - Throws: if the name is not known, or if there is none and the architecture does not tell.
  init(_ file: TokenizerMetadata) throws {
    let pre = file["pre"]?.string ?? "default"
    let architecture = file.architecture
    name = pre
    // Files older than the key, and those whose converter did not know the tokenizer, have none.
    switch pre == "default" ? "of \(architecture ?? "gpt2")" : pre {
    case "gpt-2", "phi-2", "of gpt2", "of gptj", "of phi2": preTokenizer = .gpt2
    case "gpt-neox", "olmo", "of gptneox", "of olmo":
      preTokenizer = .gpt2
      normalizer = .nfc
    case "smollm", "starcoder": preTokenizer = .smollm
    case "qwen2", "deepseek-r1-qwen", "of qwen2", "of qwen3":
      preTokenizer = .qwen2
      normalizer = .nfc
    case "llama-bpe", "llama3", "llama-v3":
      preTokenizer = .llama3
      ignoresMerges = true
      addsBOS = true
    // Phi-4, and some that are trained on from Llama 3.
    case "dbrx", "smaug-bpe": preTokenizer = .llama3
    case "tekken":
      preTokenizer = .tekken
      ignoresMerges = true
      addsBOS = true
    case "gpt-4o": preTokenizer = .gpt4o
    default:
      throw file.damaged(
        pre == "default"
          ? "it does not say how its tokenizer cuts text (tokenizer.ggml.pre), and models of the "
            + "architecture \(quoted(architecture ?? "")) do it in several ways"
          : "its pre-tokenizer is \(quoted(pre)), which is not known",
        help: "known are \(Self.names.joined(separator: ", "))")
    }
  }
}
