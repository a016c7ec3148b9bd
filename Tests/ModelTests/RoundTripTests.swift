import TestSupport
import Testing

@testable import Model

/// Whether a text comes back, and what is said where it cannot.
@Suite struct RoundTripTests {
  private static func tokenizer(_ name: String) throws -> Tokenizer {
    try Tokenizer(
      tokenizerJSON: Fixtures.path("tokenizer-families/\(name).json"),
      config: Fixtures.path("tokenizer-families/\(name).config.json"))
  }

  @Test(arguments: ["neox", "llama3", "qwen2", "llama2", "metaspace", "gemma"])
  func plainTexts(name: String) throws {
    let tokenizer = try Self.tokenizer(name)
    for text in ["The fox", "a  b\n\tc", "naïve 日本 👍", "", "1234"] {
      #expect(tokenizer.roundTrip(text) == .same, "\(name): \(text)")
    }
  }

  /// Swift's == takes the two for equal; a tokenizer does not.
  @Test func composedCharacters() throws {
    let text = "cafe\u{301}"
    let composing = RoundTrip.changed("it composes characters (NFC)")
    #expect(try Self.tokenizer("neox").roundTrip(text) == composing)
    #expect(try Self.tokenizer("qwen2").roundTrip(text) == composing)
    #expect(try Self.tokenizer("llama3").roundTrip(text) == .same)
  }

  @Test func spacesAtTheBeginning() throws {
    #expect(try Self.tokenizer("llama2").roundTrip("  two") == .same)
    #expect(
      try Self.tokenizer("metaspace").roundTrip(" one")
        == .changed("it takes a space at the beginning for its own"))
  }

  @Test func charactersWithoutAToken() throws {
    let tokenizer = try Tokenizer(
      tokenizerJSON: Fixtures.path("tokenizer-small/unknown.json"),
      config: Fixtures.path("tokenizer-small/tokenizer_config.json"))
    try #require(tokenizer.byteTokens[0x7F] < 0)
    #expect(
      tokenizer.roundTrip("a\u{7F}") == .changed("it has no token for some characters"))
  }
}
