import Foundation
import Testing

@testable import Model

@Suite struct TokenizerTests {
  private static let smollm = Result {
    try Tokenizer(gguf: GGUFFile(path: TestModel.path()))
  }

  private var smollm: Tokenizer { get throws { try Self.smollm.get() } }

  @Test(arguments: [
    ("The capital of France is", [504, 3575, 282, 4649, 314]),
    ("Hello world! 123", [19556, 905, 17, 216, 33, 34, 35]),
    ("  multiple   spaces", [216, 2701, 256, 5600]),
    ("Café déjà vu.", [51, 1939, 2756, 32564, 90, 16739, 386, 101, 30]),
    (
      "Fact: The Colosseum is in the country of",
      [13486, 42, 378, 1712, 37320, 382, 314, 281, 260, 1798, 282]
    ),
    ("<|im_start|>user\nHi<|im_end|>", [1, 4093, 198, 26843, 2]), ("", []),
  ])
  func knownTokens(text: String, ids: [Int]) throws {
    #expect(try smollm.encode(text).map(\.id) == ids)
  }

  @Test func placesOfPieces() throws {
    let text = "Café 12"
    let places = try smollm.encode(text).map { Array(text.utf8)[$0.range] }
    #expect(places.map { String(decoding: $0, as: UTF8.self) } == ["C", "af", "é", " ", "1", "2"])
  }

  @Test func aboutTheDefaultModel() throws {
    let tokenizer = try smollm
    #expect(tokenizer.vocabularySize == 49152)
    #expect(tokenizer.name == "gpt2 (smollm)")
    #expect(tokenizer.bos == 1)
    #expect(tokenizer.eos == 2)
    #expect(!tokenizer.addsBOS)
    #expect(tokenizer.isSpecial(1) && !tokenizer.isSpecial(504))
    #expect(!tokenizer.isSpecial(-1) && !tokenizer.isSpecial(49152))
    #expect(tokenizer.isWholeToken(" Italy") == 7158)
    #expect(tokenizer.isWholeToken(" Colosseum") == nil)
    #expect(tokenizer.isWholeToken("<|im_end|>") == 2)
    #expect(tokenizer.isWholeToken("") == nil)
    // The control character has no token and is left out: what is left is not all of the text.
    #expect(tokenizer.isWholeToken("\u{4} Italy") == nil)
  }

  @Test func showsTokens() throws {
    let tokenizer = try smollm
    #expect(tokenizer.text(of: 7158) == " Italy")
    #expect(tokenizer.bytes(of: 7158) == Array(" Italy".utf8))
    #expect(tokenizer.text(of: 1) == "<|im_start|>")
    #expect(tokenizer.text(of: 49152) == "<unused 49152>")
    #expect(tokenizer.text(of: -1) == "<unused -1>")
    #expect(tokenizer.bytes(of: 49152) == nil)
    let pieces = tokenizer.encode("𓀀").map(\.id)
    #expect(pieces.map(tokenizer.text(of:)) == ["<0xF0>", "<0x93>", "<0x80>", "<0x80>"])
    #expect(tokenizer.decode(pieces) == "𓀀")
    #expect(tokenizer.decode(Array(pieces.dropLast()) + [-1, 99999]) == "\u{FFFD}")
    // Every token is some text.
    for id in 0..<tokenizer.vocabularySize { #expect(tokenizer.bytes(of: id)?.isEmpty == false) }
  }

  @Test func refusesWhatIsNotUTF8() throws {
    #expect(try smollm.encode(utf8: Array("Italy".utf8)) == smollm.encode("Italy"))
    let error = try #require(throws: ModelError.self) {
      _ = try smollm.encode(utf8: [0x61, 0x62, 0xFF, 0x63])
    }
    #expect(error.kind == .request)
    #expect(error.message == "the text is not UTF-8: byte 2 is 0xFF")
    for bytes in [
      [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xE2, 0x82], [0x80], [0xF4, 0x90, 0x80, 0x80],
    ] {
      #expect(throws: ModelError.self) { _ = try smollm.encode(utf8: bytes.map(UInt8.init)) }
    }
  }

