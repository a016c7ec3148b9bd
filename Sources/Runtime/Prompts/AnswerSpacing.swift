/// Whether the answers of facts, which files mostly write without it, get the space that stands
/// before a word in running text.
struct AnswerSpacing {
  /// Whether all are kept as they are written.
  var isExact = false

  /// The answer as it follows a prompt. A space is put before a word of a script that is written with
  /// spaces, unless the prompt ends in one, or in an opening bracket or quote.
  func written(_ answer: String, after prompt: String? = nil) -> String {
    guard !isExact, Self.beginsWord(answer), !(prompt.map(Self.opensWord) ?? false) else {
      return answer
    }
    return " " + answer
  }

  private static func beginsWord(_ text: String) -> Bool {
    guard let first = text.unicodeScalars.first else { return false }
    switch first.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter,
      .decimalNumber, .letterNumber, .otherNumber:
      return !unspaced.contains { $0.contains(first.value) }
    default: return false
    }
  }

  private static func opensWord(_ text: String) -> Bool {
    guard let last = text.unicodeScalars.last else { return true }
    if last.properties.isWhitespace { return true }
    switch last.properties.generalCategory {
    case .openPunctuation, .initialPunctuation: return true
    case .otherPunctuation where last == "\"" || last == "'":
      // An opening one follows a space or a bracket, or begins the text.
      guard let before = text.unicodeScalars.dropLast().last else { return true }
      return before.properties.isWhitespace
        || before.properties.generalCategory == .openPunctuation
    default: return false
    }
  }

  /// Scripts whose words have no spaces between them: Thai, Lao, Tibetan, Myanmar, Khmer, kana,
  /// Bopomofo, Han, Yi, Javanese and the like.
  private static let unspaced: [ClosedRange<UInt32>] = [
    0x0E00...0x0EFF, 0x0F00...0x0FFF, 0x1000...0x109F, 0x1780...0x17FF, 0x1950...0x19DF,
    0x1A20...0x1AAF, 0x2E80...0x312F, 0x31A0...0x4DBF, 0x4E00...0x9FFF, 0xA000...0xA4CF,
    0xA980...0xA9FF, 0xAA60...0xAADF, 0xF900...0xFAFF, 0xFF66...0xFF9F, 0x1AFF0...0x1B16F,
    0x20000...0x3FFFD,
  ]
}
