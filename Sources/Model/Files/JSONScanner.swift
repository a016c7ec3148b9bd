/// A strict reader of JSON (RFC 8259) that walks over the bytes.
///
/// Foundation's decoder keeps one of two equal keys without a word, which a checkpoint's header
/// must not have, and makes a value for each of a vocabulary's hundred thousand strings.
struct JSONScanner {
  /// The name of the file, for errors.
  let source: String
  private let bytes: [UInt8]
  private(set) var position = 0
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
    if let place = firstInvalidUTF8(bytes) {
      position = place
      throw error("this byte is not UTF-8")
    }
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) {
      throw error("the file begins with a byte order mark (BOM): save it as UTF-8 without one")
    }
  }

  func error(_ message: String) -> ModelError {
    ModelError(.file, "\(quoted(source)), byte \(position): \(message)")
  }

  /// The first byte that is no white space, which is skipped; nil at the end.
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

  /// Reads a whole number without fraction or exponent.
  mutating func integer() throws -> Int {
    _ = peek()
    let start = position
    guard case .integer(let value) = try number() else {
      position = start
      throw error("a whole number is needed here")
    }
    return value
  }

  mutating func number() throws -> JSON {
    _ = peek()
    let start = position
    func isDigit(_ place: Int) -> Bool {
      place < bytes.count && (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[place])
    }
    func isOne(of characters: StaticString) -> Bool {
      position < bytes.count
        && characters.withUTF8Buffer { $0.contains(bytes[position]) }
    }
    if isOne(of: "-") { position += 1 }
    guard isDigit(position) else { throw error("a number is needed here") }
    let leadingZero = bytes[position] == UInt8(ascii: "0")
    if leadingZero && isDigit(position + 1) { throw error("a number begins with 0") }
    while isDigit(position) { position += 1 }
    var isWhole = true
    if isOne(of: ".") {
      isWhole = false
      position += 1
      guard isDigit(position) else { throw error("a digit is missing here") }
      while isDigit(position) { position += 1 }
    }
    if isOne(of: "eE") {
      isWhole = false
      position += 1
      if isOne(of: "+-") { position += 1 }
      guard isDigit(position) else { throw error("a digit is missing here") }
      while isDigit(position) { position += 1 }
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    if isWhole, let value = Int(text) { return .integer(value) }
    guard let value = Double(text), value.isFinite else {
      position = start
      throw error("this number is too large")
    }
    return .double(value)
  }

  /// Reads `null`, `true` or `false`.
  private mutating func word() throws -> JSON {
    for (word, value) in [("null", JSON.null), ("true", .bool(true)), ("false", .bool(false))]
    where bytes[position...].starts(with: word.utf8) {
      position += word.utf8.count
      return value
    }
    throw error("a value is needed here")
  }

  /// What Python's json writes for numbers that JSON does not have.
  private func refuseNotANumber() throws {
    for word in ["NaN", "Infinity", "-Infinity"] where bytes[position...].starts(with: word.utf8) {
      throw error("\(word) is not a number in JSON: write a finite number or null")
    }
  }

  /// Reads any value.
  mutating func value() throws -> JSON {
    let first = peek()
    switch first {
    case UInt8(ascii: "N"), UInt8(ascii: "I"), UInt8(ascii: "-"): try refuseNotANumber()
    default: break
    }
    switch first {
    case UInt8(ascii: "{"):
      var members: [String: JSON] = [:]
      try object { scanner, key in members[key] = try scanner.value() }
      return .object(members)
    case UInt8(ascii: "["):
      var elements: [JSON] = []
      try array { elements.append(try $0.value()) }
      return .array(elements)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "n"), UInt8(ascii: "t"), UInt8(ascii: "f"): return try word()
    case nil: throw error("a value is missing at the end")
    default: return try number()
    }
  }
}

/// A JSON value in memory, for the small files.
enum JSON: Equatable, Sendable {
  case null
  case bool(Bool)
  case integer(Int)
  case double(Double)
  case string(String)
  case array([JSON])
  case object([String: JSON])

  /// The whole of a file, which must be a JSON value of at most `limit` bytes.
  static func read(path: String, limit: Int = 64 << 20) throws -> JSON {
    try JSON(bytes(path: path, limit: limit), source: path)
  }

  /// The whole of a file that should be JSON and is of at most `limit` bytes.
  static func bytes(path: String, limit: Int) throws -> [UInt8] {
    let file = try ReadableFile(path: path)
    guard file.size <= limit else {
      throw file.damaged("\(file.size) bytes are too many for a file of this kind")
    }
    let bytes = try file.bytes(at: 0, count: file.size)
    if let (what, help) = ForeignFile.describe(bytes) {
      throw file.damaged("this is \(what)", help: help)
    }
    return bytes
  }

  /// One value, and nothing after it.
  init(_ bytes: [UInt8], source: String) throws {
    var scanner = try JSONScanner(bytes, source: source)
    self = try scanner.value()
    try scanner.end()
  }

  /// The member of that name; nil if there is none, if it is null, or if this is no object.
  subscript(key: String) -> JSON? {
    guard case .object(let members) = self, let value = members[key], value != .null else {
      return nil
    }
    return value
  }

  var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
  var int: Int? { if case .integer(let value) = self { value } else { nil } }
  var string: String? { if case .string(let value) = self { value } else { nil } }
  var array: [JSON]? { if case .array(let value) = self { value } else { nil } }
  var object: [String: JSON]? { if case .object(let value) = self { value } else { nil } }

  var double: Double? {
    switch self {
    case .double(let value): value
    case .integer(let value): Double(value)
    default: nil
    }
  }
}

extension JSON: ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral
{
  init(integerLiteral value: Int) { self = .integer(value) }
  init(floatLiteral value: Double) { self = .double(value) }
  init(booleanLiteral value: Bool) { self = .bool(value) }
}

/// Where the first byte lies that no UTF-8 text can have there; nil if there is none.
func firstInvalidUTF8(_ bytes: some Sequence<UInt8>) -> Int? {
  // The bytes that must follow, and the range that the next one must lie in (RFC 3629, section 4).
  var (place, following, low, high): (Int, Int, UInt8, UInt8) = (0, 0, 0x80, 0xBF)
  var start = 0
  for byte in bytes {
    if following > 0 {
      guard (low...high).contains(byte) else { return start }
      following -= 1
      (low, high) = (0x80, 0xBF)
    } else {
      start = place
      switch byte {
      case 0x00...0x7F: break
      case 0xC2...0xDF: following = 1
      case 0xE0: (following, low) = (2, 0xA0)
      case 0xED: (following, high) = (2, 0x9F)
      case 0xE1...0xEF: following = 2
      case 0xF0: (following, low) = (3, 0x90)
      case 0xF4: (following, high) = (3, 0x8F)
      case 0xF1...0xF3: following = 3
      default: return start
      }
    }
    place += 1
  }
  return following > 0 ? start : nil
}