  /// Long runs take n log n steps. Ten times the text within far less than a hundred times the time;
  /// the limit is wide, as the machine may be busy.
  @Test func longRunsAreQuick() throws {
    let tokenizer = try smollm
    for unit in ["a", " ", "ab", "é", "1", "'", "\n", "<|im_start|>", "<|im_start"] {
      let text = String(repeating: unit, count: 100_000 / unit.utf8.count)
      let clock = ContinuousClock()
      var pieces: [Tokenizer.Piece] = []
      let time = clock.measure { pieces = tokenizer.encode(text) }
      #expect(tokenizer.decode(pieces.map(\.id)) == text)
      #expect(time < .seconds(20), "\(quoted(unit)): \(time)")
    }
  }

  // MARK: - Files that do not fit together

  private func gguf(_ edit: (inout [String: GGUFBuilder.Value]) -> Void) throws -> Tokenizer {
    func strings(_ texts: [String]) -> GGUFBuilder.Value { .array(8, texts.map { .string($0) }) }
    var values: [String: GGUFBuilder.Value] = [
      "model": .string("gpt2"), "pre": .string("gpt-2"),
      "tokens": strings(["<|end|>", "a", "b", "ab", "Ġ", "1", "[PAD6]", "two words"]),
      "token_type": .array(5, [3, 1, 1, 1, 1, 1, 5, 4].map { .int32($0) }),
      "merges": strings(["a b"]),
      "bos_token_id": .uint32(0), "add_bos_token": .bool(true),
    ]
    edit(&values)
    var builder = GGUFBuilder()
    builder.metadata += values.map { ("tokenizer.ggml.\($0)", $1) }
    let file = try TemporaryFile(builder.build().bytes)
    return try Tokenizer(gguf: GGUFFile(path: file.path))
  }

  @Test func kindsOfTokens() throws {
    let tokenizer = try gguf { _ in }
    #expect(tokenizer.encode("ab<|end|>two words 11").map(\.id) == [3, 0, 7, 4, 5, 5])
    #expect(tokenizer.bos == 0 && tokenizer.eos == nil && tokenizer.addsBOS)
    #expect(tokenizer.isSpecial(0) && !tokenizer.isSpecial(7))
    #expect(tokenizer.text(of: 6) == "<unused 6>")
    #expect(tokenizer.bytes(of: 6) == nil)
    #expect(tokenizer.text(of: 7) == "two words")
    #expect(tokenizer.text(of: 4) == " ")
    // No token for c: it is left out, and its neighbours are not.
    #expect(tokenizer.encode("acb").map(\.range) == [0..<3])
    #expect(try gguf { $0["pre"] = nil }.name == "gpt2 (default)")
    #expect(try gguf { $0["pre"] = .string("smollm") }.preTokenizer == .smollm)
  }

  @Test func refusesBadGGUF() {
    func expect(_ message: String, _ edit: (inout [String: GGUFBuilder.Value]) -> Void) {
      expectFileError(message) { _ = try gguf(edit) }
    }
    expect("has no tokenizer") { $0["model"] = nil }
    expect("its tokenizer is of the kind 'llama'") { $0["model"] = .string("llama") }
    expect("its pre-tokenizer is 'qwen9'") { $0["pre"] = .string("qwen9") }
    expect("has no tokens") { $0["tokens"] = nil }
    expect("has no tokens") { $0["tokens"] = .array(8, []) }
    expect("has no tokens") { $0["tokens"] = .array(5, [.int32(1)]) }
    expect("has no merges") { $0["merges"] = nil }
    expect("has 8 tokens and 1 types") { $0["token_type"] = .array(5, [.int32(1)]) }
    expect("merge 0 of its tokenizer, 'a c'") { $0["merges"] = .array(8, [.string("a c")]) }
    expect("merge 0 of its tokenizer, 'b a'") { $0["merges"] = .array(8, [.string("b a")]) }
    expect("merge 0 of its tokenizer, 'ab'") { $0["merges"] = .array(8, [.string("ab")]) }
    expect("merge 0 of its tokenizer, ''") { $0["merges"] = .array(8, [.string("")]) }
    expect("bos_token_id is 8, but there are 8 tokens") { $0["bos_token_id"] = .uint32(8) }
    expect("eos_token_id is -1, but there are 8 tokens") { $0["eos_token_id"] = .int32(-1) }
  }
}
