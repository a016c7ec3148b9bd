import Foundation
import TestSupport
import Testing

@testable import Model

/// Small tokenizers of every family against the packages `tokenizers` and `sentencepiece`; made by
/// Scripts/reference/tokens/families.py.
@Suite struct TokenizerFamilyTests {
  private static let folder = "tokenizer-families"

  @Test(
    arguments: [
      "neox", "llama3", "qwen2", "tekken", "gpt-4o", "llama2", "metaspace", "metaspace-words",
      "gemma",
    ])
  func aTokenizerJSON(name: String) throws {
    try Self.tokenizer(name).check(TokenizerRecord(Fixtures.path(Self.folder), name))
  }

  @Test(arguments: ["pieces", "pieces-plain"])
  func sentencePieceScores(name: String) throws {
    let file = try GGUFFile(path: Fixtures.path("\(Self.folder)/\(name).gguf"))
    let tokenizer = try Tokenizer(gguf: file)
    try tokenizer.check(TokenizerRecord(Fixtures.path(Self.folder), name))
    #expect(tokenizer.bos == 1 && tokenizer.eos == 2 && tokenizer.addsBOS)
    #expect(tokenizer.unknown == 0)
  }

  private static func tokenizer(_ name: String) throws -> Tokenizer {
    try Tokenizer(
      tokenizerJSON: Fixtures.path("\(folder)/\(name).json"),
      config: Fixtures.path("\(folder)/\(name).config.json"))
  }

  @Test(arguments: [
    ("neox", "<|endoftext|>", false, "gpt2 (gpt-2)"),
    ("llama3", "<|begin_of_text|>", true, "gpt2 (llama-bpe)"),
    ("tekken", "<s>", false, "gpt2 (tekken)"),
    ("gpt-4o", "<|endoftext|>", false, "gpt2 (gpt-4o)"),
    ("llama2", "<s>", true, "llama (SentencePiece)"),
    ("metaspace", "<s>", false, "llama (SentencePiece)"),
    ("metaspace-words", "<s>", false, "llama (SentencePiece)"),
    ("gemma", "<s>", false, "llama (SentencePiece)"),
  ])
  func opening(name: String, bos: String, addsBOS: Bool, shown: String) throws {
    let tokenizer = try Self.tokenizer(name)
    #expect(tokenizer.bos == tokenizer.isWholeToken(bos) && tokenizer.bos != nil)
    #expect(tokenizer.addsBOS == addsBOS)
    #expect(tokenizer.name == shown)
  }

  @Test func noOpening() throws {
    let tokenizer = try Self.tokenizer("qwen2")
    #expect(tokenizer.bos == nil && !tokenizer.addsBOS)
    #expect(tokenizer.name == "gpt2 (qwen2)")
  }

  /// An answer continues a text: its own leading space is the token's, and none is put before it.
  @Test func continuations() throws {
    for name in ["llama2", "metaspace"] {
      let tokenizer = try Self.tokenizer(name)
      let spaced = try #require(tokenizer.isWholeToken(" The"))
      #expect(tokenizer.text(of: spaced) == " The")
      #expect(tokenizer.encode("The").map(\.id) == [spaced])
      #expect(tokenizer.encode("The").map(\.range) == [0..<3])
      #expect(tokenizer.isWholeToken("The") != spaced)
      #expect(tokenizer.decode([spaced]) == "The")
    }
  }

  /// A token by decree that is looked for in the changed text stands for what it was found as, the
  /// space before it too, as `tokenizers` has it.
  @Test func decodingWhatWasChanged() throws {
    let llama = try Self.tokenizer("llama2")
    let text = "a brown fox jumps"
    let ids = llama.encode(text).map(\.id)
    #expect(ids == [317, 412, 293, 303, 420, 561])
    #expect(llama.decode(ids) == text)
    #expect(llama.text(of: 561) == " fox jumps")
    #expect(llama.decode([420, 561, 561]) == "n fox jumps fox jumps")
    #expect(llama.decode([561, 420]) == "fox jumpsn")
  }

  @Test func placesInChangedText() throws {
    let neox = try Self.tokenizer("neox")
    // What was composed from three bytes is one token of them all.
    let text = "lone fo\u{323}x!"
    let pieces = neox.encode(text)
    #expect(neox.isWhole(pieces, of: text))
    let places = pieces.map { String(decoding: Array(text.utf8)[$0.range], as: UTF8.self) }
    #expect(places == ["lone", " ", "fo\u{323}x", "!"])
    // A space that was put there stands for nothing; a byte token stands for its byte.
    let llama = try Self.tokenizer("llama2")
    let bytes = llama.encode("\u{4E00}")
    #expect(bytes.map(\.range) == [0..<0, 0..<1, 1..<2, 2..<3])
    #expect(bytes.map { llama.text(of: $0.id) } == [" ", "<0xE4>", "<0xB8>", "<0x80>"])
    #expect(llama.decode(bytes.map(\.id)) == "\u{4E00}")
  }

