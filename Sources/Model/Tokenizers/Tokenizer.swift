/// Text to tokens and back: byte-level byte-pair encoding, as `tokenizers` does it.
///
/// Every text can be encoded, and what comes out stands for the same bytes; only a byte for which
/// the vocabulary has no token is left out (a gap between the pieces' ranges). BOS is never added
/// here: see `addsBOS`.
public struct Tokenizer: Sendable {
  /// A token and the text that it came from.
  public struct Piece: Sendable, Hashable {
    public let id: Int
    /// Bytes of the text's UTF-8. A border may lie inside a character.
    public let range: Range<Int>
  }

  /// The kind of tokenizer, for display: `gpt2 (smollm)`.
  public let name: String
  public let bos: Int?
  public let eos: Int?
  /// Whether the model's files put BOS before every text.
  public let addsBOS: Bool

  let vocabulary: Vocabulary
  let merges: MergeTable
  let preTokenizer: PreTokenizer
  let added: AddedTokens
  /// The token of each byte, -1 if there is none.
  let byteTokens: [Int]
  /// What stands for a byte without a token; without it they are left out.
  let unknown: Int?
  /// Whether several such bytes become one token.
  let fusesUnknown: Bool
  /// Whether a word that is a token becomes it at once, whatever the merges say.
  let ignoresMerges: Bool

  init(
    name: String, vocabulary: Vocabulary, merges: MergeTable, preTokenizer: PreTokenizer,
    added: [AddedTokens.Token], bos: Int?, eos: Int?, addsBOS: Bool, unknown: Int? = nil,
    fusesUnknown: Bool = false, ignoresMerges: Bool = false
  ) {
    self.name = name
    self.bos = bos
    self.eos = eos
    self.addsBOS = addsBOS
    self.vocabulary = vocabulary
    self.merges = merges
    self.preTokenizer = preTokenizer
    self.added = AddedTokens(added)
    self.byteTokens = (0...255).map { vocabulary.id(ByteAlphabet.utf8($0)) ?? -1 }
    self.unknown = unknown
    self.fusesUnknown = fusesUnknown
    self.ignoresMerges = ignoresMerges
  }

  /// The number of tokens. A model may have more rows than that, which stand for nothing.
  public var vocabularySize: Int { vocabulary.count }

  /// The tokens of `text`. Special tokens that are written in it are taken as such. No BOS is
  /// added.
  public func encode(_ text: String) -> [Piece] {
    encode(valid: Array(text.utf8))
  }

  /// As `encode(_:)`, for bytes of unknown origin.
  ///
  /// - Throws: `ModelError` of kind `request` with the place of the first byte that is not UTF-8.
  public func encode(utf8 bytes: some Sequence<UInt8>) throws -> [Piece] {
    let bytes = Array(bytes)
    if let place = firstInvalidUTF8(bytes) {
      throw ModelError(
        .request, "the text is not UTF-8: byte \(place) is \(hexadecimal(bytes[place]))")
    }
    return encode(valid: bytes)
  }

  private func encode(valid text: [UInt8]) -> [Piece] {
    var pieces: [Piece] = []
    var merger = WordMerger(merges)
    added.split(text) { range in
      preTokenizer.split(text[...], range) { word in
        encode(text, word, &merger, &pieces)
      }
    } token: { id, range in
      pieces.append(Piece(id: id, range: range))
    }
    return pieces
  }

  private func encode(
    _ text: [UInt8], _ word: Range<Int>, _ merger: inout WordMerger, _ pieces: inout [Piece]
  ) {
    if ignoresMerges, let id = vocabulary.id(text[word].flatMap(ByteAlphabet.utf8)) {
      pieces.append(Piece(id: id, range: word))
      return
    }
    for index in word {
      let token = byteTokens[Int(text[index])]
      if token >= 0 {
        merger.append(token, index..<index + 1)
      } else if let unknown, !(fusesUnknown && merger.extend(unknown, to: index + 1)) {
        merger.append(unknown, index..<index + 1)
      }
    }
    merger.finish { pieces.append(Piece(id: $0, range: $1)) }
  }

  /// The bytes that token `id` stands for. nil if there is no such token: an id that does not exist,
  /// or a row that only pads the vocabulary.
  public func bytes(of id: Int) -> [UInt8]? {
    vocabulary.bytes(of: id)
  }

  /// Token `id` for display: bytes that are not UTF-8 are written like `<0xE2>`, and ids that stand
  /// for nothing like `<unused 50299>`.
  public func text(of id: Int) -> String {
    guard let bytes = bytes(of: id) else { return "<unused \(id)>" }
    var (text, rest) = ("", bytes[...])
    while let place = firstInvalidUTF8(rest) {
      text += String(decoding: rest.prefix(place), as: UTF8.self)
      rest = rest.dropFirst(place)
      text += "<\(hexadecimal(rest.removeFirst()))>"
    }
    return text + String(decoding: rest, as: UTF8.self)
  }

  /// The text of all tokens together, with U+FFFD where their bytes are not UTF-8. Ids that stand
  /// for nothing add nothing.
  public func decode(_ ids: [Int]) -> String {
    String(decoding: ids.flatMap { bytes(of: $0) ?? [] }, as: UTF8.self)
  }

  /// Whether token `id` is a mark such as `<|endoftext|>` and no part of a text.
  public func isSpecial(_ id: Int) -> Bool {
    vocabulary.kinds.indices.contains(id) && vocabulary.kinds[id] == .special
  }

  /// The token that all of `text` becomes; nil if it becomes several, or none.
  public func isWholeToken(_ text: String) -> Int? {
    let pieces = encode(text)
    guard pieces.count == 1, pieces[0].range == 0..<text.utf8.count else { return nil }
    return pieces[0].id
  }
}

/// A byte as it is written for display: `0xE2`.
private func hexadecimal(_ byte: UInt8) -> String {
  "0x" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
}
