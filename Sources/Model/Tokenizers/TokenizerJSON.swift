/// A `tokenizer.json`, read but not yet understood.
struct TokenizerJSON {
  let path: String
  /// `model`, without its vocabulary and merges.
  private(set) var model: JSON = .object([:])
  /// The two halves of each merge, one after the other.
  private(set) var merges = StringArray(bytes: [], ends: [])
  private(set) var tokens = StringArray(bytes: [], ends: [])
  private var ids: [Int] = []
  /// The other members of the file.
  private(set) var parts: [String: JSON] = [:]

  /// The file as a class of transformers takes it that brings some of the parts itself.
  func replacing(_ kind: TokenizerClass, _ files: HubTokenizerFiles) -> TokenizerJSON {
    guard let (own, settings) = kind.parts(files) else { return self }
    var file = self
    file.parts = own
    file.parts["post_processor"] = kind == .gptNeoX ? nil : parts["post_processor"]
    file.model = .object(settings)
    return file
  }

  init(path: String) throws {
    self.path = path
    // The largest known has 35 MB.
    var scanner = try JSONScanner(JSON.bytes(path: path, limit: 1 << 28), source: path)
    var hasModel = false
    try scanner.object { scanner, key in
      if key == "model" {
        hasModel = true
        try readModel(&scanner)
      } else {
        let part = try scanner.value()
        parts[key] = part == .null ? nil : part
      }
    }
    try scanner.end()
    guard hasModel else { throw damaged("the file has no tokenizer: there is no model in it") }
  }

  func damaged(_ message: String) -> ModelError {
    ModelError(.file, "\(quoted(path)): \(message)")
  }

  private mutating func readModel(_ scanner: inout JSONScanner) throws {
    var settings: [String: JSON] = [:]
    var hasForeignVocabulary = false
    try scanner.object { scanner, key in
      switch key {
      case "vocab":
        guard scanner.peek() == UInt8(ascii: "{") else {
          _ = try scanner.value()
          hasForeignVocabulary = true
          return
        }
        try readVocabulary(&scanner)
      case "merges": try readMerges(&scanner)
      default: settings[key] = try scanner.value()
      }
    }
    model = .object(settings)
    try check(settings)
    guard !hasForeignVocabulary else {
      throw damaged("its model has a vocabulary that is not an object, which is not supported")
    }
  }

  private func check(_ settings: [String: JSON]) throws {
    // Old files leave the type out; their vocabulary and merges say enough.
    if let type = model["type"]?.string, type != "BPE" {
      throw damaged("its model is \(quoted(type)), which is not supported; BPE is")
    }
    if let dropout = model["dropout"]?.double, dropout != 0 {
      throw damaged("its model has a dropout of \(dropout), so it has no fixed tokens")
    }
    for key in ["continuing_subword_prefix", "end_of_word_suffix"] {
      if let text = model[key]?.string, text != "" {
        throw damaged("its model has the \(key) \(quoted(text)), which is not read")
      }
    }
  }

  private mutating func readVocabulary(_ scanner: inout JSONScanner) throws {
    var (bytes, ends): ([UInt8], [Int]) = ([], [])
    var ids: [Int] = []
    try scanner.members { scanner in
      try scanner.appendString(to: &bytes)
      ends.append(bytes.count)
      try scanner.colon()
      ids.append(try scanner.integer())
    }
    tokens = StringArray(bytes: bytes, ends: ends)
    self.ids = ids
  }

  /// Merges are pairs, or strings with a space between the two.
  private mutating func readMerges(_ scanner: inout JSONScanner) throws {
    var (bytes, ends): ([UInt8], [Int]) = ([], [])
    try scanner.array { scanner in
      let start = bytes.count
      if scanner.peek() == UInt8(ascii: "[") {
        let before = ends.count
        try scanner.array { scanner in
          try scanner.appendString(to: &bytes)
          ends.append(bytes.count)
        }
        guard ends.count == before + 2 else { throw scanner.error("a merge has two tokens") }
      } else {
        try scanner.appendString(to: &bytes)
        guard let space = bytes[start...].dropFirst().firstIndex(of: UInt8(ascii: " ")) else {
          throw scanner.error("a merge has two tokens with a space between")
        }
        bytes.remove(at: space)
        ends += [space, bytes.count]
      }
    }
    merges = StringArray(bytes: bytes, ends: ends)
  }

  /// Whether transformers finds the file to be one of bytes: by its pre-tokenizer or its decoder.
  var isByteLevel: Bool {
    ["pre_tokenizer", "decoder"].contains { key in
      let part = parts[key]
      let steps = [part] + (part?["pretokenizers"]?.array ?? part?["decoders"]?.array ?? [])
      return steps.contains { $0?["type"]?.string == "ByteLevel" }
    }
  }