  /// Runs take n log n steps here too, within as wide a limit.
  @Test(arguments: ["llama2", "gemma", "qwen2", "gpt-4o"])
  func longRunsAreQuick(name: String) throws {
    let tokenizer = try Self.tokenizer(name)
    for unit in ["a", "A", " ", "é", "e\u{301}", "1", "\n", "\r\n x", "<s>"] {
      let text = String(repeating: unit, count: 120_000 / unit.utf8.count)
      var pieces: [Tokenizer.Piece] = []
      let time = ContinuousClock().measure { pieces = tokenizer.encode(text) }
      #expect(tokenizer.isWhole(pieces, of: text))
      #expect(time < .seconds(10), "\(quoted(unit)): \(time)")
    }
  }
}

/// Lines and what a tokenizer made of each.
struct TokenizerRecord {
  struct Line {
    var text: String
    /// nil for a line that is left out.
    var count: Int?
    var hash: UInt64 = 0
    /// What is known in full: the ids and the text that they become.
    var full: (ids: [Int], decoded: String)?
  }

  let lines: [Line]

  init(_ folder: String, _ name: String) throws {
    func split(_ file: String) throws -> [Data] {
      try Data(contentsOf: URL(filePath: folder + "/" + file)).split(separator: 0x0A)
    }
    let texts = try split("lines.ndjson").map { try Self.string($0) }
    let records = try split("\(name).ids").map { String(decoding: $0, as: UTF8.self) }
    try #require(texts.count == records.count && texts.count >= 1000)
    lines = try zip(texts, records).map { text, record in
      var line = Line(text: text)
      let parts = record.split(separator: "\t", maxSplits: 1)
      let fields = parts[0].split(separator: " ")
      switch fields.first {
      case "-": break
      case "=":
        let ids = try fields.dropFirst().map { try #require(Int($0)) }
        line.count = ids.count
        line.hash = Self.hash(ids)
        line.full = (ids, parts.count > 1 ? try Self.string(Data(parts[1].utf8)) : text)
      default:
        let count: Int = try #require(Int(fields[0]))
        line.count = count
        line.hash = try #require(UInt64(fields[1], radix: 16))
      }
      return line
    }
  }

  private static func string(_ json: Data) throws -> String {
    var scanner = try JSONScanner(Array(json), source: "a record")
    return try scanner.string()
  }

  /// FNV-1a over the ids as little-endian u32.
  static func hash(_ ids: [Int]) -> UInt64 {
    var state: UInt64 = 0xCBF2_9CE4_8422_2325
    for id in ids {
      for shift in [0, 8, 16, 24] {
        state = (state ^ UInt64(id >> shift & 0xFF)) &* 0x100_0000_01B3
      }
    }
    return state
  }
}

extension Tokenizer {
  /// Compares every line of a record, and what the pieces claim about their places.
  func check(_ record: TokenizerRecord) throws {
    var wrong: [String] = []
    for line in record.lines {
      let pieces = encode(line.text)
      let ids = pieces.map(\.id)
      if let count = line.count, ids.count != count || TokenizerRecord.hash(ids) != line.hash {
        let tokens = ids.prefix(40).map { quoted(text(of: $0)) }.joined(separator: " ")
        let other = line.full.map { $0.ids.prefix(40).map { quoted(text(of: $0)) } }
        wrong.append(
          "\(quoted(line.text)): \(tokens) instead of "
            + (other?.joined(separator: " ") ?? "\(count) tokens"))
      }
      if let (ids, decoded) = line.full,
        !decode(ids).unicodeScalars.elementsEqual(decoded.unicodeScalars)
      {
        wrong.append("\(quoted(decode(ids))) decoded instead of \(quoted(decoded))")
      }
      if !placesHold(pieces, line.text) { wrong.append("places: \(quoted(line.text))") }
    }
    #expect(wrong.isEmpty, "\(wrong.count) of \(record.lines.count): \(wrong.prefix(6))")
  }

  /// The pieces cover the text one after the other, and whole characters are what their piece says,
  /// but for normalization, which Swift's equality of strings sees through, and for white space that
  /// a special token takes with it.
  private func placesHold(_ pieces: [Piece], _ text: String) -> Bool {
    let utf8 = Array(text.utf8)
    guard isWhole(pieces, of: text) else { return false }
    return pieces.allSatisfy { piece in
      guard !isSpecial(piece.id), let place = String(validating: utf8[piece.range], as: UTF8.self),
        let token = bytes(of: piece.id), let stands = String(validating: token, as: UTF8.self)
      else { return true }
      // A part of what was composed anew may by chance lie on a character's borders.
      let next = String(decoding: utf8[piece.range.upperBound...].prefix(16), as: UTF8.self)
      let neighbours = place.unicodeScalars + next.unicodeScalars.prefix(1)
      if stands.isEmpty || neighbours.contains(where: \.isMark) { return true }
      // `▁` is written as the space is.
      let spelled = String(
        String.UnicodeScalarView(
          place.unicodeScalars.map {
            $0 == "▁" && vocabulary.spelling == .metaspace ? " " : $0
          }))
      return stands == spelled || stands == " " + spelled || " " + stands == spelled
    }
  }
}

extension Unicode.Scalar {
  fileprivate var isMark: Bool {
    switch properties.generalCategory {
    case .nonspacingMark, .spacingMark, .enclosingMark: true
    default: false
    }
  }
}
