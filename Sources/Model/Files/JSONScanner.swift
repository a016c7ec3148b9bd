/// A strict reader of JSON (RFC 8259) that walks over the bytes.
///
/// Foundation's decoder keeps one of two equal keys without a word, which a checkpoint's header
/// must not have, and makes a value for each of a vocabulary's hundred thousand strings.
struct JSONScanner {
  /// The name of the file, for errors.
  let source: String
  let bytes: [UInt8]
  var position = 0
  private var depth = 0

  /// How deep values may be nested: the scanner calls itself for each level.
  private static let deepest = 128

  /// - Throws: if `bytes` are not UTF-8.
  init(_ bytes: [UInt8], source: String) throws {
    self.bytes = bytes
    self.source = source
    if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
      throw error("the file is UTF-16 (it begins with a byte order mark, BOM): save it as UTF-8")
    }
    if let invalid = firstInvalidUTF8(bytes) {
      position = invalid
      throw error("this byte is not UTF-8")
    }
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) {
      throw error("the file begins with a byte order mark (BOM): save it as UTF-8 without one")
    }
  }

  func error(_ message: String) -> ModelError {
    ModelError(.file, "\(quoted(source)), byte \(position): \(message)")
  }

  /// The first byte after white space; nil at the end.
  mutating func peek() -> UInt8? {
    while position < bytes.count {
      switch bytes[position] {
      case UInt8(ascii: " "), UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: "\t"):
        position += 1
      case let byte: return byte
      }
    }
    return nil
  }

  /// Nothing but white space may follow.
  mutating func end() throws {
    guard peek() == nil else { throw error("there is more after the end of the JSON value") }
  }

  private mutating func skip(_ byte: UInt8) -> Bool {
    guard peek() == byte else { return false }
    position += 1
    return true
  }

  private mutating func expect(_ character: Unicode.Scalar) throws {
    guard skip(UInt8(ascii: character)) else { throw error("'\(character)' is missing here") }
  }

  /// Reads an object. `member` is called with the scanner before each value, and must read it.
  ///
  /// - Throws: if a key occurs twice.
  mutating func object(_ member: (inout JSONScanner, String) throws -> Void) throws {
    var keys: Set<String> = []
    try members { scanner in
      let start = scanner.position
      let key = try scanner.string()
      guard keys.insert(key).inserted else {
        scanner.position = start
        throw scanner.error("the key \(quoted(key)) occurs twice")
      }
      try scanner.colon()
      try member(&scanner, key)
    }
  }

  /// Reads an object. `member` must read key, colon and value, and look for equal keys itself.
  mutating func members(_ member: (inout JSONScanner) throws -> Void) throws {
    try list("{", "}") { scanner in
      guard scanner.peek() == UInt8(ascii: "\"") else { throw scanner.error("a key is missing") }
      try member(&scanner)
    }
  }

  mutating func colon() throws { try expect(":") }

  /// Reads an array. `element` is called with the scanner before each value, and must read it.
  mutating func array(_ element: (inout JSONScanner) throws -> Void) throws {
    try list("[", "]", element)
  }

  private mutating func list(
    _ open: Unicode.Scalar, _ close: Unicode.Scalar, _ item: (inout JSONScanner) throws -> Void
  ) throws {
    try expect(open)
    guard depth < Self.deepest else { throw error("values are nested too deep") }
    depth += 1
    defer { depth -= 1 }
    if skip(UInt8(ascii: close)) { return }
    var count = 0
    repeat {
      if count.isMultiple(of: Interruption.stride) { try Interruption.check() }
      count += 1
      try item(&self)
    } while skip(UInt8(ascii: ","))
    try expect(close)
  }

  mutating func string() throws -> String {
    var content: [UInt8] = []
    try appendString(to: &content)
    return String(decoding: content, as: UTF8.self)
  }

  /// Reads a string and appends its UTF-8 to `content`.
  mutating func appendString(to content: inout [UInt8]) throws {
    try expect("\"")
    while true {
      let start = position
      while position < bytes.count, bytes[position] != UInt8(ascii: "\""),
        bytes[position] != UInt8(ascii: "\\"), bytes[position] >= 0x20
      {
        position += 1
      }
      content.append(contentsOf: bytes[start..<position])
      guard position < bytes.count else { throw error("a string does not end") }
      switch bytes[position] {
      case UInt8(ascii: "\""):
        position += 1
        return
      case UInt8(ascii: "\\"):
        position += 1
        try appendEscape(to: &content)
      default: throw error("a control character stands in a string")
      }
    }
  }

  private mutating func appendEscape(to content: inout [UInt8]) throws {
    guard position < bytes.count else { throw error("a string does not end") }
    let escape = bytes[position]
    position += 1
    switch escape {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): content.append(escape)
    case UInt8(ascii: "b"): content.append(0x08)
    case UInt8(ascii: "f"): content.append(0x0C)
    case UInt8(ascii: "n"): content.append(0x0A)
    case UInt8(ascii: "r"): content.append(0x0D)
    case UInt8(ascii: "t"): content.append(0x09)
    case UInt8(ascii: "u"):
      content.append(contentsOf: Array(String(Character(try escapedScalar())).utf8))
    default:
      position -= 1
      throw error("this escape does not exist in JSON")
    }
  }

  /// What follows `\u`: four digits, or two surrogates.
  private mutating func escapedScalar() throws -> Unicode.Scalar {
    let first = try hexadecimal()
    if let scalar = Unicode.Scalar(first) { return scalar }
    guard first < 0xDC00, position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
      bytes[position + 1] == UInt8(ascii: "u")
    else { throw error("half of a surrogate pair stands alone") }
    position += 2
    let second = try hexadecimal()
    guard (0xDC00..<0xE000).contains(second),
      let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
    else { throw error("half of a surrogate pair stands alone") }
    return scalar
  }

  private mutating func hexadecimal() throws -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard position < bytes.count,
        let digit = Character(Unicode.Scalar(bytes[position])).hexDigitValue
      else { throw error("\\u needs four hexadecimal digits") }
      value = value << 4 + UInt32(digit)
      position += 1
    }
    return value
  }
}
