extension Tokenizer {
  /// A tokenizer from Hugging Face's `tokenizer.json`.
  ///
  /// - Parameters:
  ///   - path: of the `tokenizer.json`.
  ///   - config: of the `tokenizer_config.json` beside it, which says what BOS and EOS are. If there
  ///     is none, only a BOS that the `tokenizer.json` itself puts before a text is known.
  /// - Throws: `ModelError` of kind `file` if a file is missing or damaged, or asks for something
  ///   else than byte-level byte-pair encoding with GPT-2's words; the message names it.
  public init(tokenizerJSON path: String, config: String?) throws {
    let file = try TokenizerJSON(path: path)
    let config = try config.flatMap { path in
      ReadableFile.exists(path) ? (path, try JSON.read(path: path)) : nil
    }
    let (vocabulary, added) = try file.vocabulary()
    var builder = MergeTable.Builder(vocabulary, count: file.merges.count / 2)
    let unknownMerge = file.merges.bytes.withUnsafeBufferPointer { bytes in
      stride(from: 0, to: file.merges.count, by: 2).first {
        !builder.add(
          UnsafeBufferPointer(rebasing: bytes[file.merges.range($0)]),
          UnsafeBufferPointer(rebasing: bytes[file.merges.range($0 + 1)]))
      }
    }
    if let unknownMerge {
      let (left, right) = (file.merges.string(unknownMerge), file.merges.string(unknownMerge + 1))
      throw file.damaged(
        "merge \(unknownMerge / 2), \(quoted(left)) and \(quoted(right)), is not made of two tokens "
          + "that make a third")
    }
    /// The id of the token that the configuration names.
    func token(_ key: String) throws -> Int? {
      guard let (path, config) = config, let value = config[key] else { return nil }
      guard let content = value.string ?? value["content"]?.string else {
        throw ModelError(.file, "\(quoted(path)): \(key) is no token")
      }
      guard let id = vocabulary.id(Array(content.utf8)) else {
        throw ModelError(
          .file,
          "\(quoted(path)): \(key) is \(quoted(content)), which is no token of \(quoted(file.path))"
        )
      }
      return id
    }
    let preTokenizer = try file.preTokenizer()
    let opening = try file.openingToken()
    let openingID = opening.flatMap { vocabulary.id(Array($0.utf8)) }
    let unknown = file.model["unk_token"]?.string.flatMap { vocabulary.id(Array($0.utf8)) }
    self.init(
      name: preTokenizer == .smollm ? "gpt2 (smollm)" : "gpt2 (gpt-2)",
      vocabulary: vocabulary, merges: builder.table, preTokenizer: preTokenizer, added: added,
      bos: try token("bos_token") ?? openingID, eos: try token("eos_token"),
      addsBOS: config?.1["add_bos_token"]?.bool ?? (openingID != nil),
      unknown: unknown, fusesUnknown: file.model["fuse_unk"]?.bool ?? false,
      ignoresMerges: file.model["ignore_merges"]?.bool ?? false)
  }
}

/// A `tokenizer.json`, read but not yet understood.
private struct TokenizerJSON {
  let path: String
  /// `model`, without its vocabulary and merges.
  private(set) var model: JSON = .object([:])
  /// The two halves of each merge, one after the other.
  private(set) var merges = StringArray(bytes: [], ends: [])
  private var tokens = StringArray(bytes: [], ends: [])
  private var ids: [Int] = []
  /// The other members of the file.
  private var parts: [String: JSON] = [:]

  init(path: String) throws {
    self.path = path
    let file = try ReadableFile(path: path)
    guard file.size <= 1 << 30 else {
      throw file.damaged("\(file.size) bytes are too many for a tokenizer")
    }
    var scanner = try JSONScanner(file.bytes(at: 0, count: file.size), source: path)
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
    try scanner.object { scanner, key in
      switch key {
      case "vocab":
        guard scanner.peek() == UInt8(ascii: "{") else {
          throw scanner.error("the vocabulary is no object, so the model is not the kind BPE")
        }
        try readVocabulary(&scanner)
      case "merges": try readMerges(&scanner)
      default: settings[key] = try scanner.value()
      }
    }
    model = .object(settings)
    try check(settings)
  }

