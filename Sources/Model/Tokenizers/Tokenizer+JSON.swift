extension Tokenizer {
  /// A tokenizer from Hugging Face's `tokenizer.json`.
  ///
  /// - Parameters:
  ///   - path: of the `tokenizer.json`.
  ///   - config: of the `tokenizer_config.json` beside it, which says what BOS and EOS are. If there
  ///     is none, only a BOS that the `tokenizer.json` itself puts before a text is known.
  /// - Throws: `ModelError` of kind `file` if a file is missing or damaged, or asks for something
  ///   that is not known here; the message names it.
  public init(tokenizerJSON path: String, config: String?) throws {
    let file = try TokenizerJSON(path: path)
    let splitting = try file.splitting()
    let normalizer = try file.normalizer()
    try file.checkDecoder()
    let (vocabulary, added) = try file.vocabulary(splitting.spelling)
    let config = try config.flatMap { path in
      ReadableFile.exists(path)
        ? SpecialTokens(path: path, values: try JSON.read(path: path)) : nil
    }
    let opening = try file.openingToken().map { content in
      guard let id = vocabulary.id(Array(content.utf8)) else {
        throw file.damaged("it begins a text with \(quoted(content)), which is no token of it")
      }
      return id
    }
    let bos = try config?.id("bos_token", file, vocabulary) ?? opening
    self.init(
      name: Self.name(splitting), vocabulary: vocabulary,
      rule: .ranks(try file.mergeTable(vocabulary)), normalizer: normalizer,
      spacing: splitting.spacing, preTokenizer: splitting.preTokenizer, added: added, bos: bos,
      eos: try config?.id("eos_token", file, vocabulary),
      addsBOS: config?.addsBOS ?? (opening != nil),
      unknown: file.model["unk_token"]?.string.flatMap { vocabulary.id(Array($0.utf8)) },
      fusesUnknown: file.model["fuse_unk"]?.bool ?? false,
      ignoresMerges: file.model["ignore_merges"]?.bool ?? false)
  }

  private static func name(_ splitting: TokenizerJSON.Splitting) -> String {
    switch splitting.spelling {
    case .metaspace: return "llama (SentencePiece)"
    case .byteAlphabet:
      let pre = splitting.preTokenizer
      if pre == .smollm { return "gpt2 (smollm)" }
      let pattern = WordPattern.allCases.first { pre.steps.contains(.pattern($0)) } ?? .gpt2
      return "gpt2 (\(pattern.name))"
    }
  }
}

/// A `tokenizer_config.json`.
private struct SpecialTokens {
  let path: String
  let values: JSON

  /// Whether BOS comes before every text: as the file says, or as transformers has it for the
  /// tokenizers of Llama and Gemma. nil leaves it to the `tokenizer.json`.
  var addsBOS: Bool? {
    if let said = values["add_bos_token"]?.bool { return said }
    switch values["tokenizer_class"]?.string {
    case "LlamaTokenizer", "LlamaTokenizerFast", "GemmaTokenizer", "GemmaTokenizerFast":
      return true
    default: return nil
    }
  }

  /// The id of the token that the configuration names.
  func id(_ key: String, _ file: TokenizerJSON, _ vocabulary: Vocabulary) throws -> Int? {
    guard let value = values[key] else { return nil }
    guard let content = value.string ?? value["content"]?.string else {
      throw ModelError(.file, "\(quoted(path)): \(key) is no token")
    }
    guard let id = vocabulary.id(Array(content.utf8)) else {
      throw ModelError(
        .file,
        "\(quoted(path)): \(key) is \(quoted(content)), which is no token of \(quoted(file.path))")
    }
    return id
  }
}

extension TokenizerJSON {
  fileprivate func mergeTable(_ vocabulary: Vocabulary) throws -> MergeTable {
    var builder = MergeTable.Builder(vocabulary, count: merges.count / 2)
    let unknown = merges.bytes.withUnsafeBufferPointer { bytes in
      stride(from: 0, to: merges.count, by: 2).first {
        !builder.add(
          UnsafeBufferPointer(rebasing: bytes[merges.range($0)]),
          UnsafeBufferPointer(rebasing: bytes[merges.range($0 + 1)]))
      }
    }
    if let unknown {
      let (left, right) = (merges.string(unknown), merges.string(unknown + 1))
      throw damaged(
        "merge \(unknown / 2), \(quoted(left)) and \(quoted(right)), is not made of two tokens that "
          + "make a third")
    }
    return builder.table
  }
}