  /// The tokens that the file adds to the model's, in its order.
  func ownAdded() throws -> [(id: Int, token: HubTokenizerFiles.Token)] {
    var seen: Set<Int> = []
    return try (parts["added_tokens"]?.array ?? []).map { token in
      guard let id = token["id"]?.int, let content = token["content"]?.string, content != "" else {
        throw damaged("an added token needs an id and a content")
      }
      guard id >= 0 else {
        throw damaged("the added token \(quoted(content)) has the id \(id), which is not valid")
      }
      guard seen.insert(id).inserted else {
        throw damaged("the id \(id) is given to two added tokens")
      }
      let isSpecial = token["special"]?.bool ?? false
      let read = HubTokenizerFiles.Token(
        content: content, stripsLeft: token["lstrip"]?.bool ?? false,
        stripsRight: token["rstrip"]?.bool ?? false,
        standsAlone: token["single_word"]?.bool ?? false,
        isNormalized: token["normalized"]?.bool ?? !isSpecial, isSpecial: isSpecial)
      return (id, read)
    }
  }

  /// Room for added tokens, which knows the ids that the model gives to some texts.
  ///
  /// - Parameter own: the file's added tokens. None may have the id of another text.
  func addedVocabulary(
    for texts: Set<String>, own: [(id: Int, token: HubTokenizerFiles.Token)]
  ) throws -> AddedVocabulary {
    let ownTexts = Dictionary(own.map { ($0.id, $0.token.content) }) { first, _ in first }
    let hashes = Dictionary(grouping: texts) { ByteHash($0.utf8).value }
    var modelIDs: [String: Int] = [:]
    for (index, id) in ids.enumerated() {
      if let text = ownTexts[id], !tokens[index].elementsEqual(text.utf8) {
        throw damaged("the added token \(quoted(text)) has the id \(id), which is taken")
      }
      guard let texts = hashes[ByteHash(tokens[index]).value] else { continue }
      for text in texts where tokens[index].elementsEqual(text.utf8) { modelIDs[text] = id }
    }
    return AddedVocabulary(modelIDs: modelIDs, modelCount: ids.count)
  }

  /// The tokens by id, with those that were added to the model's.
  func vocabulary(
    _ spelling: Vocabulary.Spelling, _ tokensAdded: [Int: HubTokenizerFiles.Token], usesBytes: Bool
  ) throws -> (Vocabulary, [AddedTokens.Token]) {
    let added = tokensAdded.sorted { $0.key < $1.key }.map { id, token in
      AddedTokens.Token(
        id: id, content: Array(token.content.utf8), stripsLeft: token.stripsLeft,
        stripsRight: token.stripsRight, standsAlone: token.standsAlone,
        comesSecond: token.isNormalized)
    }
    // Every token stands in the file, but some ids between may be free; far fewer than tokens.
    let total = ids.count + added.count
    guard let last = (ids + added.map(\.id)).max() else { throw damaged("it has no tokens") }
    guard last < 2 * total + 65536 else {
      throw damaged("the token id \(last) is too large for \(total) tokens")
    }
    // Where each id's text is: in `tokens`, or after those in `added`. All may be negative.
    var entries = [Int](repeating: -1, count: max(0, last + 1))
    for (index, id) in ids.enumerated() {
      guard id >= 0, entries[id] < 0 else {
        throw damaged("the token \(quoted(tokens.string(index))) has the id \(id), which is taken")
      }
      entries[id] = index
    }
    var kinds = entries.map { $0 < 0 ? Vocabulary.Kind.unused : .normal }
    for (index, token) in added.enumerated() {
      let id = token.id
      guard entries[id] < 0 || tokens[entries[id]] == token.content[...] else {
        let content = quoted(String(decoding: token.content, as: UTF8.self))
        throw damaged("the added token \(content) has the id \(id), which is taken")
      }
      entries[id] = ids.count + index
      kinds[id] = tokensAdded[id]?.isSpecial == true ? .special : .added
    }
    var (bytes, ends): ([UInt8], [Int]) = ([], [])
    bytes.reserveCapacity(tokens.bytes.count)
    ends.reserveCapacity(entries.count)
    for entry in entries {
      if entry >= ids.count {
        bytes += added[entry - ids.count].content
      } else if entry >= 0 {
        bytes += tokens[entry]
      }
      ends.append(bytes.count)
    }
    let texts = StringArray(bytes: bytes, ends: ends)
    if spelling == .metaspace, usesBytes {
      for id in kinds.indices where kinds[id] == .normal && Vocabulary.byte(texts[id]) != nil {
        kinds[id] = .byte
      }
    }
    let vocabulary = Vocabulary(tokens: texts, kinds: kinds, spelling: spelling)
    if let duplicate = vocabulary.duplicate {
      throw damaged("the token \(quoted(vocabulary.tokens.string(duplicate))) occurs twice")
    }
    return (vocabulary, added)
  }
}
