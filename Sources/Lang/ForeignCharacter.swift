/// Characters that come with text pasted from documents, and what was meant by them.
enum ForeignCharacter {
  /// Opening quotes, and what closes each.
  static let closingQuotes: [Unicode.Scalar: Set<Unicode.Scalar>] = [
    "“": ["”", "“"], "”": ["”"], "„": ["“", "”"], "‟": ["”"], "«": ["»"], "»": ["«", "»"],
    "‘": ["’", "‘"], "’": ["’"], "‚": ["‘", "’"], "‛": ["’"], "‹": ["›"], "›": ["‹", "›"],
    "「": ["」"], "＂": ["＂"], "＇": ["＇"],
  ]

  static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .spaceSeparator, .lineSeparator, .paragraphSeparator: true
    // Zero-width spaces and joiners, byte-order marks, direction marks.
    case .format: true
    default: false
    }
  }

  static func isDash(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.generalCategory == .dashPunctuation || scalar == "−"
  }

  /// What to write instead.
  static func replacement(for scalar: Unicode.Scalar) -> String? {
    if isDash(scalar) { return "-" }
    if let known = replacements[scalar] { return known }
    // The full-width forms of ASCII.
    if (0xFF01...0xFF5E).contains(scalar.value) {
      return Unicode.Scalar(scalar.value - 0xFEE0).map { String(Character($0)) }
    }
    return nil
  }

  private static let replacements: [Unicode.Scalar: String] = [
    "→": "->", "⟶": "->", "⇒": "->", "≤": "<=", "≥": ">=", "≠": "!=", "×": "*", "·": "*",
    "÷": "/", "…": "..", "∈": "in", "∧": "and", "∨": "or", "¬": "not", "、": ",", "。": ".",
    "∣": "|", "│": "|", "❘": "|",
  ]

  /// `U+00A0 NO-BREAK SPACE`
  static func describe(_ scalar: Unicode.Scalar) -> String {
    let digits = String(scalar.value, radix: 16, uppercase: true)
    let code = "U+" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    guard let name = scalar.properties.name ?? controlNames[scalar] else { return code }
    return code + " " + name
  }

  /// Control characters have no names of their own.
  private static let controlNames: [Unicode.Scalar: String] = [
    "\u{0}": "NULL", "\u{7}": "BELL", "\u{8}": "BACKSPACE", "\u{B}": "VERTICAL TAB",
    "\u{C}": "FORM FEED", "\u{1B}": "ESCAPE", "\u{7F}": "DELETE",
  ]
}
