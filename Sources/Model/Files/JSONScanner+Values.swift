extension JSONScanner {
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
    func isDigit(_ index: Int) -> Bool {
      index < bytes.count && (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[index])
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
