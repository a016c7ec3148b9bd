/// What becomes of a text that is encoded and decoded again.
public enum RoundTrip: Sendable, Equatable {
  case same
  /// Something else, as this tokenizer makes it of every such text: what it does, in words.
  case changed(String)
  /// Something else, that it promises not to make.
  case broken(String)
}

extension Tokenizer {
  public func roundTrip(_ text: String) -> RoundTrip {
    let pieces = encode(text)
    let decoded = Array(decode(pieces.map(\.id)).utf8)
    let written = Array(text.utf8)
    if decoded == written { return .same }
    guard isWhole(pieces, of: text) else { return .changed("it has no token for some characters") }
    let normalisesC = (normalizer.steps + spacing.steps).contains(.nfc)
    if normalisesC, decoded == Normalizer.nfc.apply(AlignedText(written[...])).bytes {
      return .changed("it composes characters (NFC)")
    }
    if putsSpaceBefore, [UInt8(ascii: " ")] + decoded == written {
      return .changed("it takes a space at the beginning for its own")
    }
    return .broken(String(decoding: decoded, as: UTF8.self))
  }
}