  private func check(_ settings: [String: JSON]) throws {
    // Old files leave the type out; their vocabulary and merges say enough.
    if let type = model["type"]?.string, type != "BPE" {
      throw damaged("its model is \(quoted(type)), which is not read; BPE is")
    }
    if let dropout = model["dropout"]?.double, dropout != 0 {
      throw damaged("its model has a dropout of \(dropout), so it has no fixed tokens")
    }
    if model["byte_fallback"]?.bool == true {
      throw damaged("its model has byte_fallback, which is not read: it is no byte-level BPE")
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
        try scanner.array { scanner in
          try scanner.appendString(to: &bytes)
          ends.append(bytes.count)
        }
        guard ends.count % 2 == 0 else { throw scanner.error("a merge has two tokens") }
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

  /// The tokens by id, with those that were added to the model's.
  func vocabulary() throws -> (Vocabulary, [AddedTokens.Token]) {
    var added: [AddedTokens.Token] = []
    var addedKinds: [Int: Vocabulary.Kind] = [:]
    for token in parts["added_tokens"]?.array ?? [] {
      guard let id = token["id"]?.int, let content = token["content"]?.string, content != "" else {
        throw damaged("an added token needs an id and a content")
      }
      guard token["single_word"]?.bool != true else {
        throw damaged(
          "the added token \(quoted(content)) is for single words only, which is not read")
      }
      let isSpecial = token["special"]?.bool ?? false
      guard addedKinds.updateValue(isSpecial ? .special : .added, forKey: id) == nil else {
        throw damaged("the id \(id) is given to two added tokens")
      }
      added.append(
        AddedTokens.Token(
          id: id, content: Array(content.utf8), stripsLeft: token["lstrip"]?.bool ?? false,
          stripsRight: token["rstrip"]?.bool ?? false,
          comesSecond: token["normalized"]?.bool ?? !isSpecial))
    }
    // Every token stands in the file, but some ids between may be free; far fewer than tokens.
    let total = ids.count + added.count
    guard let last = (ids + added.map(\.id)).max() else { throw damaged("it has no tokens") }
    guard last < 2 * total + 65536 else {
      throw damaged("the token id \(last) is too large for \(total) tokens")
    }
    // Where each id's text is: in `tokens`, or after those in `added`.
    var places = [Int](repeating: -1, count: last + 1)
    for (index, id) in ids.enumerated() {
      guard id >= 0, places[id] < 0 else {
        throw damaged("the token \(quoted(tokens.string(index))) has the id \(id), which is taken")
      }
      places[id] = index
    }
    var kinds = places.map { $0 < 0 ? Vocabulary.Kind.unused : .normal }
    for (index, token) in added.enumerated() {
      let id = token.id
      guard id >= 0, places[id] < 0 || tokens[places[id]] == token.content[...] else {
        let content = quoted(String(decoding: token.content, as: UTF8.self))
        throw damaged("the added token \(content) has the id \(id), which is taken")
      }
      places[id] = ids.count + index
      kinds[id] = addedKinds[id] ?? .added
    }
    var (bytes, ends): ([UInt8], [Int]) = ([], [])
    bytes.reserveCapacity(tokens.bytes.count)
    ends.reserveCapacity(places.count)
    for place in places {
      if place >= ids.count {
        bytes += added[place - ids.count].content
      } else if place >= 0 {
        bytes += tokens[place]
      }
      ends.append(bytes.count)
    }
    let vocabulary = Vocabulary(tokens: StringArray(bytes: bytes, ends: ends), kinds: kinds)
    if let duplicate = vocabulary.duplicate {
      throw damaged("the token \(quoted(vocabulary.tokens.string(duplicate))) occurs twice")
    }
    return (vocabulary, added)
  }

  /// How the text is cut, if nothing changes it before.
  func preTokenizer() throws -> PreTokenizer {
    if let normalizer = parts["normalizer"] {
      throw damaged("its normalizer is \(typeName(normalizer)), which is not read; none is")
    }
    guard let part = parts["pre_tokenizer"] else {
      throw damaged("it has no pre_tokenizer, so it is no byte-level BPE")
    }
    let isSequence = part["type"]?.string == "Sequence"
    let steps = isSequence ? part["pretokenizers"]?.array ?? [] : [part]
    var digits = PreTokenizer.Digits.asTheyAre
    for step in steps.dropLast() {
      guard step["type"]?.string == "Digits", digits == .asTheyAre else {
        throw damaged("its pre_tokenizer has the step \(typeName(step)), which is not read")
      }
      digits = step["individual_digits"]?.bool == true ? .individually : .apart
    }
    guard let last = steps.last, last["type"]?.string == "ByteLevel" else {
      throw damaged(
        "its pre_tokenizer ends with \(typeName(steps.last ?? .null)), which is not read; "
          + "ByteLevel is")
    }
    guard last["add_prefix_space"]?.bool == false else {
      throw damaged("its pre_tokenizer has add_prefix_space, which is not read")
    }
    return PreTokenizer(digits: digits, splitsWords: last["use_regex"]?.bool ?? true)
  }

  /// The special token that the file puts before a text; nil if it puts none.
  func openingToken() throws -> String? {
    guard let part = parts["post_processor"] else { return nil }
    let isSequence = part["type"]?.string == "Sequence"
    var opening: String?
    for step in isSequence ? part["processors"]?.array ?? [] : [part] {
      switch step["type"]?.string {
      case "ByteLevel": break
      case "TemplateProcessing":
        opening = step["single"]?.array?.first?["SpecialToken"]?["id"]?.string ?? opening
      default: throw damaged("its post_processor has \(typeName(step)), which is not read")
      }
    }
    return opening
  }

  private func typeName(_ part: JSON) -> String {
    quoted(part["type"]?.string ?? "of no type")
  }
}
