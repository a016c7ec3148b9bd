/// What models are asked when they are verified.
enum VerificationTexts {
  static let prompts = [
    "The Colosseum is in the city of Rome, and the Eiffel Tower is in the city of",
    "def fibonacci(n):\n    if n < 2:\n        return n\n    return",
    "Die Hauptstadt von Frankreich ist",
  ]

  /// Texts of many kinds, one for each thing that a tokenizer is known to stumble over.
  static let lines = [
    "The Colosseum is in the country of Italy.",
    "Don't we've I'll they're; HELLO'S",
    "a  b   c    d", "tab\tand\t\ttabs", "line\nline\n\nline\r\nend", "ends with spaces   ",
    "    four spaces first", "\n\nlines first",
    "0 12 345 6789 01234567890123456789", "3.14159e-10, 1,000,000 and 50%",
    "snake_case camelCase PascalCase kebab-case SCREAMING_CASE",
    "for (int i = 0; i < n; ++i) { sum += a[i] * b[i]; }", "https://example.org/a?b=c&d=e#f",
    "{\"key\": [1, 2.5, null, true], \"text\": \"\\n\"}", "\\alpha + \\beta = \\frac{1}{2}",
    "!?.,;:'\"()[]{}<>@#$%^&*-_=+|\\/~`", "--- *** === ___ ...",
    "café naïve Ångström ŒUVRE Straße", "cafe\u{301} A\u{30A} e\u{323}\u{302}",
    "Привет, мир! Ελληνικά שלום مرحبا", "日本語のテキスト 中文文本 한국어 텍스트", "ไทย हिन्दी தமிழ்",
    "👍 🇮🇹 👩‍👩‍👧‍👦 ❤️ 🏳️‍🌈", "∑ ∫ √ ≤ ≠ ∞ → ⇒ ½ ² Ω",
    "\u{A0}no-break\u{A0}space\u{2003}em\u{200B}zero\u{FEFF}mark",
    "“quotes” ‘single’ — dash – en … ‹›",
    "\u{1F}\u{7F}\u{85}control", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𐍈 𒀀", "",
  ]
}
