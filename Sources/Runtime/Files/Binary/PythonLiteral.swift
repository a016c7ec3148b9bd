import Lang

/// A Python literal, as the header of an NPY file is one.
indirect enum PythonLiteral: Equatable {
  case text(String)
  case integer(Int)
  case boolean(Bool)
  case nothing
  /// A list or a tuple.
  case sequence([PythonLiteral])
  case dictionary([String: PythonLiteral])

  struct Malformed: Error {}

  init(parsing text: String) throws {
    var parser = Parser(bytes: Array(text.utf8)[...])
    self = try parser.value(depth: 0)
    parser.skipSpace()
    guard parser.bytes.isEmpty else { throw Malformed() }
  }

  private struct Parser {
    var bytes: ArraySlice<UInt8>

    mutating func skipSpace() {
      bytes = bytes.drop { $0 == 0x20 || $0 == 0x0A || $0 == 0x0D || $0 == 0x09 }
    }

    private mutating func take(_ character: Character) -> Bool {
      skipSpace()
      guard bytes.first == character.asciiValue else { return false }
      bytes.removeFirst()
      return true
    }

    mutating func value(depth: Int) throws -> PythonLiteral {
      guard depth < 16 else { throw Malformed() }
      skipSpace()
      switch bytes.first {
      case UInt8(ascii: "("):
        bytes.removeFirst()
        return .sequence(try elements(until: ")", depth: depth))
      case UInt8(ascii: "["):
        bytes.removeFirst()
        return .sequence(try elements(until: "]", depth: depth))
      case UInt8(ascii: "{"):
        bytes.removeFirst()
        return .dictionary(try members(depth: depth))
      case UInt8(ascii: "'"), UInt8(ascii: "\""): return .text(try text())
      default: return try word()
      }
    }

    private mutating func elements(until end: Character, depth: Int) throws -> [PythonLiteral] {
      var elements: [PythonLiteral] = []
      while !take(end) {
        elements.append(try value(depth: depth + 1))
        if !take(",") {
          guard take(end) else { throw Malformed() }
          break
        }
      }
      return elements
    }

    private mutating func members(depth: Int) throws -> [String: PythonLiteral] {
      var members: [String: PythonLiteral] = [:]
      while !take("}") {
        guard case .text(let key) = try value(depth: depth + 1), take(":"),
          members.updateValue(try value(depth: depth + 1), forKey: key) == nil
        else { throw Malformed() }
        if !take(",") {
          guard take("}") else { throw Malformed() }
          break
        }
      }
      return members
    }

    private mutating func word() throws -> PythonLiteral {
      let word = bytes.prefix { byte in
        (0x30...0x39).contains(byte) || byte == UInt8(ascii: "-") || (0x41...0x5A).contains(byte)
          || (0x61...0x7A).contains(byte)
      }
      bytes = bytes.dropFirst(word.count)
      switch String(decoding: word, as: UTF8.self) {
      case "True": return .boolean(true)
      case "False": return .boolean(false)
      case "None": return .nothing
      // Python 2 wrote long integers so.
      case let text where text.hasSuffix("L") && Int(text.dropLast()) != nil:
        return .integer(Int(text.dropLast()) ?? 0)
      case let text:
        guard let integer = Int(text) else { throw Malformed() }
        return .integer(integer)
      }
    }

    private mutating func text() throws -> String {
      let quote = bytes.removeFirst()
      var content: [UInt8] = []
      while let byte = bytes.popFirst() {
        if byte == quote {
          guard let text = String(validating: content, as: UTF8.self) else { throw Malformed() }
          return text
        }
        guard byte == UInt8(ascii: "\\") else {
          content.append(byte)
          continue
        }
        content += try escape()
      }
      throw Malformed()
    }

    /// What follows a backslash, as UTF-8.
    private mutating func escape() throws -> [UInt8] {
      switch bytes.popFirst() {
      case UInt8(ascii: "n"): return [0x0A]
      case UInt8(ascii: "r"): return [0x0D]
      case UInt8(ascii: "t"): return [0x09]
      case let byte? where byte == 0x27 || byte == 0x22 || byte == 0x5C: return [byte]
      case UInt8(ascii: "x"): return try scalar(digits: 2)
      case UInt8(ascii: "u"): return try scalar(digits: 4)
      case UInt8(ascii: "U"): return try scalar(digits: 8)
      default: throw Malformed()
      }
    }

    private mutating func scalar(digits: Int) throws -> [UInt8] {
      let text = String(decoding: bytes.prefix(digits), as: UTF8.self)
      bytes = bytes.dropFirst(digits)
      guard text.utf8.count == digits, let value = UInt32(text, radix: 16),
        let scalar = Unicode.Scalar(value)
      else { throw Malformed() }
      return Array(String(scalar).utf8)
    }
  }
}

/// A text as Python writes it.
func pythonString(_ text: String) -> String {
  var result = "'"
  for scalar in text.unicodeScalars {
    switch scalar {
    case "'", "\\": result += "\\" + String(scalar)
    case "\n": result += "\\n"
    case "\r": result += "\\r"
    case "\t": result += "\\t"
    case _ where scalar.value < 0x20 || scalar.value == 0x7F:
      let digits = String(scalar.value, radix: 16)
      result += "\\x" + (digits.count == 1 ? "0" : "") + digits
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result + "'"
}
