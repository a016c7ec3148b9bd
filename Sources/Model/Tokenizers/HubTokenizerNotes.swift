/// What a person should know of a tokenizer whose files disagree: which of them is used.
struct HubTokenizerNotes {
  let path: String
  let files: HubTokenizerFiles?
  let kind: TokenizerClass?
  /// The `tokenizer.json` as it stands, and as the class takes it.
  let own: TokenizerJSON
  let file: TokenizerJSON
  let template: (before: String?, after: [String])
  /// Added tokens whose id in the file is another than `tokenizers` gives them.
  let moved: [(content: String, id: Int)]

  var texts: [String] { [opening, ending, parts, ids].compactMap { $0 } }

  private var opening: String? {
    let said = files?.config?["add_bos_token"]?.bool
    let adds = template.before != nil
    if let said, said != adds {
      let followed =
        kind == .gptNeoX
        ? "its class \(TokenizerClass.gptNeoX.rawValue)" : "the post_processor of tokenizer.json"
      return "tokenizer_config.json says add_bos_token \(said), but \(followed) puts "
        + (template.before.map { "\(quoted($0)) before" } ?? "no BOS before")
        + " a text: \(followed) is used, as in transformers 5.24; "
        + "`bos \(said ? "on" : "off")` does the other"
    }
    if let before = template.before, let bos = files?.token("bos_token")?.content, bos != before {
      return "tokenizer_config.json has the bos_token \(quoted(bos)), but tokenizer.json puts "
        + "\(quoted(before)) before a text: tokenizer.json is used, as in transformers 5.24"
    }
    return nil
  }

  private var ending: String? {
    guard let last = template.after.first else { return nil }
    return "tokenizer.json puts \(quoted(last)) after a text; this is not done here, since prompts "
      + "are continued"
  }

  private var parts: String? {
    let named = files?.config?["tokenizer_class"]?.string
    if let named, TokenizerClass.unknown.contains(named) {
      return "transformers builds the tokenizer as \(named), with parts of its own; "
        + "tokenizer.json is used"
    }
    guard let kind, kind != .backend else { return nil }
    let same = (try? own.splitting() == file.splitting() && own.normalizer() == file.normalizer())
    return same == true
      ? nil
      : "tokenizer.json has another normalizer or pre_tokenizer than \(kind.rawValue): the class is "
        + "used, as in transformers 5.24"
  }

  private var ids: String? {
    guard kind ?? .backend == .backend, let (content, id) = moved.first else { return nil }
    return
      "tokenizer.json gives the added token \(quoted(content)) the id \(id), but the next free "
      + "one is taken, as in the package tokenizers"
  }
}
