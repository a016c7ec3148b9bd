import Foundation
import TestSupport
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

  /// Long runs take n log n steps: half a second at most, in a debug build. With the square of their
  /// length they would take more than the limit however they are compiled. It is wide, as the machine
  /// may be busy.
  @Test func longRunsAreQuick() throws {
    let tokenizer = try smollm
    for unit in ["a", " ", "ab", "é", "1", "'", "\n", "<|im_start|>", "<|im_start"] {
      let text = String(repeating: unit, count: 120_000 / unit.utf8.count)
      let clock = ContinuousClock()
      var pieces: [Tokenizer.Piece] = []
      let time = clock.measure { pieces = tokenizer.encode(text) }
      #expect(tokenizer.decode(pieces.map(\.id)) == text)
      #expect(time < .seconds(10), "\(quoted(unit)): \(time)")
    }
  }
}
