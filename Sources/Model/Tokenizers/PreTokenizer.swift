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

  private func numberAt(
    _ text: ArraySlice<UInt8>, _ index: Int
  ) -> (isNumber: Bool, length: Int) {
    let (scalar, length) = scalar(at: index, in: text)
    return (scalar.isNumeric, length)
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
  /// `\p{N}`
  case number
  /// `\s`: the property White_Space.
  case space
  case other

  /// The kind and the number of bytes of the scalar that begins at `index` of valid UTF-8.
  static func at(_ index: Int, in text: ArraySlice<UInt8>) -> (kind: ScalarKind, length: Int) {
    let (scalar, length) = scalar(at: index, in: text)
    return (ScalarKind(scalar), length)
  }

  init(_ scalar: Unicode.Scalar) {
    switch scalar {
    case "a"..."z", "A"..."Z": self = .letter
    case "0"..."9": self = .number
    case " ", "\t"..."\r": self = .space
    case "\0"..."\u{7F}": self = .other
    default: self = Self.outsideASCII(scalar)
    }
  }

  private static func outsideASCII(_ scalar: Unicode.Scalar) -> ScalarKind {
    let properties = scalar.properties
    if properties.isWhitespace { return .space }
    // The characters that Unicode 17 added are none yet to the pattern's engine in `tokenizers`,
    // and a text's tokens must not depend on the compiler's version.
    guard let age = properties.age, age.major <= 16 else { return .other }
    switch properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
      return .letter
    case .decimalNumber, .letterNumber, .otherNumber: return .number
    default: return .other
    }
  }
}

extension Unicode.Scalar {
  /// What `Digits` takes for a digit: Rust's `char::is_numeric`, which knows Unicode 17 already.
  var isNumeric: Bool {
    if isASCII { return ("0"..."9").contains(self) }
    return switch properties.generalCategory {
    case .decimalNumber, .letterNumber, .otherNumber: true
    default: false
    }
  }
}

/// The scalar that begins at `index` of valid UTF-8, and its number of bytes.
private func scalar(
  at index: Int, in text: ArraySlice<UInt8>
) -> (scalar: Unicode.Scalar, length: Int) {
  let lead = UInt32(text[index])
  func continuation(_ offset: Int) -> UInt32 { UInt32(text[index + offset] & 0x3F) }
  let (value, length): (UInt32, Int) =
    switch lead {
    case ..<0x80: (lead, 1)
    case ..<0xE0: ((lead & 0x1F) << 6 | continuation(1), 2)
    case ..<0xF0: ((lead & 0x0F) << 12 | continuation(1) << 6 | continuation(2), 3)
    default:
      (
        (lead & 0x07) << 18 | continuation(1) << 12 | continuation(2) << 6 | continuation(3), 4
      )
    }
  return (Unicode.Scalar(value) ?? "\u{FFFD}", length)
}
