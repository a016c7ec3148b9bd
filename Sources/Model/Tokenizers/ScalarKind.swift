/// What the patterns that cut words tell apart.
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
  /// What `\w` is to `tokenizers`: the characters next to which no token for single words begins.
  var isWordCharacter: Bool {
    if isASCII { return properties.isAlphabetic || ("0"..."9").contains(self) || self == "_" }
    if properties.isAlphabetic || properties.isJoinControl { return true }
    return switch properties.generalCategory {
    case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation: true
    default: false
    }
  }

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
func scalar(
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
