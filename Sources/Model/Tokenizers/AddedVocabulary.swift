/// The tokens that are added to a tokenizer, with the ids that the package `tokenizers` gives them:
/// a token of the model keeps its id, another has the next one after all so far, whatever its file
/// says.
struct AddedVocabulary {
  typealias Token = HubTokenizerFiles.Token

  private(set) var tokens: [Int: Token] = [:]
  private var ids: [String: Int] = [:]
  private let modelIDs: [String: Int]
  private let modelCount: Int

  /// - Parameters:
  ///   - modelIDs: of the added tokens, those that the model's vocabulary has.
  ///   - modelCount: how many tokens that vocabulary has.
  init(modelIDs: [String: Int], modelCount: Int) {
    self.modelIDs = modelIDs
    self.modelCount = modelCount
  }

  func id(_ content: String) -> Int? { ids[content] ?? modelIDs[content] }

  func contains(_ content: String) -> Bool { ids[content] != nil }

  /// A token that is there already takes the new flags.
  mutating func add(_ token: Token) {
    guard !token.content.isEmpty else { return }
    let next = max(modelCount, (ids.values.max() ?? -1) + 1)
    let id = id(token.content) ?? next
    ids[token.content] = id
    tokens[id] = token
  }

  /// Adds what the files next to a `tokenizer.json` say, as `TokenizersBackend.__init__` of
  /// transformers 5.24 does.
  mutating func add(_ files: HubTokenizerFiles, of kind: TokenizerClass) {
    let usual = kind.names
    let named: [(name: String, token: Token?)] =
      HubTokenizerFiles.names.compactMap { name in
        files.named.first { $0.name == name }
          ?? usual[name].map { (name, Token(content: $0, isPlain: true)) }
      } + files.named.filter { !HubTokenizerFiles.names.contains($0.name) }
    let known = Set(files.added.map(\.content))
    var new = files.added
    for token in named.compactMap(\.token) + files.extra
    where !contains(token.content) && !known.contains(token.content) && !new.contains(token) {
      new.append(token)
    }
    let special = Set(named.compactMap { $0.token?.content })
    for var token in new {
      token.isSpecial = token.isSpecial || special.contains(token.content)
      add(token)
    }
    if kind == .qwen2 {
      for token in named.compactMap(\.token) + files.extra { add(Token(content: token.content)) }
    }
  }
}
