import Model

/// RFC 8259, strictly: no comments, no trailing commas, no NaN, keys of an object all different,
/// surrogates in pairs. Numbers that do not fit are errors, nesting is limited.
struct JSONParser {
  /// What is wrong, and at which index of the bytes.
  struct Problem: Error {
    var message: String
    var help: String?
    var index: Int
  }

  private let bytes: ArraySlice<UInt8>
  private var index: Int
  private var parsed = 0
  private static let deepest = 128

  /// `bytes` must be UTF-8.
  static func parse(_ bytes: ArraySlice<UInt8>) throws(Problem) -> JSONValue {
    var parser = JSONParser(bytes)
    let value = try parser.value(depth: 0)
    parser.skipSpace()
    guard parser.byte == nil else { throw parser.problem("text follows the end of the value") }
    return value
  }

  private init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    index = bytes.startIndex
  }

  private var byte: UInt8? { index < bytes.endIndex ? bytes[index] : nil }

  private func problem(_ message: String, help: String? = nil) -> Problem {
    Problem(message: message, help: help, index: index)
  }

  private mutating func skipSpace() {
    while let byte, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { index += 1 }
  }

  private mutating func take(_ expected: Character) -> Bool {
    guard byte == expected.asciiValue else { return false }
    index += 1
    return true
  }

  private mutating func value(depth: Int) throws(Problem) -> JSONValue {
    parsed += 1
    if parsed.isMultiple(of: Interruption.stride), (try? Interruption.check()) == nil {
      throw problem("interrupted")
    }
    guard depth <= JSONParser.deepest else {
      throw problem("nested deeper than \(JSONParser.deepest) levels")
    }
    skipSpace()
    switch byte {
    case nil: throw problem("a value is missing at the end")
    case UInt8(ascii: "{"): return try object(depth: depth)
    case UInt8(ascii: "["): return try array(depth: depth)
    case UInt8(ascii: "\""): return .string(try string())
    case .some(UInt8(ascii: "-")), .some(0x30...0x39): return try number()
    default: return try word()
    }
  }

  private mutating func object(depth: Int) throws(Problem) -> JSONValue {
    index += 1
    var members: [JSONValue.Member] = []
    var keys: Set<String> = []
    skipSpace()
    if take("}") { return .object([]) }
    while true {
      skipSpace()
      guard byte == UInt8(ascii: "\"") else {
        throw problem("a key in double quotes is missing", help: "is there a comma too many?")
      }
      let start = index
      let key = try string()
      guard keys.insert(key).inserted else {
        throw Problem(message: "the key \(jsonString(key)) comes twice", index: start)
      }
      skipSpace()
      guard take(":") else { throw problem("a colon is missing after a key") }
      members.append(JSONValue.Member(key, try value(depth: depth + 1)))
      skipSpace()
      if take("}") { return .object(members) }
      guard take(",") else { throw problem("a comma or `}` is missing") }
    }
  }

  private mutating func array(depth: Int) throws(Problem) -> JSONValue {
    index += 1
    var elements: [JSONValue] = []
    skipSpace()
    if take("]") { return .array([]) }
    while true {
      skipSpace()
      if byte == UInt8(ascii: "]") {
        throw problem("a value is missing after a comma", help: "take the comma away")
      }
      elements.append(try value(depth: depth + 1))
      skipSpace()
      if take("]") { return .array(elements) }
      guard take(",") else { throw problem("a comma or `]` is missing") }
    }
  }

  private mutating func word() throws(Problem) -> JSONValue {
    for (text, value) in [
      ("true", JSONValue.boolean(true)), ("false", .boolean(false)),
      ("null", .null),
    ]
    where bytes[index...].starts(with: text.utf8) {
      index += text.utf8.count
      return value
    }
    let isNaN = bytes[index...].starts(with: "NaN".utf8)
    let isInfinity = bytes[index...].starts(with: "Infinity".utf8)
    if isNaN || isInfinity {
      throw problem("JSON has no NaN and no Infinity", help: "write null")
    }
    throw problem("this is not a value", help: "texts stand in double quotes")
  }

  private mutating func number() throws(Problem) -> JSONValue {
    let start = index
    var isInteger = true
    _ = take("-")
    if bytes[index...].starts(with: "Infinity".utf8) {
      throw problem("JSON has no NaN and no Infinity", help: "write null")
    }
    if take("0") {
      if let byte, (0x30...0x39).contains(byte) { throw problem("a number begins with 0") }
    } else {
      try digits()
    }
    if take(".") {
      isInteger = false
      try digits()
    }
    if take("e") || take("E") {
      isInteger = false
      if !take("+") { _ = take("-") }
      try digits()
    }
    let text = String(decoding: bytes[start..<index], as: UTF8.self)
    if isInteger, text != "-0", let value = Int(text) { return .integer(value) }
    guard let value = Double(text), value.isFinite else {
      throw Problem(message: "the number \(text.prefix(40)) is too large", index: start)
    }
    return .number(value)
  }

  private mutating func digits() throws(Problem) {
    guard let first = byte, (0x30...0x39).contains(first) else {
      throw problem("a digit is missing in a number")
    }
    while let byte, (0x30...0x39).contains(byte) { index += 1 }
  }

  private mutating func string() throws(Problem) -> String {
    let start = index
    index += 1
    var content: [UInt8] = []
    while true {
      let run = index
      while let byte, byte != 0x22, byte != 0x5C, byte >= 0x20 { index += 1 }
      content.append(contentsOf: bytes[run..<index])
      switch byte {
      case nil: throw Problem(message: "a text is never closed", index: start)
      case 0x22:
        index += 1
        return String(decoding: content, as: UTF8.self)
      case 0x5C:
        index += 1
        content.append(contentsOf: try escape())
      default:
        throw problem("a control character in a text", help: "write it as \\n, \\t or \\u00XX")
      }
    }
  }

  /// What follows a backslash, as UTF-8.
  private mutating func escape() throws(Problem) -> [UInt8] {
    let letter = byte
    index += 1
    switch letter {
    case UInt8(ascii: "n"): return [0x0A]
    case UInt8(ascii: "t"): return [0x09]
    case UInt8(ascii: "r"): return [0x0D]
    case UInt8(ascii: "b"): return [0x08]
    case UInt8(ascii: "f"): return [0x0C]
    case 0x22, 0x5C, UInt8(ascii: "/"): return letter.map { [$0] } ?? []
    case UInt8(ascii: "u"): break
    default:
      index -= 1
      throw problem("an unknown escape in a text", help: "a backslash is written twice")
    }
    let first = try hexadecimal()
    var value = first
    if (0xD800...0xDBFF).contains(first), bytes[index...].starts(with: [0x5C, 0x75]) {
      index += 2
      let second = try hexadecimal()
      if (0xDC00...0xDFFF).contains(second) {
        value = 0x10000 + (first - 0xD800) << 10 + (second - 0xDC00)
      }
    }
    guard let scalar = Unicode.Scalar(value) else {
      throw problem("half of a surrogate pair in a text")
    }
    return Array(String(scalar).utf8)
  }

  private mutating func hexadecimal() throws(Problem) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let byte, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw problem("four hexadecimal digits are needed after \\u")
      }
      value = value << 4 | UInt32(digit)
      index += 1
    }
    return value
  }
}
