/// Text to tokens and back: byte-pair encoding of bytes, or of characters as SentencePiece does it,
/// in the way of `tokenizers`.
///
/// Every text can be encoded, and what comes out stands for the same text; only what the vocabulary
/// has no token for is left out (a gap between the pieces' ranges). BOS is never added here: see
/// `addsBOS`.
public struct Tokenizer: Sendable {
  /// A token and the text that it came from.
  public struct Piece: Sendable, Hashable {
    public let id: Int
    /// Bytes of the text's UTF-8. A border may lie inside a character; the range is empty if the
    /// token stands for nothing in the text, as a space that was put before it.
    public let range: Range<Int>
  }

  /// The kind of tokenizer, for display: `gpt2 (smollm)`.
  public let name: String
  public let bos: Int?
  public let eos: Int?
  /// The tokens that end a text: EOS, and others that the tokenizer's file marks as an end.
  public let endTokens: Set<Int>
  /// Whether the model's files put BOS before every text.
  public let addsBOS: Bool
  /// Where the model's files disagree: which of them is used.
  public internal(set) var notes: [String] = []
  /// The texts of the tokens that have a name, for chat templates: `bos_token` and the like.
  var namedTokens: [String: String] = [:]

  let vocabulary: Vocabulary
  let rule: MergeRule
  /// What happens to a text, or what stands between its special tokens, first of all.
  let normalizer: Normalizer
  /// What happens to it after the search for added tokens: the step `Metaspace` of `tokenizers`.
  let spacing: Normalizer
  let preTokenizer: PreTokenizer
  let added: AddedTokens
  /// The token of each byte, -1 if there is none.
  let byteTokens: [Int]
  /// What stands for text without a token; without it that is left out.
  let unknown: Int?
  /// Whether several such become one token.
  let fusesUnknown: Bool
  /// Whether a word that is a token becomes it at once, whatever the merges say.
  let ignoresMerges: Bool

  /// What happens to a text before words are merged.
  struct Steps {
    var normalizer = Normalizer.none
    var spacing = Normalizer.none
    var preTokenizer: PreTokenizer
  }

  /// How a word becomes tokens.
  struct Merging {
    var rule: MergeRule
    var unknown: Int?
    var fusesUnknown = false
    var ignoresMerges = false
  }

  /// The tokens at the borders of a text.
  struct Marks {
    var bos: Int?
    var eos: Int?
    var endTokens: Set<Int> = []
    var addsBOS: Bool
  }

  init(
    name: String, vocabulary: Vocabulary, steps: Steps, merging: Merging,
    added: (tokens: [AddedTokens.Token], order: AddedTokens.Order), marks: Marks
  ) {
    self.name = name
    self.vocabulary = vocabulary
    bos = marks.bos
    eos = marks.eos
    addsBOS = marks.addsBOS && marks.bos != nil
    endTokens = marks.endTokens.union([marks.eos].compactMap { $0 })
    normalizer = steps.normalizer
    spacing = steps.spacing
    preTokenizer = steps.preTokenizer
    rule = merging.rule
    unknown = merging.unknown
    fusesUnknown = merging.fusesUnknown
    ignoresMerges = merging.ignoresMerges
    self.added = AddedTokens(added.tokens, order: added.order, normalizer: steps.normalizer)
    byteTokens = vocabulary.byteTokens(anyKind: merging.rule.isByScore)
  }

  /// The number of tokens. A model may have more rows than that, which stand for nothing.
  public var vocabularySize: Int { vocabulary.count }

  /// The tokens of `text`. Special tokens that are written in it are taken as such. No BOS is
  /// added.
  ///
  /// - Parameter isContinuation: whether other text stands before it, as before an answer; then no
  ///   space is put before it, as SentencePiece does at a text's beginning.
  public func encode(_ text: String, isContinuation: Bool = false) -> [Piece] {
    encode(valid: Array(text.utf8), isContinuation: isContinuation)
  }

  /// As `encode(_:)`, for bytes of unknown origin.
  ///
  /// - Throws: `ModelError` of kind `request` with the offset of the first byte that is not UTF-8.
  public func encode(utf8 bytes: some Sequence<UInt8>) throws -> [Piece] {
    let bytes = Array(bytes)
    if let offset = firstInvalidUTF8(bytes) {
      throw ModelError(
        .request, "the text is not UTF-8: byte \(offset) is \(hexadecimal(bytes[offset]))")
    }
    return encode(valid: bytes, isContinuation: false)
  }

  /// The bytes that token `id` stands for. nil if there is no such token: an id that does not exist,
  /// or a row that only pads the vocabulary.
  public func bytes(of id: Int) -> [UInt8]? {
    // Text by decree stands for what it was found as; a mark for itself, however it was found.
    guard let changed = added.changed[id], vocabulary.kinds[id] == .added else {
      return vocabulary.bytes(of: id)
    }
    return vocabulary.text(ofAdded: changed[...])
  }

  /// Token `id` for display: bytes that are not UTF-8 are written like `<0xE2>`, and ids that stand
  /// for nothing like `<unused 50299>`.
  public func text(of id: Int) -> String {
    guard let bytes = bytes(of: id) else { return "<unused \(id)>" }
    if let text = String(validating: bytes, as: UTF8.self) { return text }
    var (text, rest) = ("", bytes[...])
    while let offset = firstInvalidUTF8(rest) {
      text += String(decoding: rest.prefix(offset), as: UTF8.self)
      rest = rest.dropFirst(offset)
      text += "<\(hexadecimal(rest.removeFirst()))>"
    }
    return text + String(decoding: rest, as: UTF8.self)
  }

  /// The text of all tokens together, with U+FFFD where their bytes are not UTF-8, and without a
  /// space that encoding has put before it. Ids that stand for nothing add nothing.
  public func decode(_ ids: [Int]) -> String {
    let bytes = ids.flatMap { self.bytes(of: $0) ?? [] }
    let drops = putsSpaceBefore && bytes.first == UInt8(ascii: " ")
    return String(decoding: bytes.dropFirst(drops ? 1 : 0), as: UTF8.self)
  }

  /// Whether a text is encoded as if a space stood before it.
  var putsSpaceBefore: Bool {
    (normalizer.steps + spacing.steps).contains { step in
      switch step {
      case .prepend, .prefix: true
      case .nfc, .replace: false
      }
    }
  }

  /// Whether the pieces of `text` leave nothing of it out, and none stands for unknown text.
  public func isWhole(_ pieces: [Piece], of text: String) -> Bool {
    var end = 0
    for piece in pieces {
      guard piece.range.lowerBound == end else { return false }
      if piece.id == unknown,
        bytes(of: piece.id) != Array(text.utf8.dropFirst(end).prefix(piece.range.count))
      {
        return false
      }
      end = piece.range.upperBound
    }
    return end == text.utf8.count
  }

  /// Whether token `id` is a mark such as `<|endoftext|>` and no part of a text.
  public func isSpecial(_ id: Int) -> Bool {
    vocabulary.kinds.indices.contains(id) && vocabulary.kinds[id] == .special
  }

  /// The token that all of `text`, where other text stands before it, becomes; nil if it becomes
  /// several, or none.
  public func isWholeToken(_ text: String) -> Int? {
    let pieces = encode(text, isContinuation: true)
    guard pieces.count == 1, pieces[0].range == 0..<text.utf8.count else { return nil }
    return pieces[0].id
  }
}
