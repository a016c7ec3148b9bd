extension Tokenizer {
  /// A tokenizer from Hugging Face's `tokenizer.json` and the files next to it, as `AutoTokenizer`
  /// of transformers 5.24 reads them.
  ///
  /// - Parameters:
  ///   - path: of the `tokenizer.json`.
  ///   - config: of the `tokenizer_config.json`; `special_tokens_map.json` and `added_tokens.json`
  ///     are in its folder. nil for the `tokenizer.json` alone.
  ///   - model: what `config.json` says. nil for parts that are all the `tokenizer.json`'s own.
  ///   - pool: helps to open it; nil for this thread alone.
  /// - Throws: `ModelError` of kind `file` if a file is missing or damaged, or asks for something
  ///   that is not known here; the message names it.
  public init(
    tokenizerJSON path: String, config: String?,
    model: (type: String, tokenizerClass: String?)? = nil, pool: WorkerPool? = nil
  ) throws {
    let own = try TokenizerJSON(path: path)
    let ownAdded = try own.ownAdded()
    let files = try config.map { config in
      try HubTokenizerFiles(config: config, folder: Self.folder(of: config), own: ownAdded)
    }
    let kind = model.map { model in
      TokenizerClass(
        modelType: model.type,
        named: files?.config?["tokenizer_class"]?.string ?? model.tokenizerClass,
        isByteLevel: own.isByteLevel)
    }
    let file = files.map { own.replacing(kind ?? .backend, $0) } ?? own
    let splitting = try file.splitting()
    let normalizer = try file.normalizer()
    try file.checkDecoder()

    let texts = ownAdded.map(\.token) + (files?.allTokens ?? [])
    let usual = kind.map { Array($0.names.values) } ?? []
    var added = try own.addedVocabulary(for: Set(texts.map(\.content) + usual), own: ownAdded)
    if kind ?? .backend == .backend { for (_, token) in ownAdded { added.add(token) } }
    if let files { added.add(files, of: kind ?? .backend) }
    let (vocabulary, tokens) = try own.vocabulary(
      splitting.spelling, added.tokens, usesBytes: file.model["byte_fallback"]?.bool == true)

    let names = Self.names(files, kind)
    func id(_ name: String) -> Int? { names[name].flatMap { vocabulary.id(Array($0.utf8)) } }
    let template = try file.template()
    let opening = try template.before.map { content in
      guard let id = vocabulary.id(Array(content.utf8)) else {
        throw file.damaged(
          "it begins a text with \(quoted(content)), which is not one of its tokens")
      }
      return id
    }
    self.init(
      name: Self.name(splitting), vocabulary: vocabulary,
      steps: Steps(
        normalizer: normalizer, spacing: splitting.spacing, preTokenizer: splitting.preTokenizer),
      merging: Merging(
        rule: .ranks(try own.mergeTable(vocabulary, pool: pool)),
        unknown: file.model["unk_token"]?.string.flatMap { vocabulary.id(Array($0.utf8)) },
        fusesUnknown: file.model["fuse_unk"]?.bool ?? false,
        ignoresMerges: file.model["ignore_merges"]?.bool ?? false),
      added: (tokens, .leftmost),
      marks: Marks(
        bos: opening ?? id("bos_token"), eos: id("eos_token"), addsBOS: opening != nil))
    namedTokens = names
    notes =
      HubTokenizerNotes(
        path: path, files: files, kind: kind, own: own, file: file, template: template,
        moved: ownAdded.filter { added.id($0.token.content) != $0.id }.map {
          ($0.token.content, $0.id)
        }
      ).texts
  }

  /// The tokens that have a name: of the files, or else of the class.
  private static func names(_ files: HubTokenizerFiles?, _ kind: TokenizerClass?) -> [String:
    String]
  {
    var names = kind?.names ?? [:]
    for (name, token) in files?.named ?? [] { names[name] = token?.content }
    return names
  }

  /// The folder that a file is in, with its slash; empty for the current one.
  private static func folder(of path: String) -> String {
    path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
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

extension TokenizerJSON {
  fileprivate func mergeTable(_ vocabulary: Vocabulary, pool: WorkerPool?) throws -> MergeTable {
    do {
      return try merges.bytes.withUnsafeBufferPointer { bytes throws(UnknownMerge) in
        try MergeTable(vocabulary, count: merges.count / 2, pool: pool) {
          (
            UnsafeBufferPointer(rebasing: bytes[merges.range($0 * 2)]),
            UnsafeBufferPointer(rebasing: bytes[merges.range($0 * 2 + 1)])
          )
        }
      }
    } catch {
      let (left, right) = (merges.string(error.index * 2), merges.string(error.index * 2 + 1))
      throw damaged(
        "merge \(error.index), \(quoted(left)) and \(quoted(right)), is not made of two tokens that "
          + "make a third")
    }
  }
}
