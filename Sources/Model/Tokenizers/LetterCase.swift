/// What the patterns that cut a word before its capitals tell apart among letters and marks.
enum LetterCase {
  /// `[\p{Lu}\p{Lt}]`
  case upper
  /// `\p{Ll}`
  case lower
  /// `[\p{Lm}\p{Lo}\p{M}]`, which may stand among either.
  case both

  init?(_ scalar: Unicode.Scalar) {
    switch scalar {
    case "A"..."Z": self = .upper
    case "a"..."z": self = .lower
    case "\0"..."\u{7F}": return nil
    // ʕ, which Unicode 17 no longer counts among the small letters.
    case "\u{295}": self = .lower
    default:
      // As for ScalarKind.
      guard let age = scalar.properties.age, age.major <= 16 else { return nil }
      switch scalar.properties.generalCategory {
      case .uppercaseLetter, .titlecaseLetter: self = .upper
      case .lowercaseLetter: self = .lower
      case .modifierLetter, .otherLetter, .nonspacingMark, .spacingMark, .enclosingMark:
        self = .both
      default: return nil
      }
    }
  }

  /// Where the first of these ends that matches, `U` being upper or both, `L` lower or both: `U*L+`
  /// from `next`, the offset after one character that belongs to the letters, or from the beginning
  /// of `range`; else `U+L*`.
  static func wordEnd(
    _ text: ArraySlice<UInt8>, _ range: Range<Int>, after next: Int?
  ) -> Int? {
    let later = next.map { CapitalRun(text, $0..<range.upperBound) }
    if let end = later?.endWithLower { return end }
    let first = CapitalRun(text, range)
    return first.endWithLower ?? later?.end ?? first.end
  }

  /// `U*`, and what the letters after it make of it.
  private struct CapitalRun {
    /// Of `U+`; nil where there is none.
    let end: Int?
    /// Of `U*L+`: if no small letter follows, the last of both kinds is its `L+`.
    let endWithLower: Int?

    init(_ text: ArraySlice<UInt8>, _ range: Range<Int>) {
      var (end, lastOfBoth) = (range.lowerBound, Int?.none)
      while end < range.upperBound, case (let scalar, let length) = scalar(at: end, in: text),
        let letter = LetterCase(scalar), letter != .lower
      {
        end += length
        if letter == .both { lastOfBoth = end }
      }
      self.end = end > range.lowerBound ? end : nil
      var lowerEnd = end
      while lowerEnd < range.upperBound,
        case (let scalar, let length) = scalar(at: lowerEnd, in: text),
        let letter = LetterCase(scalar), letter != .upper
      {
        lowerEnd += length
      }
      endWithLower = lowerEnd > end ? lowerEnd : lastOfBoth
    }
  }
}
