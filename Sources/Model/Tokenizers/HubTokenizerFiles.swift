/// The files next to a `tokenizer.json` that change it: `tokenizer_config.json`,
/// `special_tokens_map.json` and `added_tokens.json`. What they say is put together as
/// `PreTrainedTokenizerBase._from_pretrained` of transformers 5.24 does it.
struct HubTokenizerFiles {
  /// A token as these files write it.
  struct Token: Equatable {
    var content: String
    var stripsLeft = false
    var stripsRight = false
    var standsAlone = false
    var isNormalized = false
    var isSpecial = true
    /// Whether the files have only its text. transformers does not take such a one for equal to one
    /// with flags.
    var isPlain = false
  }

  /// The tokens that have a name, in transformers' order.
  static let names = [
    "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token",
  ]

  let path: String
  /// `tokenizer_config.json`, nil where there is none.
  let config: JSON?
  /// What has a name: the seven above, then names of the model's own. A nil token is one that the
  /// files set to null.
  private(set) var named: [(name: String, token: Token?)] = []
  /// Special tokens without a name.
  private(set) var extra: [Token] = []
  /// Tokens added to those of the tokenizer, in order.
  private(set) var added: [Token] = []

  /// - Parameters:
  ///   - folder: with its slash, or empty.
  ///   - own: the `added_tokens` of the `tokenizer.json`.
  init(config path: String, folder: String, own: [(id: Int, token: Token)]) throws {
    self.path = path
    let keys: [String]
    (config, keys) = try Self.read(path)
    if let names = config?["added_tokens_decoder"]?.object {
      let tokens = try names.map { id, value in
        guard let id = Int(id), let token = Self.token(value, special: false) else {
          throw ModelError(
            .file, "\(quoted(path)): added_tokens_decoder has \(quoted(id)), which is not a token")
        }
        return (id: id, token: token)
      }
      try readNames(keys, map: nil, mapKeys: [])
      take(tokens)
    } else {
      let (map, mapKeys) = try Self.read(folder + "special_tokens_map.json")
      try readNames(keys, map: map, mapKeys: mapKeys)
      var tokens = try legacyTokens(folder + "added_tokens.json")
      for (id, token) in own {
        tokens.removeAll { $0.id == id }
        tokens.append((id, token))
      }
      take(tokens)
    }
  }

  /// A file's content and its keys in order; nil where there is no such file.
  private static func read(_ path: String) throws -> (JSON?, [String]) {
    guard ReadableFile.exists(path) else { return (nil, []) }
    let bytes = try JSON.bytes(path: path, limit: 64 << 20)
    let value = try JSON(bytes, source: path)
    guard value.object != nil else {
      throw ModelError(.file, "\(quoted(path)) is not a JSON object")
    }
    var scanner = try JSONScanner(bytes, source: path)
    var keys: [String] = []
    try scanner.object { scanner, key in
      keys.append(key)
      // The order of this one's members counts too.
      guard key == "extra_special_tokens", scanner.peek() == UInt8(ascii: "{") else {
        _ = try scanner.value()
        return
      }
      try scanner.object { scanner, key in
        keys.append("extra_special_tokens.\(key)")
        _ = try scanner.value()
      }
    }
    return (value, keys)
  }

  /// - Parameter special: of a token that does not say whether it is special; nil if every one is.
  private static func token(_ value: JSON, special: Bool?) -> Token? {
    guard let content = value["content"]?.string else { return nil }
    let isSpecial = special.map { value["special"]?.bool ?? $0 } ?? true
    return Token(
      content: content, stripsLeft: value["lstrip"]?.bool ?? false,
      stripsRight: value["rstrip"]?.bool ?? false,
      standsAlone: value["single_word"]?.bool ?? false,
      isNormalized: value["normalized"]?.bool ?? !isSpecial, isSpecial: isSpecial)
  }

  private func anyToken(_ value: JSON, _ name: String) throws -> Token {
    if let content = value.string { return Token(content: content, isPlain: true) }
    if let token = Self.token(value, special: nil) { return token }
    throw ModelError(.file, "\(quoted(path)): \(name) is not a token")
  }

  /// Reads what has a name, and the list of what has none. A name in `special_tokens_map.json` goes
  /// before the same one in `tokenizer_config.json`.
  private mutating func readNames(_ keys: [String], map: JSON?, mapKeys: [String]) throws {
    func list(_ file: JSON?, _ key: String) throws -> [Token]? {
      try file?[key]?.array?.map { try anyToken($0, key) }
    }
    for name in Self.names {
      guard let file = [map, config].first(where: { $0?.object?[name] != nil }) else { continue }
      named.append((name, try file?[name].map { try anyToken($0, name) }))
    }
    for (file, keys) in [(config, keys), (map, mapKeys)] {
      for key in keys where key.hasSuffix("_token") && !Self.names.contains(key) {
        if let value = file?[key], value.string != nil || value["content"] != nil {
          try setOwnName(key, anyToken(value, key))
        }
      }
    }
    for key in keys where key.hasPrefix("extra_special_tokens.") {
      let name = String(key.dropFirst("extra_special_tokens.".count))
      if let value = config?["extra_special_tokens"]?[name] {
        try setOwnName(name, anyToken(value, name))
      }
    }
    let mapped = try list(map, "extra_special_tokens") ?? []
    let own = try list(config, "extra_special_tokens")
    if own?.isEmpty ?? true {
      extra = try list(config, "additional_special_tokens") ?? []
    } else {
      extra = own ?? []
    }
    extra += mapped.filter { !extra.contains($0) }
    if extra.isEmpty { extra = try list(map, "additional_special_tokens") ?? [] }
  }

  private mutating func setOwnName(_ name: String, _ token: Token) {
    named.removeAll { $0.name == name }
    named.append((name, token))
  }

  /// An `added_tokens.json`: a token is special if it has a name or is in a list of such.
  private func legacyTokens(_ path: String) throws -> [(id: Int, token: Token)] {
    guard let content = try Self.read(path).0?.object else { return [] }
    let special = Set(
      named.filter { Self.names.contains($0.name) }.compactMap { $0.token?.content }
        + extra.map(\.content))
    return try content.map { text, id in
      guard let id = id.int else {
        throw ModelError(.file, "\(quoted(path)): the id of \(quoted(text)) is not a number")
      }
      let isSpecial = special.contains(text)
      return (id, Token(content: text, isNormalized: !isSpecial, isSpecial: isSpecial))
    }
  }

  /// Takes the tokens in the order of their ids. A named token of the same text has their flags.
  private mutating func take(_ tokens: [(id: Int, token: Token)]) {
    added = tokens.sorted { ($0.id, $0.token.content) < ($1.id, $1.token.content) }.map(\.token)
    for index in named.indices where Self.names.contains(named[index].name) {
      let content = named[index].token?.content
      if let token = added.last(where: { $0.content == content }) { named[index].token = token }
    }
  }

  /// Every token that the files name.
  var allTokens: [Token] { named.compactMap(\.token) + extra + added }

  /// The token of a name; nil where there is none.
  func token(_ name: String) -> Token? {
    named.first { $0.name == name }.flatMap { $0.token }
  }
}
