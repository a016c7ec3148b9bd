/// The tokens as their file writes them, by id, and found by their bytes.
struct Vocabulary: Sendable {
  enum Kind: UInt8, Sendable {
    /// Made by merging, written in the vocabulary's spelling.
    case normal
    /// One byte, for text that no other token is: written `<0xE2>`.
    case byte
    /// A mark such as `<|im_start|>`, which stands for itself.
    case special
    /// Text that is one token by decree, which stands for itself.
    case added
    /// A row without a meaning. llama.cpp still merges text into one that has a name.
    case unused
  }

  /// How tokens write the text that they stand for.
  enum Spelling: Sendable {
    /// Each byte as a character of `ByteAlphabet`.
    case byteAlphabet
    /// As it is, but for the space, which is `▁`: SentencePiece's.
    case metaspace
  }

  /// `▁`, U+2581.
  static let metaspace: [UInt8] = [0xE2, 0x96, 0x81]

  let tokens: StringArray
  let spelling: Spelling
  var kinds: [Kind]
  /// A token that occurs more than once, if there is any.
  private(set) var duplicate: Int?
  /// Open addressing with linear steps: the id, and the high half of its hash, or `empty`.
  private var table: [UInt64]
  private let mask: Int

  private static let empty = UInt64.max

  /// - Parameter kinds: one for each token. Of equal tokens the last is found, and an empty one that
  ///   is unused is not.
  init(tokens: StringArray, kinds: [Kind], spelling: Spelling = .byteAlphabet) {
    precondition(tokens.count == kinds.count && tokens.count < 1 << 31)
    self.tokens = tokens
    self.kinds = kinds
    self.spelling = spelling
    let capacity = hashCapacity(tokens.count)
    table = [UInt64](repeating: Self.empty, count: capacity)
    mask = capacity - 1
    tokens.bytes.withUnsafeBufferPointer { bytes in
      for id in 0..<tokens.count where kinds[id] != .unused || !tokens.range(id).isEmpty {
        let token = UnsafeBufferPointer(rebasing: bytes[tokens.range(id)])
        let hash = ByteHash(token).value
        let slot = slot(hash) { token.elementsEqual(UnsafeBufferPointer(rebasing: bytes[$0])) }
        if table[slot] != Self.empty { duplicate = id }
        table[slot] = (hash & ~0xFFFF_FFFF) | UInt64(id)
      }
    }
  }

  var count: Int { tokens.count }

  /// The id of a token as the file writes it.
  func id(_ token: some Collection<UInt8>) -> Int? {
    id(hash: ByteHash(token)) { tokens.bytes[$0].elementsEqual(token) }
  }

  /// The id of the token whose bytes hash to `hash` and for whose range in `tokens.bytes` `matches`
  /// is true.
  func id(hash: ByteHash, where matches: (Range<Int>) -> Bool) -> Int? {
    let entry = table[slot(hash.value, where: matches)]
    return entry == Self.empty ? nil : Int(entry & 0xFFFF_FFFF)
  }

  /// The slot that holds the token, or the empty one in which its search ends.
  private func slot(_ hash: UInt64, where matches: (Range<Int>) -> Bool) -> Int {
    var slot = Int(hash >> 32) & mask
    while table[slot] != Self.empty {
      let entry = table[slot]
      if entry >> 32 == hash >> 32, matches(tokens.range(Int(entry & 0xFFFF_FFFF))) { break }
      slot = (slot + 1) & mask
    }
    return slot
  }

  /// The bytes of text that token `id` stands for; nil if it stands for none.
  func bytes(of id: Int) -> [UInt8]? {
    guard kinds.indices.contains(id) else { return nil }
    switch (kinds[id], spelling) {
    case (.normal, .byteAlphabet): return ByteAlphabet.decode(tokens[id])
    case (.normal, .metaspace): return Self.withSpaces(tokens[id])
    case (.added, _): return text(ofAdded: tokens[id])
    case (.byte, _): return Self.byte(tokens[id]).map { [$0] } ?? Array(tokens[id])
    case (.special, _): return Array(tokens[id])
    case (.unused, _): return nil
    }
  }

  /// What text by decree stands for, which is not written in the byte alphabet.
  func text(ofAdded content: ArraySlice<UInt8>) -> [UInt8] {
    switch spelling {
    case .byteAlphabet: Array(content)
    case .metaspace: Self.withSpaces(content)
    }
  }

  private static func withSpaces(_ token: ArraySlice<UInt8>) -> [UInt8] {
    var (bytes, index): ([UInt8], Int) = ([], token.startIndex)
    while index < token.endIndex {
      let isSpace = token[index...].starts(with: metaspace)
      bytes.append(isSpace ? UInt8(ascii: " ") : token[index])
      index += isSpace ? metaspace.count : 1
    }
    return bytes
  }

  /// The byte that a token like `<0xE2>` stands for; nil if it is none.
  static func byte(_ token: ArraySlice<UInt8>) -> UInt8? {
    guard token.count == 6, token.starts(with: "<0x".utf8), token.last == UInt8(ascii: ">") else {
      return nil
    }
    let digits = token.dropFirst(3).dropLast()
    guard digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }) else { return nil }
    return UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
  }

  /// The token of each byte, -1 if there is none.
  ///
  /// - Parameter anyKind: whether a token counts whatever its kind, or else one that is the byte as
  ///   it stands, as llama.cpp has it.
  func byteTokens(anyKind: Bool) -> [Int] {
    (0...255).map { (byte: UInt8) -> Int in
      switch spelling {
      case .byteAlphabet: return id(ByteAlphabet.utf8(byte)) ?? -1
      case .metaspace:
        let found = id(Array("<\(hexadecimal(byte))>".utf8))
        if anyKind { return found ?? id([byte]) ?? -1 }
        return found.flatMap { kinds[$0] == .byte ? $0 : nil } ?? -1
      }
    }
  }
}

/// A byte as vocabularies write it: `0xE2`.
func hexadecimal(_ byte: UInt8) -> String {
  "0x" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
}

/// A hash that grows byte by byte (FNV-1a), so that the hash of two strings one after the other
/// needs no copy of them; `value` spreads it over all bits.
struct ByteHash {
  private var state: UInt64 = 0xCBF2_9CE4_8422_2325

  init() {}

  init(_ bytes: some Sequence<UInt8>) { append(bytes) }

  mutating func append(_ bytes: some Sequence<UInt8>) {
    for byte in bytes { state = (state ^ UInt64(byte)) &* 0x100_0000_01B3 }
  }

  var value: UInt64 {
    let mixed = (state ^ state >> 32) &* 0x9E37_79B9_7F4A_7C15
    return mixed ^ mixed >> 29
  }
}

/// A power of two that keeps a table of `count` entries less than half full.
func hashCapacity(_ count: Int) -> Int {
  var capacity = 16
  while capacity < 2 * count + 1 { capacity *= 2 }
  return capacity
}
