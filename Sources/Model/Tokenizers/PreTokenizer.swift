/// How text is cut into words before the merges, none of which crosses a cut.
struct PreTokenizer: Sendable, Equatable {
  /// What happens to digits before everything else: `Digits` of `tokenizers`.
  enum Digits: Sendable {
    case asTheyAre
    /// Cut into runs of digits and runs of other characters.
    case apart
    /// Each digit is a word.
    case individually
  }

  var digits: Digits
  /// Whether GPT-2's pattern then cuts what is left.
  var splitsWords: Bool

  static let gpt2 = PreTokenizer(digits: .asTheyAre, splitsWords: true)
  static let smollm = PreTokenizer(digits: .individually, splitsWords: true)

  /// Calls `word` with the place of each word of `range` in turn. Together they cover it.
  ///
  /// - Parameter text: UTF-8, valid.
  func split(_ text: ArraySlice<UInt8>, _ range: Range<Int>, _ word: (Range<Int>) -> Void) {
    switch digits {
    case .asTheyAre: splitWords(text, range, word)
    case .apart, .individually:
      var start = range.lowerBound
      while start < range.upperBound {
        let (isNumber, length) = numberAt(text, start)
        var end = start + length
        while end < range.upperBound, !(isNumber && digits == .individually),
          case let next = numberAt(text, end), next.isNumber == isNumber
        {
          end += next.length
        }
        splitWords(text, start..<end, word)
        start = end
      }
    }
  }

  private func numberAt(_ text: ArraySlice<UInt8>, _ index: Int) -> (isNumber: Bool, length: Int) {
    let (kind, length) = ScalarKind.at(index, in: text)
    return (kind == .number, length)
  }

  /// Cuts as GPT-2's pattern matches:
  /// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`.
  private func splitWords(
    _ text: ArraySlice<UInt8>, _ range: Range<Int>, _ word: (Range<Int>) -> Void
  ) {
    guard splitsWords else {
      if !range.isEmpty { word(range) }
      return
    }
    var start = range.lowerBound
    while start < range.upperBound {
      let end =
        Self.contraction(text, start..<range.upperBound)
        ?? Self.wordEnd(text, start..<range.upperBound)
      word(start..<end)
      start = end
    }
  }

  private static let contractions = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"].map {
    Array($0.utf8)
  }

  private static func contraction(_ text: ArraySlice<UInt8>, _ range: Range<Int>) -> Int? {
    guard text[range.lowerBound] == UInt8(ascii: "'") else { return nil }
    return contractions.first { text[range].starts(with: $0) }.map { range.lowerBound + $0.count }
  }

  /// Where the word ends that begins at `range.lowerBound`, if that is no contraction.
  private static func wordEnd(_ text: ArraySlice<UInt8>, _ range: Range<Int>) -> Int {
    var start = range.lowerBound
    if text[start] == UInt8(ascii: " "), start + 1 < range.upperBound,
      ScalarKind.at(start + 1, in: text).kind != .space
    {
      start += 1
    }
    let kind = ScalarKind.at(start, in: text).kind
    var (end, last) = (start, start)
    while end < range.upperBound, case let next = ScalarKind.at(end, in: text), next.kind == kind {
      last = end
      end += next.length
    }
    // White space before something else leaves its last character to that: `\s+(?!\S)`.
    return kind == .space && end < range.upperBound && last > start ? last : end
  }
}

/// What GPT-2's pattern tells apart.
enum ScalarKind {
  /// `\p{L}`
  case letter
  /// `\p{N}`, which is also what `Digits` takes for a digit (Rust's `char::is_numeric`).
  case number
  /// `\s`: the property White_Space.
  case space
  case other

  /// The kind and the number of bytes of the scalar that begins at `index` of valid UTF-8.
  static func at(
    _ index: Int, in text: ArraySlice<UInt8>
  ) -> (kind: ScalarKind, length: Int) {
    let lead = UInt32(text[index])
    func continuation(_ offset: Int) -> UInt32 { UInt32(text[index + offset] & 0x3F) }
    switch lead {
    case ..<0x80: return (ascii(UInt8(lead)), 1)
    case ..<0xE0: return (of((lead & 0x1F) << 6 | continuation(1)), 2)
    case ..<0xF0:
      return (of((lead & 0x0F) << 12 | continuation(1) << 6 | continuation(2)), 3)
    default:
      let scalar =
        (lead & 0x07) << 18 | continuation(1) << 12 | continuation(2) << 6 | continuation(3)
      return (of(scalar), 4)
    }
  }

  private static func ascii(_ byte: UInt8) -> ScalarKind {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): .letter
    case UInt8(ascii: "0")...UInt8(ascii: "9"): .number
    case 0x09...0x0D, 0x20: .space
    default: .other
    }
  }

  private static func of(_ value: UInt32) -> ScalarKind {
    guard let scalar = Unicode.Scalar(value) else { return .other }
    if scalar.properties.isWhitespace { return .space }
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
      return .letter
    case .decimalNumber, .letterNumber, .otherNumber: return .number
    default: return .other
    }
  }
}
